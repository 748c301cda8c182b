#include "schemas/protobuf/message_schema.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace forebay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

// Keeps the first error.
class FirstError final : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element,
                const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    if (text_.empty()) text_ = fmt::format("file {}: {}: {}", file, element, message);
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

MessageField::Kind KindOf(const FieldDescriptor& field) {
  using Kind = MessageField::Kind;
  switch (field.type()) {
    case FieldDescriptor::TYPE_INT32:
      return Kind::kInt32;
    case FieldDescriptor::TYPE_INT64:
      return Kind::kInt64;
    case FieldDescriptor::TYPE_UINT32:
      return Kind::kUint32;
    case FieldDescriptor::TYPE_UINT64:
      return Kind::kUint64;
    case FieldDescriptor::TYPE_SINT32:
      return Kind::kSint32;
    case FieldDescriptor::TYPE_SINT64:
      return Kind::kSint64;
    case FieldDescriptor::TYPE_FIXED32:
      return Kind::kFixed32;
    case FieldDescriptor::TYPE_FIXED64:
      return Kind::kFixed64;
    case FieldDescriptor::TYPE_SFIXED32:
      return Kind::kSfixed32;
    case FieldDescriptor::TYPE_SFIXED64:
      return Kind::kSfixed64;
    case FieldDescriptor::TYPE_FLOAT:
      return Kind::kFloat;
    case FieldDescriptor::TYPE_DOUBLE:
      return Kind::kDouble;
    case FieldDescriptor::TYPE_BOOL:
      return Kind::kBool;
    case FieldDescriptor::TYPE_STRING:
      return Kind::kString;
    case FieldDescriptor::TYPE_BYTES:
      return Kind::kBytes;
    case FieldDescriptor::TYPE_ENUM:
      return Kind::kEnum;
    case FieldDescriptor::TYPE_GROUP:
      return Kind::kGroup;
    case FieldDescriptor::TYPE_MESSAGE:
      break;
  }
  return field.message_type()->full_name() == "google.protobuf.Timestamp" ? Kind::kTimestamp
                                                                          : Kind::kMessage;
}

std::string SingleType(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.type_name();
}

std::string TypeOf(const FieldDescriptor& field) {
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    return fmt::format("map<{}, {}>", SingleType(*entry.map_key()), SingleType(*entry.map_value()));
  }
  return (field.is_repeated() ? "repeated " : "") + SingleType(field);
}

std::vector<std::pair<int32_t, std::string>> NamesOf(const EnumDescriptor& type) {
  std::vector<std::pair<int32_t, std::string>> names;
  for (int i = 0; i < type.value_count(); ++i) {
    names.emplace_back(type.value(i)->number(), type.value(i)->name());
  }
  auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  names.erase(std::unique(names.begin(), names.end(), same), names.end());
  return names;
}

MessageField FieldOf(const FieldDescriptor& descriptor) {
  MessageField field;
  field.name = descriptor.name();
  field.number = static_cast<uint32_t>(descriptor.number());
  field.kind = KindOf(descriptor);
  field.repeated = descriptor.is_repeated();
  field.has_presence = descriptor.has_presence();
  if (const auto* oneof = descriptor.real_containing_oneof()) field.oneof = oneof->index();
  field.type = TypeOf(descriptor);
  if (descriptor.enum_type() != nullptr) {
    field.enum_names = NamesOf(*descriptor.enum_type());
    field.closed_enum = descriptor.file()->syntax() == FileDescriptor::SYNTAX_PROTO2;
  }
  return field;
}

bool IsInteger(MessageField::Kind kind) { return kind <= MessageField::Kind::kSfixed64; }

}  // namespace

bool FitsColumn(const MessageField& field, DataType type, v1::TimeEncoding encoding) {
  using Kind = MessageField::Kind;
  if (field.repeated) return false;
  const Kind kind = field.kind;
  switch (type) {
    case DataType::kBool:
      return kind == Kind::kBool;
    case DataType::kInt64:
      return IsInteger(kind) || kind == Kind::kEnum;
    case DataType::kDouble:
      return kind == Kind::kFloat || kind == Kind::kDouble;
    case DataType::kString:
      return kind == Kind::kString || kind == Kind::kEnum;
    case DataType::kBytes:
      return kind == Kind::kBytes;
    case DataType::kTimestamp:
      if (encoding != v1::RFC3339) return IsInteger(kind);
      return kind == Kind::kTimestamp || kind == Kind::kString;
  }
  return false;
}

absl::StatusOr<MessageSchema> ReadMessageSchema(std::string_view descriptor_set,
                                                std::string_view message) {
  FileDescriptorSet files;
  if (!files.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size()))) {
    return absl::InvalidArgumentError("these bytes are no google.protobuf.FileDescriptorSet");
  }
  DescriptorPool pool;
  FirstError error;
  for (const FileDescriptorProto& file : files.file()) {
    if (pool.BuildFileCollectingErrors(file, &error) == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("the descriptor set is not whole: {}", error.text()));
    }
  }
  const Descriptor* descriptor = pool.FindMessageTypeByName(std::string(message));
  if (descriptor == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("the descriptor set holds no message {}", message));
  }
  MessageSchema schema;
  schema.name = descriptor->full_name();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    schema.fields.push_back(FieldOf(*descriptor->field(i)));
  }
  return schema;
}

}  // namespace forebay
