#include "connectors/update_record/protobuf_message.h"

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "schemas/types/utf8.h"

namespace forebay {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

// The wire types of protobuf.
constexpr uint32_t kVarint = 0;
constexpr uint32_t kEightBytes = 1;
constexpr uint32_t kLengthAndBytes = 2;

constexpr size_t kMaxVarint = 10;

uint32_t WireTypeOf(WireForm form) {
  switch (form) {
    case WireForm::kFixed64:
      return kEightBytes;
    case WireForm::kString:
    case WireForm::kBytes:
      return kLengthAndBytes;
    default:
      return kVarint;
  }
}

// Of a field: repeated numbers are packed.
uint32_t WireTypeOf(const ProtobufField& field) {
  return field.repeated ? kLengthAndBytes : WireTypeOf(field.form);
}

bool IsText(WireForm form) { return form == WireForm::kString || form == WireForm::kBytes; }

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  while (value >>= 7) ++size;
  return size;
}

char* WriteVarint(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

char* WriteBytes(std::string_view bytes, char* out) {
  out = WriteVarint(bytes.size(), out);
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

// Readers refuse a string that is not UTF-8.
char* WriteString(std::string_view text, char* out) {
  if (IsUtf8(text)) return WriteBytes(text, out);
  return WriteBytes(ToUtf8(text), out);
}

uint64_t VarintAt(const RawColumn& column, int64_t row) {
  return static_cast<uint64_t>(column.Number<int64_t>(row));
}

size_t PackedSize(const RawColumn& elements, WireForm form, RawColumn::Range list) {
  if (form == WireForm::kFixed64) return static_cast<size_t>(list.size()) * sizeof(uint64_t);
  if (form == WireForm::kBool) return static_cast<size_t>(list.size());
  size_t size = 0;
  for (int64_t i = list.begin; i < list.end; ++i) size += VarintSize(VarintAt(elements, i));
  return size;
}

// The elements of lists are bools, int64s, doubles (kFixed64), strings or bytes.
char* WriteElement(const RawColumn& elements, WireForm form, int64_t i, char* out) {
  switch (form) {
    case WireForm::kBool:
      *out++ = elements.Bool(i) ? 1 : 0;
      return out;
    case WireForm::kFixed64: {
      uint64_t bits = elements.Number<uint64_t>(i);
      std::memcpy(out, &bits, sizeof bits);
      return out + sizeof bits;
    }
    case WireForm::kString:
      return WriteString(elements.Text(i), out);
    case WireForm::kBytes:
      return WriteBytes(elements.Text(i), out);
    case WireForm::kInt32:
    case WireForm::kInt64:
      break;
  }
  return WriteVarint(VarintAt(elements, i), out);
}

// Every element with a tag and a length, or as a number.
size_t MaxListSize(const RawColumn& column, WireForm form, int64_t row) {
  RawColumn::Range list = column.List(row);
  size_t size = static_cast<size_t>(list.size()) * (sizeof(uint32_t) + kMaxVarint);
  for (int64_t i = list.begin; IsText(form) && i < list.end; ++i)
    size += MaxUtf8(column.elements().Text(i).size());
  return size;
}

}  // namespace

ProtobufMessageWriter::ProtobufMessageWriter(const std::vector<ChangeField>& fields) {
  for (const ProtobufField& field : ProtobufFields(fields)) {
    size_t column = tags_.size();
    char bytes[kMaxVarint];
    Tag tag{};
    tag.size =
        static_cast<uint32_t>(WriteVarint(field.number << 3 | WireTypeOf(field), bytes) - bytes);
    std::memcpy(&tag.bytes, bytes, sizeof(tag.bytes));
    tags_.push_back(tag);
    fixed_size_ += sizeof(tag.bytes) + kMaxVarint;
    if (IsText(field.form) && !field.repeated) texts_.push_back(column);
    bool continues = !runs_.empty() && runs_.back().form == field.form &&
                     runs_.back().repeated == field.repeated;
    if (!continues) runs_.push_back({field.form, field.repeated, column, column});
    runs_.back().end = column + 1;
  }
}

size_t ProtobufMessageWriter::MaxSize(const RawColumns& columns, int64_t row) const {
  size_t size = fixed_size_;
  for (size_t column : texts_) size += MaxUtf8(columns[column].Text(row).size());
  for (const Run& run : runs_) {
    for (size_t i = run.begin; run.repeated && i < run.end; ++i)
      size += MaxListSize(columns[i], run.form, row);
  }
  return size;
}

// Nothing for a null.
char* ProtobufMessageWriter::WriteList(const RawColumn& column, const Tag& tag, WireForm form,
                                       int64_t row, char* out) {
  const RawColumn& elements = column.elements();
  RawColumn::Range list = column.List(row);
  auto write_tag = [&] {
    std::memcpy(out, &tag.bytes, sizeof(tag.bytes));
    out += tag.size;
  };
  if (!IsText(form) && list.size() > 0) {
    write_tag();
    out = WriteVarint(PackedSize(elements, form, list), out);
  }
  for (int64_t i = list.begin; i < list.end; ++i) {
    if (IsText(form)) write_tag();
    out = WriteElement(elements, form, i, out);
  }
  return out;
}

char* ProtobufMessageWriter::Write(const RawColumns& columns, int64_t row, char* out) const {
  // Calls `write(column, place)`, which returns the end, for the columns that are not null.
  auto each = [&](const Run& run, auto write) {
    for (size_t i = run.begin; i < run.end; ++i) {
      const RawColumn& column = columns[i];
      const Tag tag = tags_[i];
      std::memcpy(out, &tag.bytes, sizeof(tag.bytes));
      if (!column.IsNull(row)) out = write(column, out + tag.size);
    }
  };
  for (const Run& run : runs_) {
    for (size_t i = run.begin; run.repeated && i < run.end; ++i)
      out = WriteList(columns[i], tags_[i], run.form, row, out);
    if (run.repeated) continue;
    switch (run.form) {
      case WireForm::kBool:
        each(run, [row](const RawColumn& column, char* at) {
          *at = column.Bool(row) ? 1 : 0;
          return at + 1;
        });
        break;
      case WireForm::kInt32:  // a negative one is written as the int64 of its value
        each(run, [row](const RawColumn& column, char* at) {
          return WriteVarint(static_cast<uint64_t>(int64_t{column.Number<int32_t>(row)}), at);
        });
        break;
      case WireForm::kInt64:
        each(run, [row](const RawColumn& column, char* at) {
          return WriteVarint(static_cast<uint64_t>(column.Number<int64_t>(row)), at);
        });
        break;
      case WireForm::kFixed64:
        each(run, [row](const RawColumn& column, char* at) {
          uint64_t bits = column.Number<uint64_t>(row);
          std::memcpy(at, &bits, sizeof(bits));
          return at + sizeof(bits);
        });
        break;
      case WireForm::kString:
        each(run, [row](const RawColumn& column, char* at) {
          return WriteString(column.Text(row), at);
        });
        break;
      case WireForm::kBytes:
        each(run,
             [row](const RawColumn& column, char* at) { return WriteBytes(column.Text(row), at); });
        break;
    }
  }
  return out;
}

}  // namespace forebay
