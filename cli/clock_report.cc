#include "cli/clock_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/time/time.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr size_t kMostText = 60;

std::string Shown(const std::string& text) { return absl::CHexEscape(text.substr(0, kMostText)); }

bool NamesProducer(const std::string& header) {
  static constexpr std::array<std::string_view, 6> kWords = {"client",  "producer", "host",
                                                             "service", "app",      "origin"};
  std::string name = absl::AsciiStrToLower(header);
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

// The headers that look as if they name it, else the key.
std::string ProducerOf(const ClockAhead& ahead) {
  std::string text;
  for (const auto& [name, value] : ahead.headers) {
    if (NamesProducer(name))
      text += fmt::format("{}header {} '{}'", text.empty() ? "" : ", ", name, Shown(value));
  }
  if (!text.empty()) return text;
  return ahead.key ? fmt::format("no header names its producer, its key is '{}'", Shown(*ahead.key))
                   : "no header names its producer, and it has no key";
}

std::string_view RemedyFor(const v1::Source& source) {
  return source.known_time() == v1::Source::KAFKA
             ? "Set the clock of that producer, or let the broker stamp the records: "
               "message.timestamp.type=LogAppendTime on the topic"
             : "Mend what writes such times, or lower max_future of the source";
}

}  // namespace

std::string DescribeClockAhead(const ClockAhead& ahead, const v1::Source& source) {
  return fmt::format(
      "topic {}: the record at offset {} of partition {} is of {}, {} ahead of this worker's "
      "clock, "
      "and time does not go back in a partition: windows that are shorter answer 0 and take no "
      "other events until that time has come ({}). {}",
      ahead.task.topic, ahead.offset.value(), ahead.task.partition.value(),
      FormatTime(ahead.known_time.value()),
      absl::FormatDuration(absl::Seconds(ahead.ahead_us / 1'000'000)), ProducerOf(ahead),
      RemedyFor(source));
}

}  // namespace forebay
