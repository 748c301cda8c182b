// The protobuf message of a view's updates, made from its definition: which field each column is,
// and the .proto text for consumers. The format is docs/formats/update_record.md.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_SCHEMA_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_SCHEMA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
class Project;
}  // namespace v1

// How a value is written: a varint, eight bytes, or a length and bytes.
enum class WireForm : uint8_t { kBool, kVarint, kFixed64, kString, kBytes };

struct ProtobufField {
  std::string name;
  std::string_view type;  // of the .proto language: "double", "int64" ...
  WireForm form;          // of a list: that of its elements
  bool repeated = false;  // a list: no elements is null
  bool optional = false;  // has presence: absent is null
  uint32_t number;        // the column's place, counted from 1
  std::string note;       // what the name and type do not say; may be empty
};

// One per column of ChangeSchema, in order: keys, features, the `_` columns.
std::vector<ProtobufField> ProtobufFields(const v1::FeatureView& view, const v1::Entity& entity);

// The .proto file of the view's updates: one message, compilable by protoc.
std::string UpdateProto(const v1::Project& project, int view);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_PROTOBUF_SCHEMA_H_
