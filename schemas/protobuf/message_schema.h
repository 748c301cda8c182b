// The fields of a protobuf message, as what reads or checks its bytes needs them.
#ifndef FOREBAY_SCHEMAS_PROTOBUF_MESSAGE_SCHEMA_H_
#define FOREBAY_SCHEMAS_PROTOBUF_MESSAGE_SCHEMA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"

namespace forebay {

struct MessageField {
  enum class Kind : uint8_t {
    kInt32,
    kInt64,
    kUint32,
    kUint64,
    kSint32,
    kSint64,
    kFixed32,
    kFixed64,
    kSfixed32,
    kSfixed64,
    kFloat,
    kDouble,
    kBool,
    kString,
    kBytes,
    kEnum,
    kTimestamp,  // google.protobuf.Timestamp
    kMessage,    // any other
    kGroup,
  };
  static constexpr int kNoOneof = -1;

  std::string name;
  uint32_t number = 0;
  Kind kind = Kind::kMessage;
  bool repeated = false;  // maps too
  // A missing field is null. False: it is its type's zero, as bytes without it mean.
  bool has_presence = false;
  int oneof = kNoOneof;  // fields of one number exclude each other
  // As a .proto file writes it: "int64", "repeated string", "map<string, int64>", "cards.v1.Money".
  std::string type;

  // kEnum: the first name of each number, by number.
  std::vector<std::pair<int32_t, std::string>> enum_names;
  bool closed_enum = false;  // numbers without a name are not values of the field
};

struct MessageSchema {
  std::string name;                  // the full name
  std::vector<MessageField> fields;  // as declared
};

// Whether a column of this type can hold the field's values: what connectors/decode reads. Repeated
// fields and messages but google.protobuf.Timestamp fit none.
bool FitsColumn(const MessageField& field, DataType type, v1::TimeEncoding encoding);

// `descriptor_set`: a google.protobuf.FileDescriptorSet in which every file follows those that it
// imports. `message`: a full name. Errors: INVALID_ARGUMENT: it is no such set, or lacks the
// message.
absl::StatusOr<MessageSchema> ReadMessageSchema(std::string_view descriptor_set,
                                                std::string_view message);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_PROTOBUF_MESSAGE_SCHEMA_H_
