#include "connectors/decode/json_object_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "connectors/decode/base64.h"
#include "connectors/decode/gate.h"
#include "connectors/decode/json_layout.h"
#include "connectors/decode/json_scanner.h"
#include "connectors/decode/timestamp_unit.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int kNoField = -1;

// The plain form (JsonScanner) that a field's values mostly have.
enum class Plain : uint8_t { kNone, kString, kDouble, kInteger };

struct FieldPlan {
  std::string name;
  Plain plain;
  DataType type;
  v1::TimeEncoding time_encoding;
  bool saturates;  // a time out of range is the gate's matter, not a type error
};

Plain PlainForm(const v1::Field& field) {
  switch (field.type()) {
    case v1::STRING:
      return Plain::kString;
    case v1::DOUBLE:
      return Plain::kDouble;
    case v1::INT64:
      return Plain::kInteger;
    case v1::TIMESTAMP:
      return field.time_encoding() == v1::RFC3339 ? Plain::kNone : Plain::kInteger;
    default:
      return Plain::kNone;
  }
}

// The end of a value of any type in a plain form; else null.
inline const char* AfterPlain(const char* at) {
  const char* after = JsonScanner::AfterPlainString(at);
  return after != nullptr ? after : JsonScanner::AfterPlainNumber(at);
}

std::string_view Expected(const FieldPlan& field) {
  switch (field.type) {
    case DataType::kBool:
      return "true or false";
    case DataType::kInt64:
      return "an int64 (an integer without fraction or exponent)";
    case DataType::kDouble:
      return "a number in the range of a double";
    case DataType::kString:
      return "a string";
    case DataType::kBytes:
      return "a string of base64";
    case DataType::kTimestamp:
      break;
  }
  switch (field.time_encoding) {
    case v1::SECONDS:
      return "a timestamp_s (an integer of seconds)";
    case v1::MILLISECONDS:
      return "a timestamp_ms (an integer of milliseconds)";
    case v1::MICROSECONDS:
      return "a timestamp_us (an integer of microseconds)";
    case v1::NANOSECONDS:
      return "a timestamp_ns (an integer of nanoseconds)";
    default:
      return "a timestamp (a string such as 2013-01-01T05:00:00Z)";
  }
}

constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr uint64_t kMaxExact = uint64_t{1} << 53;

// Clinger's fast path: both factors are exact, so their product or quotient is the nearest double.
bool ExactDouble(const JsonScanner::Number& number, double* out) {
  if (!number.exact || number.digits > kMaxExact) return false;
  if (number.exponent < -22 || number.exponent > 22) return false;
  auto value = static_cast<double>(number.digits);
  value =
      number.exponent < 0 ? value / kPowers[-number.exponent] : value * kPowers[number.exponent];
  *out = number.negative ? -value : value;
  return true;
}

bool IsBelowOne(const JsonScanner::Number& number) {
  int64_t digits = 0;  // without leading zeros
  for (char c : number.text.substr(0, number.text.find_first_of("eE"))) {
    if (c >= (digits == 0 ? '1' : '0') && c <= '9') ++digits;
  }
  return number.exponent + digits <= 0;
}

// The nearest double; false if that is an infinity.
bool ToDouble(const JsonScanner::Number& number, double* out) {
  if (ExactDouble(number, out)) return true;
  const char* end = number.text.data() + number.text.size();
  std::errc error = std::from_chars(number.text.data(), end, *out).ec;
  if (error == std::errc()) return true;
  *out = number.negative ? -0.0 : 0.0;  // out of range, which from_chars calls a tiny number too
  return IsBelowOne(number);
}

bool ToInt64(const JsonScanner::Number& number, int64_t* out) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (!number.integer || !number.exact) return false;
  if (number.digits > kMax + (number.negative ? 1 : 0)) return false;
  *out = static_cast<int64_t>(number.negative ? 0 - number.digits : number.digits);
  return true;
}

}  // namespace

class JsonObjectReader::Impl {
 public:
  explicit Impl(const v1::Source& source);

  bool Read(std::string_view text);

  const std::vector<FieldValue>& values() const { return values_; }
  const std::string& problem() const { return problem_; }

 private:
  enum class Outcome { kOk, kWrongType, kMalformed };

  bool ReadMembers();
  const char* ReadPlain(const char* at, int field);
  bool ReadUpToValue(bool first, bool* closed, int* field);
  bool ReadField(int field);
  Outcome ReadValue(int field);
  Outcome ReadBool(FieldValue* out);
  Outcome ReadNumber(JsonScanner::Number* out);
  Outcome ReadText(FieldValue* out);
  Outcome ReadBytes(int field);
  Outcome ReadTime(const FieldPlan& field, FieldValue* out);
  bool NotAnObject();

  std::vector<FieldPlan> fields_;
  absl::flat_hash_map<std::string, int> index_;
  JsonScanner scanner_;
  std::vector<std::string> bytes_;  // per field: decoded base64
  std::vector<FieldValue> values_;
  JsonLayout layout_;
  std::string problem_;
};

JsonObjectReader::Impl::Impl(const v1::Source& source) {
  for (const v1::Field& field : source.schema()) {
    index_.insert({field.name(), static_cast<int>(fields_.size())});
    fields_.push_back({field.name(), PlainForm(field), static_cast<DataType>(field.type()),
                       field.time_encoding(), Gate::Judges(source, field)});
  }
  values_.resize(fields_.size());
  bytes_.resize(fields_.size());
}

bool JsonObjectReader::Impl::Read(std::string_view text) {
  for (FieldValue& value : values_) value.null = true;
  scanner_.Start(text);
  if (!ReadMembers()) return false;
  return scanner_.AtEnd() || scanner_.Fail("something follows its closing brace") || NotAnObject();
}

bool JsonObjectReader::Impl::NotAnObject() {
  problem_ = fmt::format("the value is not one JSON object: {}", scanner_.problem());
  return false;
}

// The end of the field's value where it is of the type and in a plain form; else null.
ABSL_ATTRIBUTE_ALWAYS_INLINE
inline const char* JsonObjectReader::Impl::ReadPlain(const char* at, int field) {
  const FieldPlan& plan = fields_[static_cast<size_t>(field)];
  FieldValue* out = &values_[static_cast<size_t>(field)];
  JsonScanner::PlainNumber number;
  const char* after = nullptr;
  switch (plan.plain) {
    case Plain::kString:
      after = JsonScanner::AfterPlainString(at);
      if (after == nullptr) return nullptr;
      out->text = {at + 1, static_cast<size_t>(after - at - 2)};
      break;
    case Plain::kDouble:
      after = JsonScanner::AfterPlainNumber(at, &number);
      if (after == nullptr || number.digits > kMaxExact) return nullptr;
      out->real = static_cast<double>(number.digits) / kPowers[number.fraction];
      if (number.negative) out->real = -out->real;
      break;
    case Plain::kInteger: {
      after = JsonScanner::AfterPlainNumber(at, &number);
      if (after == nullptr || number.fraction > 0) return nullptr;
      auto count = static_cast<int64_t>(number.digits);
      bool fits = true;
      if (number.negative) count = -count;
      out->integer =
          plan.type == DataType::kTimestamp ? ToMicros(count, plan.time_encoding, &fits) : count;
      if (!fits) return nullptr;
      break;
    }
    case Plain::kNone:
      return nullptr;
  }
  out->null = false;
  return after;
}

bool JsonObjectReader::Impl::ReadMembers() {
  layout_.Start();
  const char* at = scanner_.at();
  for (bool first = true;; first = false) {
    int field;
    if (const JsonLayout::Member* member = layout_.Match(at)) {
      at += member->size;
      field = member->field;
    } else if (*at == '}' && !first) {
      scanner_.MoveTo(at + 1);
      return true;
    } else {
      bool closed = false;
      scanner_.MoveTo(at);
      if (!ReadUpToValue(first, &closed, &field)) return NotAnObject();
      if (closed) return true;
      at = scanner_.at();
    }
    const char* after = field == kNoField ? AfterPlain(at) : ReadPlain(at, field);
    if (after == nullptr) {
      scanner_.MoveTo(at);
      if (field != kNoField) {
        if (!ReadField(field)) return false;
      } else if (!scanner_.SkipValue()) {
        return NotAnObject();
      }
      after = scanner_.at();
    }
    at = after;
  }
}

// From the brace or the value before to the next value, or over the closing brace.
bool JsonObjectReader::Impl::ReadUpToValue(bool first, bool* closed, int* field) {
  const char* begin = scanner_.at();
  if (first) {
    if (!scanner_.Take('{')) return false;
    *closed = scanner_.TakeIf('}');
  } else if (!scanner_.TakeIf(',')) {
    *closed = scanner_.Take('}');
    if (!*closed) return false;
  }
  if (*closed) return true;
  std::string_view name;
  if (!scanner_.ReadString(&name) || !scanner_.Take(':')) return false;
  auto found = index_.find(absl::string_view(name.data(), name.size()));
  *field = found == index_.end() ? kNoField : found->second;
  scanner_.Peek();
  layout_.Learn({begin, static_cast<size_t>(scanner_.at() - begin)}, *field);
  return true;
}

bool JsonObjectReader::Impl::ReadField(int field) {
  values_[field].null = scanner_.Peek() == 'n' && scanner_.TakeIf("null");
  if (values_[field].null) return true;
  const char* before = scanner_.at();
  Outcome outcome = ReadValue(field);
  if (outcome == Outcome::kMalformed) return NotAnObject();
  if (outcome == Outcome::kOk) return true;
  scanner_.MoveTo(before);
  problem_ = fmt::format("field {}: found {}, expected {}", fields_[field].name, scanner_.Excerpt(),
                         Expected(fields_[field]));
  return false;
}

JsonObjectReader::Impl::Outcome JsonObjectReader::Impl::ReadValue(int field) {
  FieldValue* out = &values_[field];
  JsonScanner::Number number;
  Outcome outcome = Outcome::kOk;
  switch (fields_[field].type) {
    case DataType::kBool:
      return ReadBool(out);
    case DataType::kInt64:
      outcome = ReadNumber(&number);
      if (outcome != Outcome::kOk) return outcome;
      return ToInt64(number, &out->integer) ? Outcome::kOk : Outcome::kWrongType;
    case DataType::kDouble:
      outcome = ReadNumber(&number);
      if (outcome != Outcome::kOk) return outcome;
      return ToDouble(number, &out->real) ? Outcome::kOk : Outcome::kWrongType;
    case DataType::kString:
      return ReadText(out);
    case DataType::kBytes:
      return ReadBytes(field);
    case DataType::kTimestamp:
      return ReadTime(fields_[field], out);
  }
  return Outcome::kWrongType;
}

JsonObjectReader::Impl::Outcome JsonObjectReader::Impl::ReadBool(FieldValue* out) {
  out->boolean = scanner_.TakeIf("true");
  return out->boolean || scanner_.TakeIf("false") ? Outcome::kOk : Outcome::kWrongType;
}

JsonObjectReader::Impl::Outcome JsonObjectReader::Impl::ReadNumber(JsonScanner::Number* out) {
  char first = scanner_.Peek();
  if (first != '-' && (first < '0' || first > '9')) return Outcome::kWrongType;
  return scanner_.ReadNumber(out) ? Outcome::kOk : Outcome::kMalformed;
}

JsonObjectReader::Impl::Outcome JsonObjectReader::Impl::ReadText(FieldValue* out) {
  if (scanner_.Peek() != '"') return Outcome::kWrongType;
  return scanner_.ReadString(&out->text) ? Outcome::kOk : Outcome::kMalformed;
}

JsonObjectReader::Impl::Outcome JsonObjectReader::Impl::ReadBytes(int field) {
  FieldValue* out = &values_[field];
  Outcome outcome = ReadText(out);
  if (outcome != Outcome::kOk) return outcome;
  if (!DecodeBase64(out->text, &bytes_[field])) return Outcome::kWrongType;
  out->text = bytes_[field];
  return Outcome::kOk;
}

JsonObjectReader::Impl::Outcome JsonObjectReader::Impl::ReadTime(const FieldPlan& field,
                                                                 FieldValue* out) {
  if (field.time_encoding == v1::RFC3339) {
    Outcome outcome = ReadText(out);
    if (outcome != Outcome::kOk) return outcome;
    absl::StatusOr<int64_t> time = ParseTime(out->text);
    if (time.ok()) out->integer = *time;
    return time.ok() ? Outcome::kOk : Outcome::kWrongType;
  }
  JsonScanner::Number number;
  Outcome outcome = ReadNumber(&number);
  if (outcome != Outcome::kOk) return outcome;
  int64_t count;
  if (!ToInt64(number, &count)) return Outcome::kWrongType;
  bool fits;
  out->integer = ToMicros(count, field.time_encoding, &fits);
  if (!fits) out->count = count;
  return fits || field.saturates ? Outcome::kOk : Outcome::kWrongType;
}

JsonObjectReader::JsonObjectReader(const v1::Source& source)
    : impl_(std::make_unique<Impl>(source)) {}
JsonObjectReader::JsonObjectReader(JsonObjectReader&&) noexcept = default;
JsonObjectReader& JsonObjectReader::operator=(JsonObjectReader&&) noexcept = default;
JsonObjectReader::~JsonObjectReader() = default;

bool JsonObjectReader::Read(std::string_view text) { return impl_->Read(text); }
absl::Span<const FieldValue> JsonObjectReader::values() const { return impl_->values(); }
const std::string& JsonObjectReader::problem() const { return impl_->problem(); }

}  // namespace forebay
