#include "connectors/kafka/repartition_record.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <charconv>
#include <string>
#include <string_view>

#include "connectors/kafka/control_record.h"
#include "engine/state/key.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr const char* kSourcePartition = "forebay-source-partition";
constexpr const char* kSourceOffset = "forebay-source-offset";
constexpr const char* kKnownTime = "forebay-known-time";
constexpr const char* kSourceClock = "forebay-source-clock";
constexpr const char* kAtEnd = "forebay-at-end";

template <typename Int>
absl::StatusOr<Int> Number(const RawRecord& record, const char* name) {
  std::optional<std::string_view> text = FindHeader(record, name);
  if (!text) {
    return absl::InvalidArgumentError(
        fmt::format("header {} is missing: forebay did not write this record", name));
  }
  Int number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) {
    return absl::InvalidArgumentError(
        fmt::format("header {} is \"{}\", expected a decimal number", name, *text));
  }
  return number;
}

// KnownTime::Min(): there is none.
absl::StatusOr<KnownTime> Clock(const RawRecord& record) {
  if (!FindHeader(record, kSourceClock)) return KnownTime::Min();
  ASSIGN_OR_RETURN(int64_t clock, Number<int64_t>(record, kSourceClock));
  return KnownTime(clock);
}

}  // namespace

absl::StatusOr<RepartitionHeaders> ReadRepartitionHeaders(const RawRecord& record) {
  RepartitionHeaders result;
  ASSIGN_OR_RETURN(int32_t partition, Number<int32_t>(record, kSourcePartition));
  ASSIGN_OR_RETURN(int64_t offset, Number<int64_t>(record, kSourceOffset));
  ASSIGN_OR_RETURN(int64_t known_time, Number<int64_t>(record, kKnownTime));
  ASSIGN_OR_RETURN(int64_t clock, Number<int64_t>(record, kSourceClock));
  result.known_time = KnownTime(known_time);
  result.origin = {PartitionId(partition), Offset(offset), KnownTime(clock)};
  return result;
}

absl::StatusOr<SourceMarker> ReadMarkerHeaders(const RawRecord& record) {
  SourceMarker marker{.offset = record.offset};
  ASSIGN_OR_RETURN(int32_t partition, Number<int32_t>(record, kSourcePartition));
  ASSIGN_OR_RETURN(int64_t offset, Number<int64_t>(record, kSourceOffset));
  ASSIGN_OR_RETURN(KnownTime clock, Clock(record));
  ASSIGN_OR_RETURN(int at_end, Number<int>(record, kAtEnd));
  marker.partition = PartitionId(partition);
  marker.position = Offset(offset);
  if (clock != KnownTime::Min()) marker.clock = clock;
  marker.at_end = at_end != 0;
  return marker;
}

absl::StatusOr<RecordOrigin> ReadErasureOrigin(const RawRecord& record) {
  ASSIGN_OR_RETURN(int32_t partition, Number<int32_t>(record, kSourcePartition));
  ASSIGN_OR_RETURN(int64_t offset, Number<int64_t>(record, kSourceOffset));
  ASSIGN_OR_RETURN(KnownTime clock, Clock(record));
  return RecordOrigin{PartitionId(partition), Offset(offset), clock};
}

RecordHeaders ForwardedHeaders(const ForwardedRecord& record) {
  RecordHeaders headers;
  if (record.erases) headers = ErasureHeaders(record.entity);
  headers.emplace_back(kSourcePartition, std::to_string(record.origin.partition.value()));
  headers.emplace_back(kSourceOffset, std::to_string(record.origin.offset.value()));
  if (!record.erases) headers.emplace_back(kKnownTime, std::to_string(record.known_time.value()));
  if (record.origin.clock != KnownTime::Min())
    headers.emplace_back(kSourceClock, std::to_string(record.origin.clock.value()));
  return headers;
}

RecordHeaders MarkerHeaders(const SourceMarker& marker) {
  RecordHeaders headers = {{kControlHeader, kMarkerControl},
                           {kSourcePartition, std::to_string(marker.partition.value())},
                           {kSourceOffset, std::to_string(marker.position.value())},
                           {kAtEnd, marker.at_end ? "1" : "0"}};
  if (marker.clock) headers.emplace_back(kSourceClock, std::to_string(marker.clock->value()));
  return headers;
}

PartitionId PartitionOf(std::string_view record_key, int partitions) {
  return PartitionId(rd_kafka_msg_partitioner_murmur2(nullptr, record_key.data(), record_key.size(),
                                                      partitions, nullptr, nullptr));
}

std::optional<PartitionId> RepartitionOf(const v1::Entity& entity, std::string_view key,
                                         int partitions) {
  absl::StatusOr<std::vector<Value>> parts = DecodeKey(entity, key);
  if (!parts.ok()) return std::nullopt;
  std::string text = KeyText(entity, *parts);
  if (text.empty()) return std::nullopt;  // producers do not agree on what that hashes to
  return PartitionOf(text, partitions);
}

}  // namespace forebay
