#include "offline/training_set/label_split.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "engine/state/key.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr size_t kMostSplits = 255;

absl::Status WrongSplit(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      fmt::format("--split {}: {}; expected shares of the keys that make 1, such as "
                  "train=0.8,test=0.2, or times from which on, such as train,test=2026-01-31",
                  text, why));
}

bool IsSplitName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

absl::StatusOr<int64_t> ParseTimeOrDate(std::string_view text) {
  if (text.size() == 10) return ParseTime(std::string(text) + "T00:00:00Z");
  return ParseTime(text);
}

// The values of a row, as bytes that are equal where they are.
class RowBytes {
 public:
  explicit RowBytes(arrow::ArrayVector columns) {
    for (auto& column : columns) readers_.emplace_back(arrow::ArrayVector{std::move(column)});
  }

  void Append(int64_t row, std::string* bytes) {
    for (KeyReader& reader : readers_) {
      const bool valid = reader.Encode(row, &value_);
      AppendKeyBool(valid, bytes);
      if (valid) AppendKeyText(value_, bytes);
    }
  }

 private:
  std::vector<KeyReader> readers_;
  std::string value_;
};

absl::Status CheckColumn(const arrow::Table& labels, const std::string& name) {
  auto column = labels.GetColumnByName(name);
  if (column == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("--split-by: the labels have no column '{}'{}", name,
                    definition::AllowedNames(name, labels.ColumnNames(), "columns")));
  }
  arrow::Type::type type = column->type()->id();
  if (type == arrow::Type::DICTIONARY)
    type = static_cast<const arrow::DictionaryType&>(*column->type()).value_type()->id();
  if (IsText(type) || IsInteger(type) || type == arrow::Type::BOOL ||
      type == arrow::Type::TIMESTAMP)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("--split-by: column '{}' of the labels is {}; expected text, integers, booleans "
                  "or timestamps",
                  name, column->type()->ToString()));
}

std::vector<uint8_t> ByTime(const SplitRule& rule, const Labels& labels) {
  std::vector<uint8_t> splits;
  splits.reserve(labels.times.size());
  for (KnownTime time : labels.times) {
    auto next = std::find_if(rule.parts.begin() + 1, rule.parts.end(),
                             [&](const auto& part) { return time.value() < part.from_us; });
    splits.push_back(static_cast<uint8_t>(next - rule.parts.begin() - 1));
  }
  return splits;
}

// A number in [0, 1) made of the 53 upper bits of a hash.
double Fraction(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1p-53; }

absl::StatusOr<std::vector<uint8_t>> ByKey(const SplitRule& rule, const Labels& labels) {
  for (const std::string& name : rule.columns) RETURN_IF_ERROR(CheckColumn(*labels.table, name));
  std::vector<double> ends;
  double end = 0;
  for (const SplitRule::Part& part : rule.parts) ends.push_back(end += part.share);
  ends.back() = 1;
  std::string seed;
  AppendKeyInt(rule.seed, &seed);
  std::vector<uint8_t> splits;
  splits.reserve(labels.times.size());
  arrow::TableBatchReader batches(*labels.table);
  std::shared_ptr<arrow::RecordBatch> batch;
  std::string bytes;
  while (batches.ReadNext(&batch).ok() && batch != nullptr) {
    arrow::ArrayVector columns;
    for (const std::string& name : rule.columns) columns.push_back(batch->GetColumnByName(name));
    RowBytes rows(std::move(columns));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      bytes = seed;
      rows.Append(row, &bytes);
      const double place = Fraction(HashedKey(bytes).hash);
      const auto split = std::upper_bound(ends.begin(), ends.end(), place) - ends.begin();
      splits.push_back(static_cast<uint8_t>(split));
    }
  }
  return splits;
}

}  // namespace

std::vector<std::string> SplitRule::Names() const {
  std::vector<std::string> names;
  for (const Part& part : parts) names.push_back(part.name);
  return names;
}

absl::StatusOr<SplitRule> ParseSplit(std::string_view text) {
  SplitRule rule;
  std::set<std::string> seen;
  double sum = 0;
  for (absl::string_view one : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    const size_t equals = one.find('=');
    SplitRule::Part part{.name = std::string(one.substr(0, equals))};
    if (!IsSplitName(part.name)) {
      return WrongSplit(text,
                        fmt::format("'{}' is no name of letters, digits, - and _", part.name));
    }
    if (!seen.insert(part.name).second)
      return WrongSplit(text, fmt::format("there are two splits '{}'", part.name));
    const std::string value(equals == one.npos ? "" : one.substr(equals + 1));
    if (rule.parts.empty()) rule.by_time = equals == one.npos;
    if (!rule.by_time) {
      if (!absl::SimpleAtod(value, &part.share) || !(part.share > 0))
        return WrongSplit(text, fmt::format("'{}' is no share above 0", value));
      sum += part.share;
    } else if (!rule.parts.empty()) {
      absl::StatusOr<int64_t> from = ParseTimeOrDate(value);
      if (!from.ok()) return WrongSplit(text, std::string(from.status().message()));
      if (rule.parts.size() > 1 && *from <= rule.parts.back().from_us)
        return WrongSplit(text, fmt::format("'{}' is not after the time before it", value));
      part.from_us = *from;
    }
    rule.parts.push_back(std::move(part));
  }
  if (rule.parts.size() < 2 || rule.parts.size() > kMostSplits)
    return WrongSplit(text, fmt::format("2 to {} splits are possible", kMostSplits));
  if (!rule.by_time && std::abs(sum - 1) > 1e-9)
    return WrongSplit(text, fmt::format("the shares make {}", sum));
  return rule;
}

absl::StatusOr<std::vector<uint8_t>> SplitLabels(const SplitRule& rule, const Labels& labels) {
  return rule.by_time ? ByTime(rule, labels) : ByKey(rule, labels);
}

}  // namespace forebay
