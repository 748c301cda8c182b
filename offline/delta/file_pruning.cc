#include "offline/delta/file_pruning.h"

#include <charconv>

#include "offline/delta/data_file.h"
#include "schemas/types/time.h"

namespace forebay {

std::optional<int64_t> NumberTag(const AddAction& file, const std::string& tag) {
  auto it = file.tags.find(tag);
  if (it == file.tags.end()) return std::nullopt;
  const std::string& text = it->second;
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<TimeRange> DateOf(const AddAction& file) {
  std::optional<int64_t> start = StartOfDate(file);
  if (!start) return std::nullopt;
  return TimeRange{*start, *start + kMicrosPerDay};
}

bool FileMayHold(const AddAction& file, int64_t key_hash, const TimeRange& times) {
  if (auto date = DateOf(file); date && (date->from >= times.to || date->to <= times.from))
    return false;
  if (auto least = NumberTag(file, kKeyHashMinTag); least && *least > key_hash) return false;
  if (auto greatest = NumberTag(file, kKeyHashMaxTag); greatest && *greatest < key_hash)
    return false;
  if (auto first = NumberTag(file, kEffectiveMinTag); first && *first >= times.to) return false;
  auto last = NumberTag(file, kEffectiveMaxTag);
  return !last || *last >= times.from;
}

}  // namespace forebay
