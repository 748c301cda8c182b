// The update sink with delivery exactly_once: see update_sink.h.
#ifndef FOREBAY_CONNECTORS_KAFKA_EXACTLY_ONCE_SINK_H_
#define FOREBAY_CONNECTORS_KAFKA_EXACTLY_ONCE_SINK_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "connectors/kafka/transactional_producer.h"
#include "connectors/kafka/update_sink.h"
#include "connectors/kafka/update_writer.h"

namespace forebay {

class ExactlyOnceSink : public Sink {
 public:
  ExactlyOnceSink(const v1::Project& project, KafkaConsumer* consumer, UpdateSinkOptions options);

  WantedSteps Wants(int view) const override;
  absl::StatusOr<Offset> Open(const TaskId& task) override;
  std::unique_ptr<SinkPart> Prepare(const TaskId& task) override;
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;
  absl::Status Close(const TaskId& task) override;
  void Lose(const TaskId& task) override;

 private:
  struct Task {
    // All up to here is in the topics, and what their writer holds beside.
    Offset published{-1};
    // The newest position of an output whose records are published; above `published`: there were
    // none.
    Offset position{-1};
    Offset committed{-1};  // the group's committed offset - 1
    absl::Time offset_sent = absl::InfinitePast();
  };
  // What one transaction is to hold.
  struct Part {
    TaskId task;
    Offset position;
    const TaskOutput* output;  // null: only the position
  };

  UpdateWriter::Output OutputOf(const TaskOutput& output) const;
  std::vector<Part> PlanCommit(absl::Span<const TaskOutput* const> outputs) const;
  // Repeats until all of it is published.
  absl::Status Publish(absl::Span<const TaskOutput* const> outputs,
                       const std::vector<Part>& positions);
  absl::Status PublishOnce(const std::vector<Part>& parts);
  // Where no view has an update topic: positions hide nothing but dead letters, which bring their
  // own, so a plain commit of the group does, without a transaction.
  absl::Status SendPositions(const std::vector<Part>& parts);
  void SetPublished(const std::vector<Part>& parts);
  // The offset that the group is to have: it does not go back while records are read again.
  std::pair<TaskId, Offset> NextOffset(const Part& part) const;
  // Makes the producer if there is none, and then asks what is published.
  absl::Status EnsureProducer();
  absl::Status ReadPublished(absl::Span<const TaskId> tasks);
  bool cancelled() const { return options_.cancel != nullptr && options_.cancel->load(); }

  const UpdateSinkOptions options_;
  KafkaConsumer* const consumer_;
  const std::string transactional_id_;
  const v1::Project& project_;
  const bool updates_;  // any view has an update topic
  PublishedPositions positions_;
  UpdateWriters writers_;
  std::unique_ptr<TransactionalProducer> producer_;
  absl::flat_hash_map<TaskId, Task> tasks_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_EXACTLY_ONCE_SINK_H_
