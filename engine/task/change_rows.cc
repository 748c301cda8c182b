#include "engine/task/change_rows.h"

#include <arrow/api.h>

#include <utility>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"

namespace forebay {
namespace {

size_t BytesOf(const arrow::RecordBatch& rows) {
  int64_t bytes = 0;
  for (const auto& column : rows.columns()) {
    for (const auto& buffer : column->data()->buffers)
      bytes += buffer == nullptr ? 0 : buffer->size();
  }
  return static_cast<size_t>(bytes);
}

}  // namespace

ChangeRows::ChangeRows(const v1::Project& project, PartitionId partition,
                       std::vector<ChangeBatch> batches)
    : project_(project),
      partition_(partition),
      builders_(project.feature_views_size()),
      batches_(std::move(batches)) {}

ChangeRows::ChangeRows(const v1::Project& project, PartitionId partition, size_t early_bytes,
                       KeepEarly keep_early)
    : project_(project),
      partition_(partition),
      early_bytes_(early_bytes),
      keep_early_(std::move(keep_early)),
      builders_(project.feature_views_size()),
      next_early_bytes_(early_bytes) {}

ChangeBuilder& ChangeRows::BuilderOf(int view) {
  std::unique_ptr<ChangeBuilder>& builder = builders_[view];
  if (builder == nullptr) {
    const v1::FeatureView& definition = project_.feature_views(view);
    const v1::Entity& entity = *FindEntity(project_, definition.entity());
    builder = std::make_unique<ChangeBuilder>(definition, entity, ChangeSchema(definition, entity),
                                              partition_);
  }
  return *builder;
}

void ChangeRows::Take(int view, const Change& change, const Scalar* features) {
  ChangeBuilder& builder = BuilderOf(view);
  builder.Append(change, features);
  if (builder.full()) FinishBatches();
}

void ChangeRows::TakeEvents(const std::shared_ptr<arrow::RecordBatch>& rows) {
  finished_bytes_ += BytesOf(*rows);
  events_.push_back(rows);
}

// As one batch: in a log each would have its own schema.
void ChangeRows::FinishEvents() {
  if (events_.empty()) return;
  batches_.push_back({ChangeBatch::kEvents,
                      events_.size() == 1 ? events_.front()
                                          : arrow::ConcatenateRecordBatches(events_).ValueOrDie()});
  events_.clear();
}

void ChangeRows::FinishBatches() {
  FinishEvents();
  for (size_t view = 0; view < builders_.size(); ++view) {
    if (builders_[view] == nullptr || builders_[view]->rows() == 0) continue;
    finished_bytes_ += builders_[view]->bytes();
    batches_.push_back({static_cast<int>(view), builders_[view]->Finish()});
  }
}

void ChangeRows::Review(TaskOutput* output) {
  if (keep_early_ && bytes() >= next_early_bytes_) Keep(*output, /*must=*/false);
}

void ChangeRows::Finish(const TaskOutput& output) {
  FinishBatches();
  if (keep_early_ && !batches_.empty()) Keep(output, /*must=*/true);
}

void ChangeRows::Keep(const TaskOutput& output, bool must) {
  FinishBatches();
  if (!keep_early_(batches_, output, must)) {
    next_early_bytes_ = finished_bytes_ + early_bytes_ / 2;
    return;
  }
  batches_.clear();
  finished_bytes_ = 0;
  next_early_bytes_ = early_bytes_;
}

size_t ChangeRows::bytes() const {
  size_t bytes = finished_bytes_;
  for (const auto& builder : builders_) bytes += builder == nullptr ? 0 : builder->bytes();
  return bytes;
}

}  // namespace forebay
