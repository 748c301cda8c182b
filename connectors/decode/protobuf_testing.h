// What tests and benchmarks of protobuf share: descriptor sets from text, and messages of them.
#ifndef FOREBAY_CONNECTORS_DECODE_PROTOBUF_TESTING_H_
#define FOREBAY_CONNECTORS_DECODE_PROTOBUF_TESTING_H_

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/timestamp.pb.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "connectors/decode/field_value.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// The text of a .proto file, which may import google/protobuf/timestamp.proto.
inline google::protobuf::FileDescriptorProto ParseProto(const std::string& text) {
  class Errors final : public google::protobuf::io::ErrorCollector {
    void AddError(int line, int column, const std::string& message) override {
      throw std::invalid_argument(std::to_string(line + 1) + ": " + message);
    }
  } errors;
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  google::protobuf::io::Tokenizer tokenizer(&stream, &errors);
  google::protobuf::FileDescriptorProto file;
  google::protobuf::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (!parser.Parse(&tokenizer, &file)) throw std::invalid_argument("not a .proto file");
  file.set_name("test.proto");
  return file;
}

inline std::string DescriptorSet(const google::protobuf::FileDescriptorProto& file) {
  google::protobuf::FileDescriptorSet set;
  google::protobuf::Timestamp::descriptor()->file()->CopyTo(set.add_file());
  *set.add_file() = file;
  return set.SerializeAsString();
}

// Messages of a descriptor set, by protobuf's own reflection.
class DynamicMessages {
 public:
  explicit DynamicMessages(const std::string& descriptor_set) {
    google::protobuf::FileDescriptorSet set;
    set.ParseFromString(descriptor_set);
    for (const auto& file : set.file()) {
      if (pool_.BuildFile(file) == nullptr) throw std::invalid_argument(file.DebugString());
    }
  }

  std::unique_ptr<google::protobuf::Message> New(const std::string& name) {
    const auto* descriptor = pool_.FindMessageTypeByName(name);
    if (descriptor == nullptr) throw std::invalid_argument(name);
    return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(descriptor)->New());
  }

 private:
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
};

inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// "null", "-7", "2.5", "'text'"
inline std::string Describe(const FieldValue& value, v1::DataType type) {
  if (value.null) return "null";
  switch (type) {
    case v1::BOOL:
      return value.boolean ? "true" : "false";
    case v1::DOUBLE:
      return fmt::format("{}", value.real);
    case v1::STRING:
    case v1::BYTES:
      return "'" + std::string(value.text) + "'";
    default:
      return std::to_string(value.integer);
  }
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_PROTOBUF_TESTING_H_
