#include "cli/kafka_source.h"

#include <utility>

#include "connectors/kafka/repartition_record.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

std::optional<RepartitionOrigin> OriginOf(const RawRecord& record) {
  absl::StatusOr<RepartitionHeaders> headers = ReadRepartitionHeaders(record);
  if (!headers.ok()) return std::nullopt;
  return RepartitionOrigin{.origin = headers->origin,
                           .known_time = headers->known_time.value_or(KnownTime()),
                           .marker = !headers->known_time};
}

std::unique_ptr<JsonDecoder> MakeDecoder(const TaskPlan& plan) {
  if (!plan.repartition) return std::make_unique<JsonDecoder>(*plan.source, plan.columns);
  return std::make_unique<JsonDecoder>(*plan.source, plan.columns, OriginOf);
}

}  // namespace

JsonDecoder* KafkaSource::DecoderOf(const TaskId& task) {
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<JsonDecoder>& decoder = decoders_[task];
  for (const TaskPlan& plan : plans_) {
    if (decoder == nullptr && plan.topic == task.topic) decoder = MakeDecoder(plan);
  }
  return decoder.get();
}

absl::StatusOr<EventBatch> KafkaSource::Next(const TaskId& task, size_t max_records,
                                             absl::Duration timeout) {
  ASSIGN_OR_RETURN(FetchedRecords fetched, consumer_->Fetch(task, max_records, timeout));
  EventBatch batch;
  if (fetched.records.empty()) {
    batch.last_offset = fetched.last_offset;
  } else {
    ASSIGN_OR_RETURN(batch, DecoderOf(task)->Decode(fetched.records, fetched.last_offset));
  }
  batch.at_end = fetched.at_end;
  batch.headers = HeadersOf;
  batch.owner = std::move(fetched.owner);
  return batch;
}

}  // namespace forebay
