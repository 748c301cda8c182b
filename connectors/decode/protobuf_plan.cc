#include "connectors/decode/protobuf_plan.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "connectors/decode/gate.h"
#include "fmt/format.h"
#include "schemas/types/data_type.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Kind = MessageField::Kind;

WireType WireTypeOfKind(Kind kind) {
  switch (kind) {
    case Kind::kFixed64:
    case Kind::kSfixed64:
    case Kind::kDouble:
      return WireType::kFixed64;
    case Kind::kFixed32:
    case Kind::kSfixed32:
    case Kind::kFloat:
      return WireType::kFixed32;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kTimestamp:
    case Kind::kMessage:
      return WireType::kLengthDelimited;
    case Kind::kGroup:
      return WireType::kStartGroup;
    default:
      return WireType::kVarint;
  }
}

}  // namespace

absl::StatusOr<ProtobufPlan> ProtobufPlan::Make(const v1::Source& source) {
  ASSIGN_OR_RETURN(MessageSchema schema,
                   ReadMessageSchema(source.descriptor_set(), source.message()));
  ProtobufPlan plan;
  plan.message_ = schema.name;
  for (const v1::Field& column : source.schema()) {
    RETURN_IF_ERROR(plan.AddColumn(source, column, schema));
  }
  plan.AddOneofs(schema);
  plan.IndexNumbers();
  return plan;
}

absl::Status ProtobufPlan::AddColumn(const v1::Source& source, const v1::Field& column,
                                     const MessageSchema& schema) {
  auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                            [&](const MessageField& f) { return f.name == column.name(); });
  auto type = static_cast<DataType>(column.type());
  if (field == schema.fields.end() || !FitsColumn(*field, type, column.time_encoding())) {
    return absl::InvalidArgumentError(
        fmt::format("column {} of source {} is no field of message {} that fits its type",
                    column.name(), source.name(), schema.name));
  }
  AddConversions(source, column, field->kind);
  AddField(*field, missing_.size());
  FieldValue missing;
  // Text that is no time cannot be what a missing field means.
  missing.null =
      field->has_presence || (type == DataType::kTimestamp && field->kind == Kind::kString);
  if (type == DataType::kBool) missing.boolean = false;
  if (type == DataType::kDouble) missing.real = 0;
  if (type == DataType::kString || type == DataType::kBytes) missing.text = "";
  missing_.push_back(missing);
  return absl::OkStatus();
}

void ProtobufPlan::AddConversions(const v1::Source& source, const v1::Field& column, Kind kind) {
  Conversion plan{Step::kUnsigned, missing_.size(), fields_.size(), column.time_encoding(),
                  Gate::Judges(source, column)};
  auto add = [&](Step step) {
    plan.step = step;
    conversions_.push_back(plan);
  };
  if (kind == Kind::kUint64 || kind == Kind::kFixed64) add(Step::kUnsigned);
  if (column.type() == v1::TIMESTAMP) {
    add(kind == Kind::kTimestamp ? Step::kTimestamp
        : kind == Kind::kString  ? Step::kTimeText
                                 : Step::kUnit);
  }
  if (column.type() == v1::STRING && kind == Kind::kEnum) add(Step::kEnumName);
}

void ProtobufPlan::AddField(const MessageField& field, size_t column) {
  fields_.push_back(
      {field.kind, WireTypeOfKind(field.kind), field.closed_enum, field.oneof, column});
  declared_.push_back(field);
}

// The other members of the columns' oneofs.
void ProtobufPlan::AddOneofs(const MessageSchema& schema) {
  auto any = [&](auto matches) { return std::any_of(declared_.begin(), declared_.end(), matches); };
  for (const MessageField& field : schema.fields) {
    if (field.oneof == MessageField::kNoOneof) continue;
    bool planned = any([&](const MessageField& f) { return f.number == field.number; });
    bool beside = any([&](const MessageField& f) { return f.oneof == field.oneof; });
    if (beside && !planned) AddField(field, kNone);
  }
}

void ProtobufPlan::IndexNumbers() {
  constexpr uint32_t kSmall = 2'048;  // the numbers whose tags are one or two bytes
  for (size_t i = 0; i < fields_.size(); ++i) {
    uint32_t number = declared_[i].number;
    if (number >= kSmall) {
      large_.insert({number, i});
      continue;
    }
    if (number >= small_.size()) small_.resize(number + 1, kNone);
    small_[number] = i;
  }
}

const std::string* ProtobufPlan::EnumName(size_t field, int32_t number) const {
  const auto& names = declared_[field].enum_names;
  auto found = std::lower_bound(names.begin(), names.end(), number,
                                [](const auto& name, int32_t n) { return name.first < n; });
  return found != names.end() && found->first == number ? &found->second : nullptr;
}

}  // namespace forebay
