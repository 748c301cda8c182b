#include "connectors/update_record/update_record.h"

#include <cstring>

#include "connectors/update_record/key_columns.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/json.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

char* Copy(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

std::string UpdateTopic(const v1::Project& project, int view) {
  const v1::FeatureView& definition = project.feature_views(view);
  return UpdateTopic(project.name(), definition.name(), definition.version());
}

UpdateRecordEncoder::KeyForm UpdateRecordEncoder::KeyFormOf(const v1::Entity& entity) {
  if (entity.keys_size() > 1) return KeyForm::kObject;
  switch (entity.keys(0).type()) {
    case v1::STRING:
      return KeyForm::kText;
    case v1::INT64:
      return KeyForm::kInteger;
    default:
      return KeyForm::kObject;
  }
}

UpdateRecordEncoder::Values UpdateRecordEncoder::MakeValues(const v1::FeatureView& view,
                                                            const v1::Entity& entity,
                                                            const TaskId& task) {
  if (view.update_format() == v1::FeatureView::UPDATE_PROTOBUF)
    return ProtobufStepWriter(view, entity, task.partition.value());
  return JsonStepWriter(view, entity, task.partition.value());
}

UpdateRecordEncoder::UpdateRecordEncoder(const v1::Project& project, int view, const TaskId& task)
    : UpdateRecordEncoder(project.feature_views(view),
                          *FindEntity(project, project.feature_views(view).entity()), task) {}

UpdateRecordEncoder::UpdateRecordEncoder(const v1::FeatureView& view, const v1::Entity& entity,
                                         const TaskId& task)
    : entity_(entity),
      source_prefix_(fmt::format("{}/{}/", task.topic, task.partition.value())),
      view_version_(std::to_string(view.version())),
      key_form_(KeyFormOf(entity)),
      headers_on_all_(view.update_headers() == v1::FeatureView::HEADERS_ALL),
      key_object_(JsonKeyMembers(entity)),
      values_(MakeValues(view, entity, task)) {}

void UpdateRecordEncoder::Append(const Change& change, const Scalar* features,
                                 EncodedUpdates* out) const {
  KeyColumns keys(entity_, change.key.bytes);
  UpdateStep step{.change = change, .keys = keys.values(), .features = features};
  std::visit([&](const auto& values) { Append(values, step, out); }, values_);
}

template <typename ValueWriter>
void UpdateRecordEncoder::Append(const ValueWriter& values, const UpdateStep& step,
                                 EncodedUpdates* out) const {
  const Change& change = step.change;
  const bool tombstone = change.op == ChangeOp::kDelete;
  size_t room = MaxKeySize(step.keys) + source_prefix_.size() + 4 * kMaxJsonInt;
  if (!tombstone) room += values.MaxSize(step);
  char* const key = out->Reserve(room);
  char* const value = WriteKey(step.keys, key);
  char* const source = tombstone ? value : values.Write(step, value);
  EncodedUpdates::Record record{.bytes = key,
                                .key_size = static_cast<uint32_t>(value - key),
                                .value_size = static_cast<uint32_t>(source - value),
                                .offset = Offset(change.offset),
                                .known_time = KnownTime(change.known_time)};
  if (tombstone) record.value_size = EncodedUpdates::kTombstone;
  char* end = source;
  if (tombstone || headers_on_all_) {
    char* const effective_time = WriteSource(change, source);
    char* const view_version = WriteJsonInt(change.effective_time, effective_time);
    end = Copy(view_version_, view_version);
    record.source_size = static_cast<uint16_t>(effective_time - source);
    record.effective_time_size = static_cast<uint8_t>(view_version - effective_time);
    record.view_version_size = static_cast<uint8_t>(end - view_version);
  }
  out->Add(record, static_cast<size_t>(end - key));
}

size_t UpdateRecordEncoder::MaxKeySize(const Scalar* keys) const {
  switch (key_form_) {
    case KeyForm::kText:
      return keys[0].text_size;
    case KeyForm::kInteger:
      return kMaxJsonInt;
    case KeyForm::kObject:
      break;
  }
  return key_object_.MaxSize(keys) + 1;
}

// As KeyText() has it.
char* UpdateRecordEncoder::WriteKey(const Scalar* keys, char* out) const {
  switch (key_form_) {
    case KeyForm::kText:
      return Copy(keys[0].string_value(), out);
    case KeyForm::kInteger:
      return WriteJsonInt(keys[0].int64_value, out);
    case KeyForm::kObject:
      break;
  }
  out = key_object_.Write(keys, out);
  *out = '}';
  return out + 1;
}

char* UpdateRecordEncoder::WriteSource(const Change& change, char* out) const {
  out = WriteJsonInt(change.offset, Copy(source_prefix_, out));
  *out++ = '/';
  return WriteJsonInt(change.ordinal, out);
}

}  // namespace forebay
