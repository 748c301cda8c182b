// Steps of keys as records of the update topic: key, value (JSON or protobuf) or tombstone,
// headers. The format is docs/formats/update_record.md.
//
//   UpdateRecordEncoder encoder(project, view, task);
//   EncodedUpdates updates;
//   encoder.Append(change, features, &updates);
//   for (size_t i = 0; i < updates.size(); ++i) ... produce updates[i] ...
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "connectors/update_record/encoded_updates.h"
#include "connectors/update_record/json_object.h"
#include "connectors/update_record/protobuf_message.h"
#include "engine/aggregate/aggregate.h"
#include "engine/batch/event_batch.h"
#include "engine/state/change.h"

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
class Project;
}  // namespace v1

// "<project>.<view>.v<version>" (S29).
std::string UpdateTopic(const v1::Project& project, int view);

// Immutable, thread-safe.
class UpdateRecordEncoder {
 public:
  // `view` indexes project.feature_views; `task` is one that computes it. REQUIRES: the project is
  // checked, and outlives this.
  UpdateRecordEncoder(const v1::Project& project, int view, const TaskId& task);

  // Appends the record of one step; of a delete it is a tombstone. `features`: one per feature of
  // the view. REQUIRES: the steps of `out` come in the order of their offsets, if FirstAfter is
  // asked.
  void Append(const Change& change, const Scalar* features, EncodedUpdates* out) const;

 private:
  enum class KeyForm : uint8_t { kText, kInteger, kObject };
  using Values = std::variant<JsonStepWriter, ProtobufStepWriter>;

  UpdateRecordEncoder(const v1::FeatureView& view, const v1::Entity& entity, const TaskId& task);

  static KeyForm KeyFormOf(const v1::Entity& entity);
  static Values MakeValues(const v1::FeatureView& view, const v1::Entity& entity,
                           const TaskId& task);

  template <typename ValueWriter>
  void Append(const ValueWriter& values, const UpdateStep& step, EncodedUpdates* out) const;
  size_t MaxKeySize(const Scalar* keys) const;
  char* WriteKey(const Scalar* keys, char* out) const;
  char* WriteSource(const Change& change, char* out) const;

  const v1::Entity& entity_;
  const std::string source_prefix_;  // "topic/partition/"
  const std::string view_version_;
  const KeyForm key_form_;
  const bool headers_on_all_;
  const JsonMembers key_object_;
  const Values values_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_
