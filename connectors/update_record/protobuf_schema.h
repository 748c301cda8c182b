// The protobuf message of a view's updates, made from its definition: which field each column is,
// and the .proto text for consumers. The format is docs/formats/update_record.md.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_SCHEMA_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_SCHEMA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/update_record/change_columns.h"

namespace forebay {

// How a value is written: a varint, eight bytes, or a length and bytes.
enum class WireForm : uint8_t { kBool, kInt32, kInt64, kFixed64, kString, kBytes };

struct ProtobufField {
  std::string name;
  std::string_view type;  // of the .proto language: "double", "int64" ...
  WireForm form;          // of a list: that of its elements
  bool repeated;          // a list: no elements is null
  bool optional;          // has presence: absent is null
  uint32_t number;        // the column's place, counted from 1
};

// One per column, in order.
std::vector<ProtobufField> ProtobufFields(const std::vector<ChangeField>& fields);

// The .proto file of the view's updates: one message, compilable by protoc.
std::string UpdateProto(const v1::Project& project, int view);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_SCHEMA_H_
