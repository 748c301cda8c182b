#include "engine/batch/event_batch.h"

#include <arrow/api.h>

#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

constexpr auto kLastReason = static_cast<uint8_t>(RejectReason::kEventTooLarge);

std::optional<std::string> Owned(std::optional<std::string_view> bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

}  // namespace

std::optional<std::string> RecordBytes::Key(const RawRecord& record) const {
  return Owned(record.key);
}

std::optional<std::string> RecordBytes::Value(const RawRecord& record) const {
  return Owned(record.value);
}

std::shared_ptr<const RecordBytes> RecordBytes::OfViews() {
  static const auto& bytes = *new std::shared_ptr<const RecordBytes>(new RecordBytes);
  return bytes;
}

std::shared_ptr<arrow::Schema> EventSchema(const std::vector<const v1::Field*>& fields) {
  arrow::FieldVector columns;
  for (const v1::Field* field : fields) {
    columns.push_back(arrow::field(field->name(), ArrowType(static_cast<DataType>(field->type()))));
  }
  return arrow::schema(std::move(columns));
}

std::string_view RejectReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kUndecodable:
      return "undecodable";
    case RejectReason::kBadEventTime:
      return "bad_event_time";
    case RejectReason::kBadKnownTime:
      return "bad_known_time";
    case RejectReason::kFuture:
      return "future";
    case RejectReason::kNullKey:
      return "null_key";
    case RejectReason::kLate:
      return "late";
    case RejectReason::kUpdateTooLarge:
      return "update_too_large";
    case RejectReason::kEventTooLarge:
      return "event_too_large";
  }
  return "unknown";
}

std::optional<RejectReason> FindRejectReason(std::string_view name) {
  for (uint8_t reason = 0; reason <= kLastReason; ++reason) {
    if (RejectReasonName(RejectReason{reason}) == name) return RejectReason{reason};
  }
  return std::nullopt;
}

std::vector<std::string> RejectReasonNames() {
  std::vector<std::string> names;
  for (uint8_t reason = 0; reason <= kLastReason; ++reason) {
    names.emplace_back(RejectReasonName(RejectReason{reason}));
  }
  return names;
}

}  // namespace forebay
