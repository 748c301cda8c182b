#include "connectors/update_record/protobuf_message.h"

#include <bit>
#include <cstring>

#include "engine/aggregate/list_value.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

// The wire types of protobuf.
constexpr uint32_t kVarintType = 0;
constexpr uint32_t kEightBytesType = 1;
constexpr uint32_t kLengthAndBytesType = 2;

constexpr size_t kMaxVarint = 10;

// Room for the `_` columns.
constexpr size_t kMaxStep = 9 * (sizeof(uint32_t) + kMaxVarint);

// What a byte of a text or a list may take: U+FFFD for one that is not UTF-8; a tag and a length
// for the four that say how long a text of a list is; an eighth of a varint.
constexpr size_t kWirePerByte = 4;

bool IsText(WireForm form) { return form == WireForm::kString || form == WireForm::kBytes; }

uint32_t WireTypeOf(const ProtobufField& field) {
  if (IsText(field.form) || field.repeated) return kLengthAndBytesType;  // numbers are packed
  return field.form == WireForm::kFixed64 ? kEightBytesType : kVarintType;
}

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

// REQUIRES: not null.
char* WriteValue(const Scalar& value, WireForm form, char* out) {
  switch (form) {
    case WireForm::kBool:
      *out = value.bool_value ? 1 : 0;
      return out + 1;
    case WireForm::kFixed64:
      std::memcpy(out, &value.int64_value, sizeof value.int64_value);  // or a double's bits
      return out + sizeof value.int64_value;
    case WireForm::kString:
      return WriteString(value.string_value(), out);
    case WireForm::kBytes:
      return WriteBytes(value.string_value(), out);
    case WireForm::kVarint:
      break;
  }
  return WriteVarint(static_cast<uint64_t>(value.int64_value), out);
}

// How a list's elements lie in it.
DataType ElementOf(WireForm form) {
  switch (form) {
    case WireForm::kBool:
      return DataType::kBool;
    case WireForm::kFixed64:
      return DataType::kDouble;
    case WireForm::kString:
      return DataType::kString;
    case WireForm::kBytes:
      return DataType::kBytes;
    case WireForm::kVarint:
      break;
  }
  return DataType::kInt64;
}

size_t PackedSize(std::string_view list, WireForm form) {
  if (form != WireForm::kVarint) return list.size();
  size_t size = 0;
  ListReader elements(DataType::kInt64, list);
  for (Scalar value; elements.Next(&value);)
    size += VarintSize(static_cast<uint64_t>(value.int64_value));
  return size;
}

constexpr std::string_view OpName(ChangeOp op) {
  return op == ChangeOp::kEvent ? "event" : "expire";
}

}  // namespace

void ProtobufValues::Add(const ProtobufField& field) {
  char bytes[kMaxVarint] = {};
  char* end = WriteVarint(field.number << 3 | WireTypeOf(field), bytes);
  Field& made = fields_.emplace_back();
  std::memcpy(&made.tag, bytes, sizeof made.tag);
  made.tag_size = static_cast<uint32_t>(end - bytes);
  made.form = field.form;
  made.repeated = field.repeated;
  fixed_size_ += sizeof made.tag + kMaxVarint;
  if (IsText(field.form) || field.repeated) texts_.push_back(fields_.size() - 1);
  bool continues =
      !runs_.empty() && runs_.back().form == field.form && runs_.back().repeated == field.repeated;
  if (!continues) runs_.push_back({field.form, field.repeated});
  ++runs_.back().fields;
}

size_t ProtobufValues::MaxSize(const Scalar* values) const {
  size_t size = fixed_size_;
  for (size_t i : texts_) {
    if (!values[i].null) size += size_t{values[i].text_size} * kWirePerByte;
  }
  return size;
}

char* ProtobufValues::WriteTag(const Field& field, char* out) {
  std::memcpy(out, &field.tag, sizeof field.tag);
  return out + field.tag_size;
}

char* ProtobufValues::WriteList(const Field& field, std::string_view list, char* out) {
  if (!IsText(field.form)) out = WriteVarint(PackedSize(list, field.form), WriteTag(field, out));
  ListReader elements(ElementOf(field.form), list);
  for (Scalar value; elements.Next(&value);) {
    if (IsText(field.form)) out = WriteTag(field, out);
    out = WriteValue(value, field.form, out);
  }
  return out;
}

char* ProtobufValues::Write(const Scalar* values, char* out) const {
  const Field* field = fields_.data();
  for (const Run& run : runs_) {
    // Calls `write(value, place)`, which returns the end, for each value that is not null.
    auto each = [&](auto write) {
      for (size_t left = run.fields; left > 0; --left, ++field, ++values) {
        if (!values->null) out = write(*values, WriteTag(*field, out));
      }
    };
    if (run.repeated) {
      for (size_t left = run.fields; left > 0; --left, ++field, ++values) {
        if (!values->null) out = WriteList(*field, values->string_value(), out);
      }
    } else if (run.form == WireForm::kFixed64) {
      each([](const Scalar& value, char* at) {
        std::memcpy(at, &value.int64_value, sizeof value.int64_value);
        return at + sizeof value.int64_value;
      });
    } else if (run.form == WireForm::kVarint) {
      each([](const Scalar& value, char* at) {
        return WriteVarint(static_cast<uint64_t>(value.int64_value), at);
      });
    } else {
      each([&run](const Scalar& value, char* at) { return WriteValue(value, run.form, at); });
    }
  }
  return out;
}

ProtobufStepWriter::ProtobufStepWriter(const v1::FeatureView& view, const v1::Entity& entity,
                                       int32_t partition)
    : partition_(partition), view_version_(view.version()) {
  const auto keys = static_cast<uint32_t>(entity.keys_size());
  const auto features = static_cast<uint32_t>(view.features_size());
  for (const ProtobufField& field : ProtobufFields(view, entity)) {
    bool key = field.number <= keys;
    bool feature = field.number <= keys + features;
    (key ? keys_ : feature ? features_ : step_).Add(field);
  }
}

size_t ProtobufStepWriter::MaxSize(const UpdateStep& step) const {
  return keys_.MaxSize(step.keys) + features_.MaxSize(step.features) + kMaxStep;
}

char* ProtobufStepWriter::Write(const UpdateStep& step, char* out) const {
  const Change& change = step.change;
  const Scalar step_values[] = {
      Scalar::Int64(change.effective_time), Scalar::Int64(change.event_time),
      Scalar::Int64(change.known_time),     Scalar::String(OpName(change.op)),
      Scalar::Int64(KeyHash(change.key)),   Scalar::Int64(partition_),
      Scalar::Int64(change.offset),         Scalar::Int64(change.ordinal),
      Scalar::Int64(view_version_)};
  out = keys_.Write(step.keys, out);
  out = features_.Write(step.features, out);
  return step_.Write(step_values, out);
}

}  // namespace forebay
