// Records of an update topic read back, whoever wrote them and in whatever format: the inverse of
// UpdateRecordEncoder.
//
//   UpdateReader reader(view, entity, task);
//   absl::StatusOr<StepText> step = reader.Read(record.value, HeadersOf(record));
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_READER_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_READER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/update_record/protobuf_schema.h"
#include "connectors/update_record/step_text.h"
#include "engine/batch/event_batch.h"
#include "schemas/types/data_type.h"

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

// Immutable, thread-safe.
class UpdateReader {
 public:
  // `task`: the one that computes the records.
  UpdateReader(const v1::FeatureView& view, const v1::Entity& entity, TaskId task);

  // A value that is no JSON object is taken for protobuf. nullopt: a tombstone, whose headers say
  // which step it is. INVALID_ARGUMENT: the record is none of the task and view; a clause that says
  // why.
  absl::StatusOr<StepText> Read(std::optional<std::string_view> value,
                                const RecordHeaders& headers) const;

 private:
  struct Column {
    std::string name;
    DataType type;
  };
  using Texts = std::vector<std::string>;  // by column, as JSON; null where it is not there

  absl::StatusOr<Texts> ReadJson(std::string_view value) const;
  absl::StatusOr<Texts> ReadProtobuf(std::string_view value) const;
  absl::StatusOr<StepText> StepOf(const Texts& texts) const;
  absl::StatusOr<StepText> ReadTombstone(const RecordHeaders& headers) const;

  const TaskId task_;
  const std::string view_version_;
  size_t keys_;
  size_t features_;
  std::vector<Column> columns_;        // of ChangeSchema
  std::vector<ProtobufField> fields_;  // parallel to the columns
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_READER_H_
