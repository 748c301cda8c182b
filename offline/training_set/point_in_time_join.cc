#include "offline/training_set/point_in_time_join.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "forebay/v1/definition.pb.h"
#include "offline/training_set/key_column.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kGatheredRows = 2'000'000;

absl::StatusOr<const arrow::TimestampArray*> Times(const arrow::RecordBatch& rows,
                                                   const std::string& name) {
  auto column = rows.GetColumnByName(name);
  auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  if (column == nullptr || !column->type()->Equals(time)) {
    return absl::InvalidArgumentError(
        fmt::format("column {} is {}, expected {}", name,
                    column == nullptr ? "missing" : column->type()->ToString(), time->ToString()));
  }
  return static_cast<const arrow::TimestampArray*>(column.get());
}

// Whether the row's _op is `delete`.
class DeleteFlags {
 public:
  explicit DeleteFlags(const arrow::RecordBatch& rows) : column_(rows.GetColumnByName("_op")) {}

  bool IsText() const {
    return column_ != nullptr && (column_->type_id() == arrow::Type::STRING ||
                                  column_->type_id() == arrow::Type::LARGE_STRING);
  }
  bool At(int64_t row) const {
    return (column_->type_id() == arrow::Type::STRING
                ? static_cast<const arrow::StringArray&>(*column_).GetView(row)
                : static_cast<const arrow::LargeStringArray&>(*column_).GetView(row)) == "delete";
  }

 private:
  std::shared_ptr<arrow::Array> column_;
};

}  // namespace

PointInTimeJoin::PointInTimeJoin(const Labels& labels, const LabelKeys& keys,
                                 const v1::FeatureView& view, const v1::Entity& entity,
                                 const std::vector<int>& features)
    : labels_(labels),
      keys_(keys),
      view_(view),
      entity_(entity),
      features_(features),
      latest_label_(labels.times.empty()
                        ? INT64_MIN
                        : std::max_element(labels.times.begin(), labels.times.end())->value()),
      best_(labels.times.size()) {
  for (int feature : features) {
    columns_.emplace_back(view.features(feature), labels.times.size());
  }
}

std::vector<std::string> PointInTimeJoin::NeededColumns() const {
  std::vector<std::string> names = {"_effective_time", "_event_time", "_op"};
  for (const v1::Field& key : entity_.keys()) names.push_back(key.name());
  for (int feature : features_) names.push_back(view_.features(feature).name());
  return names;
}

absl::Status PointInTimeJoin::Add(std::shared_ptr<arrow::RecordBatch> rows) {
  ASSIGN_OR_RETURN(const arrow::TimestampArray* effective, Times(*rows, "_effective_time"));
  RETURN_IF_ERROR(Times(*rows, "_event_time").status());
  if (!DeleteFlags(*rows).IsText()) return absl::InvalidArgumentError("column _op is no text");
  std::vector<std::shared_ptr<arrow::Array>> parts;
  for (const v1::Field& key : entity_.keys()) {
    parts.push_back(rows->GetColumnByName(key.name()));
    if (parts.back() == nullptr) {
      return absl::InvalidArgumentError(fmt::format("key column {} is missing", key.name()));
    }
    RETURN_IF_ERROR(CheckKeyType(key, *parts.back()->type()));
  }
  KeyReader reader(std::move(parts));
  const int64_t* times = effective->raw_values();
  uint32_t batch = batches_.size();
  size_t before = rows_.size();
  std::string_view text;
  for (int64_t i = 0; i < rows->num_rows(); ++i) {
    first_effective_time_ = std::min(first_effective_time_, times[i]);
    if (times[i] > latest_label_ || !reader.Read(i, &text)) continue;
    if (std::optional<uint32_t> key = keys_.Find(text)) {
      rows_.push_back({times[i], *key, batch, static_cast<uint32_t>(i)});
    }
  }
  if (rows_.size() == before) return absl::OkStatus();
  gathered_ += rows->num_rows();
  batches_.push_back(std::move(rows));
  return gathered_ < kGatheredRows ? absl::OkStatus() : MergeGathered();
}

// By key, then time: a counting sort by key keeps the order of the tables, in which the rows of a
// key are already in order of time, so that sorting by time is the exception.
void PointInTimeJoin::SortGathered() {
  std::vector<uint32_t> starts(keys_.size() + 1, 0);
  for (const Row& row : rows_) ++starts[row.key + 1];
  for (size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  sorted_.resize(rows_.size());
  for (const Row& row : rows_) sorted_[starts[row.key]++] = row;
}

void PointInTimeJoin::MergeKey(uint32_t key, const Row* begin, const Row* end) {
  const Row* next = begin;
  for (uint32_t label : keys_.LabelsOf(key)) {
    int64_t time = labels_.times[label].value();
    while (next != end && next->effective_time <= time) ++next;
    if (next == begin) continue;
    const Row& row = next[-1];
    Best& best = best_[label];
    if (best.found && best.effective_time > row.effective_time) continue;
    best = {.effective_time = row.effective_time, .found = true};
    chosen_from_[row.batch].push_back(row.index);
    chosen_labels_[row.batch].push_back(label);
  }
}

absl::Status PointInTimeJoin::MergeGathered() {
  SortGathered();
  chosen_from_.assign(batches_.size(), {});
  chosen_labels_.assign(batches_.size(), {});
  auto earlier = [](const Row& a, const Row& b) { return a.effective_time < b.effective_time; };
  for (size_t begin = 0; begin < sorted_.size();) {
    size_t end = begin + 1;
    while (end < sorted_.size() && sorted_[end].key == sorted_[begin].key) ++end;
    Row* first = sorted_.data() + begin;
    Row* last = sorted_.data() + end;
    if (!std::is_sorted(first, last, earlier)) std::stable_sort(first, last, earlier);
    MergeKey(first->key, first, last);
    begin = end;
  }
  absl::Status status = TakeChosen();
  rows_.clear();
  batches_.clear();
  gathered_ = 0;
  return status;
}

absl::Status PointInTimeJoin::TakeChosen() {
  for (size_t b = 0; b < batches_.size(); ++b) {
    const std::vector<uint32_t>& from = chosen_from_[b];
    const std::vector<uint32_t>& labels = chosen_labels_[b];
    if (labels.empty()) continue;
    const arrow::RecordBatch& rows = *batches_[b];
    DeleteFlags deletes(rows);
    ASSIGN_OR_RETURN(const arrow::TimestampArray* event_times, Times(rows, "_event_time"));
    for (size_t i = 0; i < labels.size(); ++i) {
      best_[labels[i]].deleted = deletes.At(from[i]);
      best_[labels[i]].event_time = event_times->Value(from[i]);
    }
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string& name = view_.features(features_[c]).name();
      auto column = rows.GetColumnByName(name);
      if (column == nullptr) column = std::make_shared<arrow::NullArray>(rows.num_rows());
      absl::Status status = columns_[c].Set(*column, from, labels);
      if (!status.ok()) {
        return absl::InvalidArgumentError(
            fmt::format("column {} {}", name, std::string(status.message())));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status PointInTimeJoin::Finish() {
  RETURN_IF_ERROR(MergeGathered());
  for (uint32_t label = 0; label < best_.size(); ++label) {
    const Best& best = best_[label];
    if (!best.found) continue;
    bool too_old = view_.max_age_us() > 0 &&
                   labels_.times[label].value() - best.event_time > view_.max_age_us();
    if (!best.deleted) ++matched_;
    for (FeatureColumn& column : columns_) {
      if (best.deleted) {
        column.SetDefault(label);
      } else if (too_old) {
        column.SetNull(label);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
