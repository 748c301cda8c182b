#include "connectors/update_record/update_record.h"

#include <arrow/api.h>
#include <arrow/util/bit_util.h>

#include <algorithm>

#include "engine/batch/change_batch.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/json.h"

namespace forebay {
namespace {

const v1::Entity& EntityOf(const v1::Project& project, const v1::FeatureView& view) {
  return *std::find_if(project.entities().begin(), project.entities().end(),
                       [&](const v1::Entity& entity) { return entity.name() == view.entity(); });
}

}  // namespace

// One row of a batch. Reads the columns' buffers where they are: no array object is made.
class UpdateRecordEncoder::Row {
 public:
  Row(const arrow::RecordBatch& rows, int64_t row) : columns_(rows.column_data()), row_(row) {}

  bool IsNull(int column) const {
    const arrow::ArrayData& data = *columns_[column];
    return data.buffers[0] != nullptr &&
           !arrow::bit_util::GetBit(data.buffers[0]->data(), data.offset + row_);
  }

  bool Bool(int column) const {
    const arrow::ArrayData& data = *columns_[column];
    return arrow::bit_util::GetBit(data.buffers[1]->data(), data.offset + row_);
  }

  template <typename T>
  T Number(int column) const {
    return columns_[column]->GetValues<T>(1)[row_];
  }

  std::string_view Text(int column) const {
    const arrow::ArrayData& data = *columns_[column];
    const int32_t* offsets = data.GetValues<int32_t>(1) + row_;
    const char* bytes =
        data.buffers[2] == nullptr ? "" : reinterpret_cast<const char*>(data.buffers[2]->data());
    return {bytes + offsets[0], static_cast<size_t>(offsets[1] - offsets[0])};
  }

  void AppendJson(int column, Form form, std::string* out) const {
    if (IsNull(column)) {
      *out += "null";
      return;
    }
    switch (form) {
      case Form::kBool:
        *out += Bool(column) ? "true" : "false";
        return;
      case Form::kInt64:
        return AppendJsonInt(Number<int64_t>(column), out);
      case Form::kInt32:
        return AppendJsonInt(Number<int32_t>(column), out);
      case Form::kDouble:
        return AppendJsonDouble(Number<double>(column), out);
      case Form::kString:
        return AppendJsonString(Text(column), out);
      case Form::kBytes:
        return AppendJsonBytes(Text(column), out);
      case Form::kTime:
        return AppendJsonTime(Number<int64_t>(column), out);
    }
  }

 private:
  const arrow::ArrayDataVector& columns_;
  const int64_t row_;
};

std::string UpdateTopic(const v1::Project& project, int view) {
  const v1::FeatureView& definition = project.feature_views(view);
  return fmt::format("{}.{}.v{}", project.name(), definition.name(), definition.version());
}

UpdateRecordEncoder::UpdateRecordEncoder(const v1::Project& project, int view,
                                         std::string_view task_topic)
    : task_topic_(task_topic) {
  auto form = [](v1::DataType type) {
    switch (type) {
      case v1::BOOL:
        return Form::kBool;
      case v1::DOUBLE:
        return Form::kDouble;
      case v1::STRING:
        return Form::kString;
      case v1::BYTES:
        return Form::kBytes;
      case v1::TIMESTAMP:
        return Form::kTime;
      default:
        return Form::kInt64;
    }
  };
  const v1::FeatureView& definition = project.feature_views(view);
  const v1::Entity& entity = EntityOf(project, definition);
  for (const v1::Field& key : entity.keys()) AddColumn(key.name(), form(key.type()));
  key_columns_ = entity.keys_size();
  for (const v1::Feature& feature : definition.features()) {
    AddColumn(feature.name(), form(feature.type()));
  }
  effective_time_ = static_cast<int>(columns_.size());
  AddColumn("_effective_time", Form::kTime);
  AddColumn("_event_time", Form::kTime);
  AddColumn("_known_time", Form::kTime);
  AddColumn("_op", Form::kString);
  AddColumn("_key_hash", Form::kInt64);
  AddColumn("_source_partition", Form::kInt32);
  AddColumn("_source_offset", Form::kInt64);
  AddColumn("_ordinal", Form::kInt32);
  AddColumn("_view_version", Form::kInt32);
}

void UpdateRecordEncoder::AddColumn(std::string_view name, Form form) {
  Column column{"", form};
  AppendJsonString(name, &column.label);
  column.label += ':';
  columns_.push_back(std::move(column));
}

void UpdateRecordEncoder::Encode(const arrow::RecordBatch& rows, int64_t row,
                                 EncodedRecord* out) const {
  Row source(rows, row);
  EncodeKey(source, &out->key);
  if (source.Text(effective_time_ + kOpColumn) == "delete") {
    out->value.reset();
  } else {
    if (!out->value.has_value()) out->value.emplace();
    EncodeObject(source, static_cast<int>(columns_.size()), &*out->value);
  }
  EncodeHeaders(source, out);
}

// As KeyText() has it.
void UpdateRecordEncoder::EncodeKey(const Row& row, std::string* out) const {
  if (key_columns_ == 1 && columns_[0].form == Form::kString) {
    *out = row.Text(0);
  } else if (key_columns_ == 1 && columns_[0].form == Form::kInt64) {
    out->clear();
    AppendJsonInt(row.Number<int64_t>(0), out);
  } else {
    EncodeObject(row, key_columns_, out);
  }
}

void UpdateRecordEncoder::EncodeObject(const Row& row, int columns, std::string* out) const {
  out->clear();
  for (int column = 0; column < columns; ++column) {
    *out += column == 0 ? '{' : ',';
    *out += columns_[column].label;
    row.AppendJson(column, columns_[column].form, out);
  }
  *out += '}';
}

void UpdateRecordEncoder::EncodeHeaders(const Row& row, EncodedRecord* out) const {
  constexpr std::string_view kNames[] = {kSourceHeader, kEffectiveTimeHeader, kViewVersionHeader};
  out->headers.resize(std::size(kNames));
  for (size_t i = 0; i < std::size(kNames); ++i) {
    out->headers[i].first = kNames[i];
    out->headers[i].second.clear();
  }
  std::string* source = &out->headers[0].second;
  *source += task_topic_;
  *source += '/';
  AppendJsonInt(row.Number<int32_t>(effective_time_ + kSourcePartitionColumn), source);
  *source += '/';
  AppendJsonInt(row.Number<int64_t>(effective_time_ + kSourceOffsetColumn), source);
  *source += '/';
  AppendJsonInt(row.Number<int32_t>(effective_time_ + kOrdinalColumn), source);
  AppendJsonInt(row.Number<int64_t>(effective_time_), &out->headers[1].second);
  AppendJsonInt(row.Number<int32_t>(effective_time_ + kViewVersionColumn), &out->headers[2].second);
}

}  // namespace forebay
