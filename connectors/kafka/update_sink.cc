#include "connectors/kafka/update_sink.h"

#include <utility>

#include "connectors/kafka/at_least_once_sink.h"
#include "connectors/kafka/exactly_once_sink.h"

namespace forebay {

UpdateSink::UpdateSink(const v1::Project& project, KafkaConsumer* consumer,
                       UpdateSinkOptions options) {
  if (options.delivery == Delivery::kExactlyOnce) {
    delivery_ = std::make_unique<ExactlyOnceSink>(project, consumer, std::move(options));
  } else {
    delivery_ = std::make_unique<AtLeastOnceSink>(project, consumer, std::move(options));
  }
}

UpdateSink::~UpdateSink() = default;

absl::StatusOr<Offset> UpdateSink::Open(const TaskId& task) { return delivery_->Open(task); }

void UpdateSink::Review(TaskOutput* output) { delivery_->Review(output); }

absl::Status UpdateSink::Offer(const TaskOutput& output) { return delivery_->Offer(output); }

absl::Status UpdateSink::Commit(absl::Span<const TaskOutput* const> outputs) {
  return delivery_->Commit(outputs);
}

absl::Status UpdateSink::Close(const TaskId& task) { return delivery_->Close(task); }

void UpdateSink::Lose(const TaskId& task) { delivery_->Lose(task); }

}  // namespace forebay
