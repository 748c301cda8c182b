// Change records as records of the update topic: key, value (JSON or protobuf) or tombstone,
// headers. The format is docs/formats/update_record.md.
//
//   UpdateRecordEncoder encoder(project, batch.view, "transactions");
//   EncodedUpdates updates;
//   encoder.Encode(*batch.rows, &updates);
//   for (size_t i = 0; i < updates.size(); ++i) ... produce updates[i] ...
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "connectors/update_record/change_columns.h"
#include "connectors/update_record/encoded_updates.h"
#include "connectors/update_record/json_object.h"
#include "connectors/update_record/protobuf_message.h"

namespace forebay {

// "<project>.<view>.v<version>" (S29).
std::string UpdateTopic(const v1::Project& project, int view);

// Immutable; Encode is thread-safe.
class UpdateRecordEncoder {
 public:
  // `view` indexes project.feature_views. `task_topic` is the topic that the view's tasks read: the
  // source's or a repartition topic. REQUIRES: the project is checked.
  UpdateRecordEncoder(const v1::Project& project, int view, std::string_view task_topic);

  // Makes `out` the records of `rows`, whose schema is ChangeSchema of the view, in their order;
  // deletes are tombstones. Reuses the memory of `out`.
  void Encode(const arrow::RecordBatch& rows, EncodedUpdates* out) const;

 private:
  enum class KeyForm : uint8_t { kText, kInteger, kObject };

  // "topic/partition/", the same for all rows of a task.
  struct SourcePrefix {
    int32_t partition = 0;
    std::string text;
  };

  template <typename ValueWriter>
  void EncodeRows(const ValueWriter& values, const RawColumns& columns, int64_t rows,
                  EncodedUpdates* out) const;
  size_t MaxKeySize(const RawColumns& columns, int64_t row) const;
  char* WriteKey(const RawColumns& columns, int64_t row, char* out) const;
  char* WriteSource(const RawColumns& columns, int64_t row, SourcePrefix* prefix, char* out) const;

  const std::string task_topic_;
  const std::string view_version_;
  const std::vector<ChangeField> fields_;
  const size_t key_columns_;
  const size_t effective_time_;  // its index in fields_
  const KeyForm key_form_;
  const bool headers_only_on_deletes_;
  const JsonObjectWriter key_object_;
  const std::variant<JsonObjectWriter, ProtobufMessageWriter> values_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_
