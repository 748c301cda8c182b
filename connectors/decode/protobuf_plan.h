// What a source's columns are in the wire format of its message.
#ifndef FOREBAY_CONNECTORS_DECODE_PROTOBUF_PLAN_H_
#define FOREBAY_CONNECTORS_DECODE_PROTOBUF_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "connectors/decode/field_value.h"
#include "connectors/decode/wire_scanner.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/protobuf/message_schema.h"

namespace forebay {

// Immutable: thread-safe.
class ProtobufPlan {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  // A field of the message that is a column, or a member of a oneof with one that is.
  struct Field {
    MessageField::Kind kind;
    WireType wire_type;
    bool closed_enum;
    int oneof;
    size_t column;  // kNone: it only takes others of its oneof away
  };

  // What remains to do with a column when all of the message has been read.
  enum class Step : uint8_t { kUnsigned, kUnit, kTimestamp, kTimeText, kEnumName };

  struct Conversion {
    Step step;
    size_t column;
    size_t field;  // an index
    v1::TimeEncoding encoding;
    bool saturates;  // a time out of range is the gate's matter
  };

  // Errors: as ProtobufReader::Make.
  static absl::StatusOr<ProtobufPlan> Make(const v1::Source& source);

  const std::string& message() const { return message_; }

  // The index of the field of this number; kNone: it is skipped.
  size_t Find(uint32_t number) const {
    if (number < small_.size()) return small_[number];
    if (large_.empty()) return kNone;
    auto found = large_.find(number);
    return found == large_.end() ? kNone : found->second;
  }
  const std::vector<Field>& fields() const { return fields_; }
  const MessageField& Declared(size_t field) const { return declared_[field]; }
  // The name of an enum's number; null if it has none.
  const std::string* EnumName(size_t field, int32_t number) const;

  const std::vector<Conversion>& conversions() const { return conversions_; }

  // The columns of a message without any field.
  const std::vector<FieldValue>& missing() const { return missing_; }

 private:
  absl::Status AddColumn(const v1::Source& source, const v1::Field& column,
                         const MessageSchema& schema);
  void AddConversions(const v1::Source& source, const v1::Field& column, MessageField::Kind kind);
  void AddOneofs(const MessageSchema& schema);
  void AddField(const MessageField& field, size_t column);
  void IndexNumbers();

  std::string message_;
  std::vector<Field> fields_;
  std::vector<MessageField> declared_;  // of the fields
  std::vector<Conversion> conversions_;
  std::vector<size_t> small_;  // by field number
  absl::flat_hash_map<uint32_t, size_t> large_;
  std::vector<FieldValue> missing_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_PROTOBUF_PLAN_H_
