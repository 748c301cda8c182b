#include "engine/task/change_rows.h"

#include <arrow/api.h>

#include <utility>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"

namespace forebay {

ChangeRows::ChangeRows(const v1::Project& project, PartitionId partition,
                       std::vector<ChangeBatch> batches)
    : project_(project),
      partition_(partition),
      builders_(project.feature_views_size()),
      batches_(std::move(batches)) {}

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
  if (!builder.full()) return;
  finished_bytes_ += builder.bytes();
  batches_.push_back({view, builder.Finish()});
}

void ChangeRows::Finish() {
  for (size_t view = 0; view < builders_.size(); ++view) {
    if (builders_[view] != nullptr && builders_[view]->rows() > 0)
      batches_.push_back({static_cast<int>(view), builders_[view]->Finish()});
  }
}

size_t ChangeRows::bytes() const {
  size_t bytes = finished_bytes_;
  for (const auto& builder : builders_) bytes += builder == nullptr ? 0 : builder->bytes();
  return bytes;
}

}  // namespace forebay
