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

// A string is the longer form of the two.
bool IsText(ColumnForm form) { return form == ColumnForm::kString || form == ColumnForm::kBytes; }

size_t MaxListSize(const RawColumn& column, ColumnForm form, int64_t row) {
  RawColumn::Range list = column.List(row);
  size_t size = 2 + static_cast<size_t>(list.size()) * (kLongestValue + 1);
  for (int64_t i = list.begin; IsText(form) && i < list.end; ++i)
    size += MaxJsonString(column.elements().Text(i).size());
  return size;
}

char* WriteList(const RawColumn& column, ColumnForm form, int64_t row, char* out) {
  if (column.IsNull(row)) return WriteText("null", out);
  RawColumn::Range list = column.List(row);
  *out++ = '[';
  for (int64_t i = list.begin; i < list.end; ++i) {
    if (i > list.begin) *out++ = ',';
    out = WriteValue(column.elements(), form, i, out);
  }
  *out++ = ']';
  return out;
}

}  // namespace

JsonObjectWriter::JsonObjectWriter(const std::vector<ChangeField>& fields, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Member member{i == 0 ? "{" : ",", fields[i].form, fields[i].list};
    AppendJsonString(fields[i].name, &member.label);
    member.label += ':';
    fixed_size_ += member.label.size() + kLongestValue;
    if (member.list) {
      lists_.push_back(i);
    } else if (IsText(member.form)) {
      texts_.push_back(i);
    }
    members_.push_back(std::move(member));
  }
}

size_t JsonObjectWriter::MaxSize(const RawColumns& columns, int64_t row) const {
  size_t size = fixed_size_;
  for (size_t column : texts_) size += MaxJsonString(columns[column].Text(row).size());
  for (size_t column : lists_) size += MaxListSize(columns[column], members_[column].form, row);
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
    if (members_[i].list) {
      out = WriteList(column, form, row, out);
      continue;
    }
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
