#include "offline/training_set/baseline.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/escaping.h"

namespace forebay {
namespace {

using nlohmann::ordered_json;

constexpr char kEncoded[] = "encoded";

absl::StatusOr<FeatureStatistics> StatisticsOf(const ordered_json& json) {
  std::string bytes;
  if (!absl::Base64Unescape(json.at(kEncoded).get<std::string>(), &bytes))
    return absl::DataLossError("these statistics are no Base64");
  return FeatureStatistics::Decode(bytes);
}

// "spend_1h", of "user_spend@1.spend_1h".
std::string FeatureOf(const std::string& name) { return name.substr(name.find('.') + 1); }

// Somewhere below `size`: Fibonacci hashing.
int64_t PlaceIn(int64_t group, int64_t size) {
  constexpr uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;
  return static_cast<int64_t>(((static_cast<uint64_t>(group) * kGoldenRatio) >> 32) %
                              static_cast<uint64_t>(size));
}

}  // namespace

Baseline::Baseline(int64_t labels, const std::vector<DataType>& types)
    : of_labels_(std::max<int64_t>(1, (labels + kMostLabels - 1) / kMostLabels)) {
  for (DataType type : types) statistics_.emplace_back(type, StatisticsScope::kDrift);
}

void Baseline::Add(int64_t first, const std::vector<std::shared_ptr<arrow::Array>>& values,
                   const std::vector<KnownTime>& times) {
  if (values.empty()) return;
  const int64_t end = first + values[0]->length();
  std::vector<int64_t> rows, of_rows;
  for (int64_t group = first / of_labels_; group * of_labels_ < end; ++group) {
    const int64_t label = group * of_labels_ + PlaceIn(group, of_labels_);
    if (label < first || label >= end) continue;
    rows.push_back(label - first);
    of_rows.push_back(times[label].value());
  }
  for (size_t i = 0; i < values.size(); ++i) statistics_[i].AddSome(*values[i], rows, of_rows);
}

ordered_json StatisticsJson(const std::optional<FeatureStatistics>& statistics) {
  if (!statistics) return {};
  ordered_json json = {{"count", statistics->count()}, {"nulls", statistics->nulls()}};
  const NumberMoments& numbers = statistics->numbers();
  if (numbers.count > 0) {
    json["min"] = numbers.min;
    json["max"] = numbers.max;
    json["mean"] = numbers.mean;
    json["stddev"] = numbers.Deviation();
  }
  json[kEncoded] = absl::Base64Escape(statistics->Encode());
  return json;
}

ordered_json MergedStatistics(const ordered_json& one, const ordered_json& other) {
  if (one.is_null() || other.is_null()) return {};
  absl::StatusOr<FeatureStatistics> merged = StatisticsOf(one);
  absl::StatusOr<FeatureStatistics> added = StatisticsOf(other);
  if (!merged.ok() || !added.ok()) return {};
  merged->Merge(*added);
  return StatisticsJson(*merged);
}

absl::StatusOr<std::vector<FeatureBaseline>> ParseBaseline(std::string_view text,
                                                           const std::string& path) {
  std::string what;
  try {
    const ordered_json json = ordered_json::parse(text);
    std::vector<FeatureBaseline> baselines;
    for (const ordered_json& feature : json.at("features")) {
      const ordered_json statistics = feature.value("statistics", ordered_json());
      if (statistics.is_null()) {
        return absl::InvalidArgumentError(
            fmt::format("the manifest {} has no statistics of {}: an earlier forebay made it; make "
                        "the set again with `forebay training-set --again {}`",
                        path, feature.at("name").get<std::string>(), path));
      }
      absl::StatusOr<FeatureStatistics> decoded = StatisticsOf(statistics);
      if (!decoded.ok()) {
        what = std::string(decoded.status().message());
        break;
      }
      baselines.push_back(
          {.view = {feature.at("view").get<std::string>(), feature.at("version").get<uint32_t>()},
           .feature = FeatureOf(feature.at("name").get<std::string>()),
           .statistics = *std::move(decoded)});
    }
    if (what.empty()) return baselines;
  } catch (const nlohmann::json::exception& e) {
    what = e.what();
  }
  return absl::InvalidArgumentError(
      fmt::format("{} is no manifest of a training set: {}", path, what));
}

}  // namespace forebay
