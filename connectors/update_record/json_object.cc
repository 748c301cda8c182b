#include "connectors/update_record/json_object.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "connectors/update_record/write_text.h"
#include "schemas/types/json.h"

namespace forebay {
namespace {

// Of values that have a bound.
constexpr size_t kLongestValue = std::max({kMaxJsonInt, kMaxJsonDouble, kMaxJsonTime, size_t{5}});

char* WriteValue(const RawColumn& column, ColumnForm form, int64_t row, char* out) {
  if (column.IsNull(row)) return WriteText("null", out);
  switch (form) {
    case ColumnForm::kBool:
      return WriteText(column.Bool(row) ? "true" : "false", out);
    case ColumnForm::kInt64:
      return WriteJsonInt(column.Number<int64_t>(row), out);
    case ColumnForm::kInt32:
      return WriteJsonInt(column.Number<int32_t>(row), out);
    case ColumnForm::kDouble:
      return WriteJsonDouble(column.Number<double>(row), out);
    case ColumnForm::kString:
      return WriteJsonString(column.Text(row), out);
    case ColumnForm::kBytes:
      return WriteJsonBytes(column.Text(row), out);
    case ColumnForm::kTime:
      return WriteJsonTime(column.Number<int64_t>(row), out);
  }
  return out;
}

}  // namespace

JsonObjectWriter::JsonObjectWriter(const std::vector<ChangeField>& fields, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Member member{i == 0 ? "{" : ",", fields[i].form};
    AppendJsonString(fields[i].name, &member.label);
    member.label += ':';
    fixed_size_ += member.label.size() + kLongestValue;
    if (member.form == ColumnForm::kString || member.form == ColumnForm::kBytes) {
      texts_.push_back(i);
    }
    members_.push_back(std::move(member));
  }
}

size_t JsonObjectWriter::MaxSize(const RawColumns& columns, int64_t row) const {
  size_t size = fixed_size_;
  // A string is the longer form of the two.
  for (size_t column : texts_) size += MaxJsonString(columns[column].Text(row).size());
  return size;
}

char* JsonObjectWriter::Write(const RawColumns& columns, int64_t row, char* out) const {
  // The double before: neighbours are often one aggregate over several windows, with one value.
  uint64_t last_bits = 0;
  std::string_view last_text;
  for (size_t i = 0; i < members_.size(); ++i) {
    const RawColumn& column = columns[i];
    const ColumnForm form = members_[i].form;
    out = WriteText(members_[i].label, out);
    if (form != ColumnForm::kDouble || column.IsNull(row)) {
      out = WriteValue(column, form, row, out);
      continue;
    }
    uint64_t bits = column.Number<uint64_t>(row);
    if (!last_text.empty() && bits == last_bits) {
      out = WriteText(last_text, out);
      continue;
    }
    const char* begin = out;
    out = WriteJsonDouble(std::bit_cast<double>(bits), out);
    last_bits = bits;
    last_text = {begin, static_cast<size_t>(out - begin)};
  }
  *out++ = '}';
  return out;
}

}  // namespace forebay
