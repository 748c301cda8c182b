// What a task's steps add to the update topics: the part of the update sink.
#ifndef FOREBAY_CONNECTORS_KAFKA_UPDATE_PART_H_
#define FOREBAY_CONNECTORS_KAFKA_UPDATE_PART_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/record_limits.h"
#include "connectors/update_record/update_record.h"
#include "engine/batch/sink.h"

namespace forebay {

namespace v1 {
class FeatureView;
class Project;
}  // namespace v1

// A view as a task publishes it.
struct PublishedView {
  std::string name;
  uint32_t version = 0;
  std::string topic;
  std::unique_ptr<UpdateRecordEncoder> encoder;  // null: it has no update topic
  size_t most_payload = 0;                       // of a record
};

// By index into Project.feature_views.
using PublishedViews = std::vector<PublishedView>;

// `project` outlives the result.
PublishedViews MakePublishedViews(const v1::Project& project, const TaskId& task,
                                  const RecordLimits& limits);

// Which steps become updates (S36); `at_once`: they are published batch by batch.
WantedSteps WantedUpdates(const v1::FeatureView& view, bool at_once);

class UpdatePart final : public SinkPart {
 public:
  explicit UpdatePart(std::shared_ptr<const PublishedViews> views);

  void Take(int view, const Change& change, const Scalar* features) override;
  // An update that its topic cannot hold is dead-lettered (update_too_large).
  void Review(TaskOutput* output) override;
  size_t bytes() const override;

  // By view. Their bytes may be read from after the part is gone.
  const std::vector<std::shared_ptr<EncodedUpdates>>& updates() const { return updates_; }

 private:
  void RefuseLarge(size_t view, TaskOutput* output) const;

  const std::shared_ptr<const PublishedViews> views_;
  std::vector<std::shared_ptr<EncodedUpdates>> updates_;
  std::vector<size_t> reviewed_;  // how many of them
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_UPDATE_PART_H_
