// The records that a task's output adds to the update topics and the dead-letter topic.
//
//   UpdateWriter writer(project);
//   RETURN_IF_ERROR(writer.Write(output, published, [&](const OutgoingRecord& record) {
//     return producer.Produce(record);
//   }));
//
// Not thread-safe. `project` must outlive it.
#ifndef FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_
#define FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "connectors/kafka/producer.h"
#include "engine/worker/sink.h"

namespace forebay {

namespace v1 {
class Project;
}

// Whether any view of the project has an update topic.
bool PublishesUpdates(const v1::Project& project);

class UpdateWriter {
 public:
  explicit UpdateWriter(const v1::Project& project);
  ~UpdateWriter();

  // True when Write would produce something.
  bool HasRecordsAfter(const TaskOutput& output, Offset published) const;

  // Passes every change record of views with `updates` on, then every dead letter, with an offset
  // above `published` to `produce`; change records go to the partition that has the task's number.
  // Stops at an error.
  absl::Status Write(const TaskOutput& output, Offset published,
                     absl::FunctionRef<absl::Status(const OutgoingRecord&)> produce);

 private:
  struct View;
  const v1::Project& project_;
  std::vector<View> views_;  // by index into Project.feature_views
  std::string dead_letter_topic_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_
