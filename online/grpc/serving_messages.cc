#include "online/grpc/serving_messages.h"

#include <string>

#include "forebay/v1/serving.pb.h"

namespace forebay {
namespace {

static_assert(static_cast<int>(FeatureStatus::kPresent) == v1::PRESENT);
static_assert(static_cast<int>(FeatureStatus::kNotFound) == v1::NOT_FOUND);
static_assert(static_cast<int>(FeatureStatus::kNullValue) == v1::NULL_VALUE);
static_assert(static_cast<int>(FeatureStatus::kOutsideMaxAge) == v1::OUTSIDE_MAX_AGE);

// `value`: a Value or a ValueElement.
template <typename Scalar>
void ScalarToMessage(const Scalar& value, DataType type, v1::Value* message) {
  switch (type) {
    case DataType::kBool:
      return message->set_bool_value(std::get<bool>(value));
    case DataType::kInt64:
      return message->set_int64_value(std::get<int64_t>(value));
    case DataType::kDouble:
      return message->set_double_value(std::get<double>(value));
    case DataType::kString:
      return message->set_string_value(std::get<std::string>(value));
    case DataType::kBytes:
      return message->set_bytes_value(std::get<std::string>(value));
    case DataType::kTimestamp:
      return message->set_timestamp_value(std::get<int64_t>(value));
  }
}

// Null leaves the message empty. REQUIRES: `value` is null or of `type`.
void ToMessage(const Value& value, DataType type, v1::Value* message) {
  if (IsNull(value)) return;
  if (!IsList(type)) return ScalarToMessage(value, type, message);
  for (const ValueElement& element : std::get<ValueList>(value))
    ScalarToMessage(element, ElementType(type), message->mutable_list_value()->add_values());
}

template <typename Response>
void FillAbout(const ReadResult& result, Response* message) {
  message->set_request_id(result.request_id());
  if (!result.model()) return;
  message->mutable_model()->set_model(result.model()->name);
  message->mutable_model()->set_version(result.model()->version);
  message->mutable_model()->set_artifact(result.model()->artifact);
  message->mutable_model()->set_catalog_version(result.model()->catalog_version);
}

}  // namespace

void FillResponse(const ReadResult& result, v1::GetResponse* message) {
  FillAbout(result, message);
  message->mutable_features()->Reserve(static_cast<int>(result.features().size()));
  for (size_t i = 0; i < result.features().size(); ++i) {
    const ReadPlan::Feature& asked = result.features()[i];
    FeatureCell cell = result.At(i, 0);
    v1::FeatureValue* feature = message->add_features();
    feature->set_name(asked.name);
    ToMessage(*cell.value, asked.type, feature->mutable_value());
    feature->set_status(static_cast<v1::FeatureStatus>(cell.status));
    if (cell.effective_time) feature->set_effective_time(cell.effective_time->value());
    if (cell.event_time) feature->set_event_time(cell.event_time->value());
  }
}

void FillResponse(const ReadResult& result, v1::BatchGetResponse* message) {
  FillAbout(result, message);
  auto entities = static_cast<int>(result.entity_count());
  for (size_t i = 0; i < result.features().size(); ++i) {
    const ReadPlan::Feature& asked = result.features()[i];
    v1::FeatureColumn* column = message->add_features();
    column->set_name(asked.name);
    column->mutable_values()->Reserve(entities);
    column->mutable_statuses()->Reserve(entities);
    column->mutable_effective_times()->Reserve(entities);
    column->mutable_event_times()->Reserve(entities);
    for (size_t entity = 0; entity < result.entity_count(); ++entity) {
      FeatureCell cell = result.At(i, entity);
      ToMessage(*cell.value, asked.type, column->add_values());
      column->add_statuses(static_cast<v1::FeatureStatus>(cell.status));
      column->add_effective_times(cell.effective_time ? cell.effective_time->value() : 0);
      column->add_event_times(cell.event_time ? cell.event_time->value() : 0);
    }
  }
}

}  // namespace forebay
