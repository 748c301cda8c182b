#include "connectors/update_record/update_record.h"

#include <arrow/api.h>

#include <cstring>

#include "connectors/update_record/write_text.h"
#include "engine/batch/change_batch.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/json.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

using Values = std::variant<JsonObjectWriter, ProtobufMessageWriter>;

Values MakeValues(const v1::FeatureView& view, const std::vector<ChangeField>& fields) {
  if (view.update_format() == v1::FeatureView::UPDATE_PROTOBUF) {
    return ProtobufMessageWriter(fields);
  }
  return JsonObjectWriter(fields, fields.size());
}

}  // namespace

std::string UpdateTopic(const v1::Project& project, int view) {
  const v1::FeatureView& definition = project.feature_views(view);
  return UpdateTopic(project.name(), definition.name(), definition.version());
}

UpdateRecordEncoder::UpdateRecordEncoder(const v1::Project& project, int view,
                                         std::string_view task_topic)
    : task_topic_(task_topic),
      view_version_(std::to_string(project.feature_views(view).version())),
      fields_(ChangeFields(project.feature_views(view),
                           EntityOf(project, project.feature_views(view)))),
      key_columns_(EntityOf(project, project.feature_views(view)).keys_size()),
      effective_time_(fields_.size() - 1 - kViewVersionColumn),
      key_form_(key_columns_ > 1                         ? KeyForm::kObject
                : fields_[0].form == ColumnForm::kString ? KeyForm::kText
                : fields_[0].form == ColumnForm::kInt64  ? KeyForm::kInteger
                                                         : KeyForm::kObject),
      headers_only_on_deletes_(project.feature_views(view).update_headers() ==
                               v1::FeatureView::HEADERS_DELETES),
      key_object_(fields_, key_columns_),
      values_(MakeValues(project.feature_views(view), fields_)) {}

void UpdateRecordEncoder::Encode(const arrow::RecordBatch& rows, EncodedUpdates* out) const {
  RawColumns columns(fields_, rows);
  out->Start(view_version_, static_cast<size_t>(rows.num_rows()));
  std::visit([&](const auto& values) { EncodeRows(values, columns, rows.num_rows(), out); },
             values_);
}

template <typename ValueWriter>
void UpdateRecordEncoder::EncodeRows(const ValueWriter& values, const RawColumns& columns,
                                     int64_t rows, EncodedUpdates* out) const {
  const RawColumn& times = columns[effective_time_];
  const RawColumn& ops = columns[effective_time_ + kOpColumn];
  const size_t header_size = task_topic_.size() + 2 + 4 * kMaxJsonInt;
  SourcePrefix prefix;
  for (int64_t row = 0; row < rows; ++row) {
    bool tombstone = ops.Text(row) == "delete";
    size_t size = MaxKeySize(columns, row) + header_size;
    if (!tombstone) size += values.MaxSize(columns, row);
    char* const key = out->Reserve(size);
    char* const value = WriteKey(columns, row, key);
    char* const source = tombstone ? value : values.Write(columns, row, value);
    char* effective_time = source;
    char* end = source;
    if (tombstone || !headers_only_on_deletes_) {
      effective_time = WriteSource(columns, row, &prefix, source);
      end = WriteJsonInt(times.Number<int64_t>(row), effective_time);
    }
    out->Add({.key_size = static_cast<uint32_t>(value - key),
              .value_size =
                  tombstone ? EncodedUpdates::kTombstone : static_cast<uint32_t>(source - value),
              .source_size = static_cast<uint32_t>(effective_time - source),
              .effective_time_size = static_cast<uint32_t>(end - effective_time)},
             end - key);
  }
}

size_t UpdateRecordEncoder::MaxKeySize(const RawColumns& columns, int64_t row) const {
  switch (key_form_) {
    case KeyForm::kText:
      return columns[0].Text(row).size();
    case KeyForm::kInteger:
      return kMaxJsonInt;
    case KeyForm::kObject:
      break;
  }
  return key_object_.MaxSize(columns, row);
}

// As KeyText() has it.
char* UpdateRecordEncoder::WriteKey(const RawColumns& columns, int64_t row, char* out) const {
  switch (key_form_) {
    case KeyForm::kText:
      return WriteText(columns[0].Text(row), out);
    case KeyForm::kInteger:
      return WriteJsonInt(columns[0].Number<int64_t>(row), out);
    case KeyForm::kObject:
      break;
  }
  return key_object_.Write(columns, row, out);
}

char* UpdateRecordEncoder::WriteSource(const RawColumns& columns, int64_t row, SourcePrefix* prefix,
                                       char* out) const {
  const RawColumn* of_time = &columns[effective_time_];
  int32_t partition = of_time[kSourcePartitionColumn].Number<int32_t>(row);
  if (prefix->text.empty() || partition != prefix->partition) {
    *prefix = {partition, fmt::format("{}/{}/", task_topic_, partition)};
  }
  out = WriteText(prefix->text, out);
  out = WriteJsonInt(of_time[kSourceOffsetColumn].Number<int64_t>(row), out);
  *out++ = '/';
  return WriteJsonInt(of_time[kOrdinalColumn].Number<int32_t>(row), out);
}

}  // namespace forebay
