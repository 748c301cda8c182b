// A change record as a record of the update topic: key, JSON value or tombstone, headers. The
// format is docs/formats/update_record.md.
//
//   UpdateRecordEncoder encoder(project, batch.view, "transactions");
//   EncodedRecord record;
//   for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
//     encoder.Encode(*batch.rows, row, &record);
//     ... produce record ...
//   }
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace arrow {
class RecordBatch;
}

namespace forebay {

namespace v1 {
class Project;
}

inline constexpr std::string_view kSourceHeader = "forebay-source";
inline constexpr std::string_view kEffectiveTimeHeader = "forebay-effective-time";
inline constexpr std::string_view kViewVersionHeader = "forebay-view-version";

struct EncodedRecord {
  std::string key;
  std::optional<std::string> value;  // nullopt: a tombstone
  std::vector<std::pair<std::string, std::string>> headers;
};

// "<project>.<view>.v<version>" (S29).
std::string UpdateTopic(const v1::Project& project, int view);

// Immutable; Encode is thread-safe.
class UpdateRecordEncoder {
 public:
  // `view` indexes project.feature_views. `task_topic` is the topic that the view's tasks read: the
  // source's or a repartition topic. REQUIRES: the project is checked.
  UpdateRecordEncoder(const v1::Project& project, int view, std::string_view task_topic);

  // Makes `out` the record of one row of `rows`, whose schema is ChangeSchema of the view; deletes
  // are tombstones. Reuses the memory of `out`.
  void Encode(const arrow::RecordBatch& rows, int64_t row, EncodedRecord* out) const;

 private:
  enum class Form : uint8_t { kBool, kInt64, kInt32, kDouble, kString, kBytes, kTime };
  struct Column {
    std::string label;  // its name, quoted, and a colon
    Form form;
  };
  class Row;

  void AddColumn(std::string_view name, Form form);
  void EncodeKey(const Row& row, std::string* out) const;
  void EncodeObject(const Row& row, int columns, std::string* out) const;
  void EncodeHeaders(const Row& row, EncodedRecord* out) const;

  std::string task_topic_;
  std::vector<Column> columns_;  // those of ChangeSchema
  int key_columns_;
  int effective_time_;  // its index in columns_
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_RECORD_H_
