#include "connectors/decode/protobuf_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "connectors/decode/protobuf_plan.h"
#include "connectors/decode/timestamp_unit.h"
#include "connectors/decode/wire_scanner.h"
#include "fmt/format.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

using Kind = MessageField::Kind;
using Step = ProtobufPlan::Step;

constexpr size_t kNone = ProtobufPlan::kNone;

// A google.protobuf.Timestamp as it stands in the message.
struct TimestampParts {
  int64_t seconds = 0;
  int32_t nanos = 0;
};

int64_t ZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// In quotes, and not too long. REQUIRES: UTF-8.
std::string Excerpt(std::string_view text) {
  constexpr size_t kMaxBytes = 60;
  if (text.size() <= kMaxBytes) return fmt::format("'{}'", text);
  size_t length = kMaxBytes;
  while ((text[length] & 0xC0) == 0x80) --length;
  return fmt::format("'{}...'", text.substr(0, length));
}

}  // namespace

class ProtobufReader::Impl {
 public:
  explicit Impl(ProtobufPlan plan);

  bool Read(std::string_view message);

  const std::vector<FieldValue>& values() const { return values_; }
  const std::string& problem() const { return problem_; }

 private:
  // Inlined, so that Read's scanner stays in registers.
  bool ReadField(size_t index, WireScanner& scanner);
  static bool ReadFixed(Kind kind, WireScanner& scanner, FieldValue* out);
  bool ReadMember(size_t index, uint32_t tag, WireScanner& scanner);

  static void TakeVarint(Kind kind, uint64_t number, FieldValue* out);
  const char* ReadTimestamp(std::string_view bytes, size_t column);
  bool IsNamed(size_t enum_field, uint64_t number) const {
    return plan_.EnumName(enum_field, static_cast<int32_t>(number)) != nullptr;
  }
  void TakeAwayOthers(const ProtobufPlan::Field& field);

  bool Convert(const ProtobufPlan::Conversion& plan);
  bool ConvertTimestamp(const ProtobufPlan::Conversion& plan);
  void NameEnum(const ProtobufPlan::Conversion& plan);

  bool NotAMessage(const WireScanner& scanner);
  bool WrongWireType(size_t index, uint32_t tag, size_t offset);
  bool WrongValue(const ProtobufPlan::Conversion& plan, std::string_view found,
                  std::string_view expected);

  const ProtobufPlan plan_;
  std::vector<FieldValue> values_;
  std::vector<TimestampParts> timestamps_;        // per column
  std::vector<std::array<char, 12>> enum_texts_;  // per column: digits of a number without a name
  std::string problem_;
};

ProtobufReader::Impl::Impl(ProtobufPlan plan)
    : plan_(std::move(plan)),
      values_(plan_.missing()),
      timestamps_(values_.size()),
      enum_texts_(values_.size()) {}

ABSL_ATTRIBUTE_ALWAYS_INLINE
inline bool ProtobufReader::Impl::ReadFixed(Kind kind, WireScanner& scanner, FieldValue* out) {
  uint32_t half;
  float single;
  switch (kind) {
    case Kind::kDouble:
      return scanner.ReadFixed(&out->real);
    case Kind::kFloat:
      if (!scanner.ReadFixed(&single)) return false;
      out->real = static_cast<double>(single);
      return true;
    case Kind::kFixed32:
      if (!scanner.ReadFixed(&half)) return false;
      out->integer = half;
      return true;
    case Kind::kSfixed32:
      if (!scanner.ReadFixed(&half)) return false;
      out->integer = static_cast<int32_t>(half);
      return true;
    default:
      return scanner.ReadFixed(&out->integer);
  }
}

void ProtobufReader::Impl::TakeVarint(Kind kind, uint64_t number, FieldValue* out) {
  switch (kind) {
    case Kind::kBool:
      out->boolean = number != 0;
      break;
    case Kind::kInt32:
      out->integer = static_cast<int32_t>(number);
      break;
    case Kind::kUint32:
      out->integer = static_cast<uint32_t>(number);
      break;
    case Kind::kSint32:
      out->integer = ZigZag(static_cast<uint32_t>(number));
      break;
    case Kind::kSint64:
      out->integer = ZigZag(number);
      break;
    default:
      out->integer = static_cast<int64_t>(number);
      break;
  }
}

ABSL_ATTRIBUTE_ALWAYS_INLINE
inline bool ProtobufReader::Impl::ReadField(size_t index, WireScanner& scanner) {
  const ProtobufPlan::Field& field = plan_.fields()[index];
  FieldValue* out = &values_[field.column];
  uint64_t number;
  std::string_view bytes;
  switch (field.kind) {
    case Kind::kString:
      if (!scanner.ReadBytes(&out->text)) return false;
      if (!IsUtf8(out->text)) return scanner.Fail("a string is not UTF-8, and ends");
      break;
    case Kind::kBytes:
      if (!scanner.ReadBytes(&out->text)) return false;
      break;
    case Kind::kTimestamp:
      if (!scanner.ReadBytes(&bytes)) return false;
      if (const char* problem = ReadTimestamp(bytes, field.column)) return scanner.Fail(problem);
      break;
    case Kind::kEnum:
      if (!scanner.ReadVarint(&number)) return false;
      if (field.closed_enum && !IsNamed(index, number)) return true;
      out->integer = static_cast<int32_t>(number);
      break;
    case Kind::kDouble:
    case Kind::kFixed64:
    case Kind::kSfixed64:
    case Kind::kFloat:
    case Kind::kFixed32:
    case Kind::kSfixed32:
      if (!ReadFixed(field.kind, scanner, out)) return false;
      break;
    default:
      if (!scanner.ReadVarint(&number)) return false;
      TakeVarint(field.kind, number, out);
      break;
  }
  out->null = false;
  if (field.oneof != MessageField::kNoOneof) TakeAwayOthers(field);
  return true;
}

// A field that is no column. Of another wire type it is an unknown field, which takes nothing away.
ABSL_ATTRIBUTE_ALWAYS_INLINE
inline bool ProtobufReader::Impl::ReadMember(size_t index, uint32_t tag, WireScanner& scanner) {
  const ProtobufPlan::Field& field = plan_.fields()[index];
  if (WireTypeOf(tag) != field.wire_type) return scanner.Skip(tag);
  if (!field.closed_enum) {
    TakeAwayOthers(field);
    return scanner.Skip(tag);
  }
  uint64_t number;
  if (!scanner.ReadVarint(&number)) return false;
  if (IsNamed(index, number)) TakeAwayOthers(field);
  return true;
}

bool ProtobufReader::Impl::Read(std::string_view message) {
  std::copy(plan_.missing().begin(), plan_.missing().end(), values_.begin());
  WireScanner scanner(message);
  while (!scanner.AtEnd()) {
    size_t offset = scanner.offset();
    uint32_t tag;
    if (!scanner.ReadTag(&tag)) return NotAMessage(WireScanner(scanner));
    size_t index = plan_.Find(FieldNumber(tag));
    if (index == kNone) {
      if (!scanner.Skip(tag)) return NotAMessage(WireScanner(scanner));
      continue;
    }
    const ProtobufPlan::Field& field = plan_.fields()[index];
    if (field.column == kNone) {
      if (!ReadMember(index, tag, scanner)) return NotAMessage(WireScanner(scanner));
      continue;
    }
    if (WireTypeOf(tag) != field.wire_type) return WrongWireType(index, tag, offset);
    if (!ReadField(index, scanner)) return NotAMessage(WireScanner(scanner));
  }
  for (const ProtobufPlan::Conversion& plan : plan_.conversions()) {
    if (!values_[plan.column].null && !Convert(plan)) return false;
  }
  return true;
}

void ProtobufReader::Impl::TakeAwayOthers(const ProtobufPlan::Field& field) {
  for (const ProtobufPlan::Field& other : plan_.fields()) {
    if (other.oneof != field.oneof || other.column == field.column) continue;
    if (other.column != kNone) values_[other.column].null = true;
  }
}

// Null, or what is wrong with the bytes.
const char* ProtobufReader::Impl::ReadTimestamp(std::string_view bytes, size_t column) {
  constexpr uint32_t kSeconds = 1 << 3;  // tags: both fields are varints
  constexpr uint32_t kNanos = 2 << 3;
  TimestampParts* parts = &timestamps_[column];
  if (values_[column].null) *parts = {};  // else the message goes on with that read before
  WireScanner scanner(bytes);
  while (!scanner.AtEnd()) {
    uint32_t tag;
    uint64_t number;
    if (!scanner.ReadTag(&tag)) return scanner.problem();
    if (tag != kSeconds && tag != kNanos) {
      if (!scanner.Skip(tag, /*depth=*/1)) return scanner.problem();
      continue;
    }
    if (!scanner.ReadVarint(&number)) return scanner.problem();
    if (tag == kSeconds) parts->seconds = static_cast<int64_t>(number);
    if (tag == kNanos) parts->nanos = static_cast<int32_t>(number);
  }
  return nullptr;
}

bool ProtobufReader::Impl::Convert(const ProtobufPlan::Conversion& plan) {
  FieldValue* value = &values_[plan.column];
  switch (plan.step) {
    case Step::kUnsigned:
      return value->integer >= 0 ||
             WrongValue(plan, fmt::format("{}", static_cast<uint64_t>(value->integer)),
                        "an integer up to 9223372036854775807");
    case Step::kUnit: {
      bool fits;
      int64_t count = value->integer;
      value->integer = ToMicros(count, plan.encoding, &fits);
      if (!fits) value->count = count;
      return fits || plan.saturates ||
             WrongValue(plan, fmt::format("{}", count), "a time that int64 microseconds can hold");
    }
    case Step::kTimestamp:
      return ConvertTimestamp(plan);
    case Step::kTimeText: {
      absl::StatusOr<int64_t> time = ParseTime(value->text);
      if (time.ok()) value->integer = *time;
      return time.ok() ||
             WrongValue(plan, Excerpt(value->text), "a timestamp such as 2013-01-01T05:00:00Z");
    }
    case Step::kEnumName:
      NameEnum(plan);
      return true;
  }
  return true;
}

bool ProtobufReader::Impl::ConvertTimestamp(const ProtobufPlan::Conversion& plan) {
  const TimestampParts& parts = timestamps_[plan.column];
  if (parts.nanos < 0 || parts.nanos > 999'999'999) {
    return WrongValue(plan, fmt::format("{} nanos", parts.nanos), "0 to 999999999");
  }
  bool fits;
  int64_t micros = ToMicros(parts.seconds, v1::SECONDS, &fits);
  if (!fits && !plan.saturates) {
    return WrongValue(plan, fmt::format("{} seconds", parts.seconds),
                      "a time that int64 microseconds can hold");
  }
  int64_t fraction = parts.nanos / 1'000;
  bool overflows = micros > std::numeric_limits<int64_t>::max() - fraction;
  if (overflows && !plan.saturates) {
    return WrongValue(plan, fmt::format("{} seconds", parts.seconds),
                      "a time that int64 microseconds can hold");
  }
  values_[plan.column].integer =
      overflows ? std::numeric_limits<int64_t>::max() : micros + fraction;
  return true;
}

void ProtobufReader::Impl::NameEnum(const ProtobufPlan::Conversion& plan) {
  FieldValue* value = &values_[plan.column];
  auto number = static_cast<int32_t>(value->integer);
  if (const std::string* name = plan_.EnumName(plan.field, number)) {
    value->text = *name;
    return;
  }
  std::array<char, 12>& text = enum_texts_[plan.column];
  char* end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  value->text = {text.data(), static_cast<size_t>(end - text.data())};
}

bool ProtobufReader::Impl::NotAMessage(const WireScanner& scanner) {
  problem_ = fmt::format("the value is not one message {}: {} at byte {}", plan_.message(),
                         scanner.problem(), scanner.offset());
  return false;
}

bool ProtobufReader::Impl::WrongWireType(size_t index, uint32_t tag, size_t offset) {
  WireType expected = plan_.fields()[index].wire_type;
  problem_ =
      fmt::format("field {}: found wire type {} ({}) at byte {}, expected {} ({}) for {}",
                  plan_.Declared(index).name, tag & 7, WireTypeName(WireTypeOf(tag)), offset,
                  static_cast<int>(expected), WireTypeName(expected), plan_.Declared(index).type);
  return false;
}

bool ProtobufReader::Impl::WrongValue(const ProtobufPlan::Conversion& plan, std::string_view found,
                                      std::string_view expected) {
  problem_ = fmt::format("field {}: found {}, expected {}", plan_.Declared(plan.field).name, found,
                         expected);
  return false;
}

absl::StatusOr<ProtobufReader> ProtobufReader::Make(const v1::Source& source) {
  ASSIGN_OR_RETURN(ProtobufPlan plan, ProtobufPlan::Make(source));
  return ProtobufReader(std::make_unique<Impl>(std::move(plan)));
}

ProtobufReader::ProtobufReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProtobufReader::ProtobufReader(ProtobufReader&&) noexcept = default;
ProtobufReader& ProtobufReader::operator=(ProtobufReader&&) noexcept = default;
ProtobufReader::~ProtobufReader() = default;

bool ProtobufReader::Read(std::string_view message) { return impl_->Read(message); }
absl::Span<const FieldValue> ProtobufReader::values() const { return impl_->values(); }
const std::string& ProtobufReader::problem() const { return impl_->problem(); }

}  // namespace forebay
