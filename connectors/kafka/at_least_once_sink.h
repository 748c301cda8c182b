// The update sink with delivery at_least_once: see update_sink.h.
#ifndef FOREBAY_CONNECTORS_KAFKA_AT_LEAST_ONCE_SINK_H_
#define FOREBAY_CONNECTORS_KAFKA_AT_LEAST_ONCE_SINK_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "connectors/kafka/ordered_publisher.h"
#include "connectors/kafka/update_sink.h"
#include "connectors/kafka/update_writer.h"

namespace forebay {

class AtLeastOnceSink : public Sink {
 public:
  AtLeastOnceSink(const v1::Project& project, KafkaConsumer* consumer, UpdateSinkOptions options);

  WantedSteps Wants(int view) const override;
  absl::StatusOr<Offset> Open(const TaskId& task) override;
  std::unique_ptr<SinkPart> Prepare(const TaskId& task) override;
  absl::Status Offer(const TaskOutput& output) override;
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;
  absl::Status Close(const TaskId& task) override;
  void Lose(const TaskId& task) override;

 private:
  // Of the commit thread: what the group's committed offsets are to become.
  struct Position {
    Offset position{-1};
    Offset sent{-1};
  };

  UpdateWriter::Output OutputOf(const TaskOutput& output) const;
  absl::Status WritePositions(Producer& producer);
  absl::Status SendOffsets(const std::vector<std::pair<TaskId, Offset>>& next_offsets,
                           absl::Duration timeout);

  const UpdateSinkOptions options_;
  const v1::Project& project_;
  KafkaConsumer* const consumer_;
  absl::flat_hash_map<TaskId, Position> positions_;
  absl::Time offsets_sent_ = absl::InfinitePast();
  PublishedPositions published_;
  std::map<std::string, Offset> unwritten_;  // positions of what is acknowledged, by key
  UpdateWriters writers_;
  OrderedPublisher publisher_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_AT_LEAST_ONCE_SINK_H_
