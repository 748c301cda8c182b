#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/project_folder_for_test.h"

namespace forebay {
namespace {

using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using testing::ElementsAre;

constexpr const char* kEvent = R"(syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
message Event {
  enum Color { RED = 0; }
  message Item { string name = 1; }
  string user = 1;
  google.protobuf.Timestamp at = 2;
  double d = 3;
  float f = 4;
  int32 i32 = 5;
  int64 i64 = 6;
  uint32 u32 = 7;
  uint64 u64 = 8;
  sint32 s32 = 9;
  sint64 s64 = 10;
  fixed32 f32 = 11;
  fixed64 f64 = 12;
  sfixed32 sf32 = 13;
  sfixed64 sf64 = 14;
  bool ok = 15;
  bytes raw = 16;
  string when = 17;
  Color color = 18;
  Color paint = 19;
  repeated Item items = 20;
}
)";

std::string SourceWith(const std::string& keys, const std::string& schema) {
  return "sources:\n  - name: events\n    topic: events\n    format: protobuf\n    key: [user]\n"
         "    event_time: at\n    " +
         keys + "\n    schema: {user: string, at: timestamp" + schema + "}\n";
}

// The source of a project that must be right; a default one otherwise.
v1::Source Load(const ProjectFolder& folder) {
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  if (!loaded.ok()) {
    ADD_FAILURE() << loaded.status().message();
    return {};
  }
  return loaded->project->sources(0);
}

std::vector<std::string> FilesOf(const v1::Source& source) {
  FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(source.descriptor_set()));
  std::vector<std::string> names;
  for (const FileDescriptorProto& file : set.file()) names.push_back(file.name());
  return names;
}

TEST(ProtobufSource, TakesEveryTypeThatFitsAColumn) {
  ProjectFolder folder;
  folder.Write("features/event.proto", kEvent);
  folder.Write("features/a.yaml",
               SourceWith("proto: event.proto",
                          ", d: double, f: double, i32: int64, i64: timestamp_s, "
                          "u32: timestamp_ms, u64: int64, s32: int64, s64: timestamp_us, f32: "
                          "int64, f64: timestamp_ns, sf32: int64, sf64: int64, ok: bool, raw: "
                          "bytes, when: timestamp, color: string, paint: int64"));
  v1::Source source = Load(folder);
  EXPECT_EQ(source.format(), v1::Source::PROTOBUF);
  EXPECT_EQ(source.message(), "shop.v1.Event");
  EXPECT_EQ(source.schema_size(), 19);
  EXPECT_THAT(FilesOf(source),
              ElementsAre("google/protobuf/timestamp.proto", "features/event.proto"));
}

TEST(ProtobufSource, ImportsFromTheProjectFolderThenFromBesideTheFile) {
  ProjectFolder folder;
  folder.Write("features/base.yaml", "entities: [{name: user, keys: {user: string}}]\n");
  folder.Write("features/a.yaml", SourceWith("proto: ../shop/v1/event.proto", ", part: string"));
  folder.Write("shop/v1/event.proto", R"(syntax = "proto3";
import "shop/v1/part.proto";
import "time.proto";
message Event { string user = 1; Time at = 2; Part part = 3; }
)");
  folder.Write("shop/v1/part.proto", "syntax = \"proto3\";\nenum Part { NONE = 0; }\n");
  folder.Write("shop/v1/time.proto", "syntax = \"proto3\";\nmessage Time {}\n");
  EXPECT_EQ(folder.Errors(),
            "features/a.yaml:8:28: field 'at' of message Event is Time: of messages, only "
            "google.protobuf.Timestamp can be a column\n");
}

TEST(ProtobufSource, TakesAFileFromOutsideTheProject) {
  ProjectFolder other;
  other.Write("event.proto", kEvent);
  ProjectFolder folder;
  folder.Write("features/a.yaml",
               SourceWith("proto: " + (other.path() / "event.proto").string(), ""));
  EXPECT_THAT(FilesOf(Load(folder)), ElementsAre("google/protobuf/timestamp.proto", "event.proto"));
}

TEST(ProtobufSource, OneMessageOfSeveralIsNamed) {
  ProjectFolder folder;
  folder.Write("features/event.proto", std::string(kEvent) + "message Order {}\n");
  folder.Write("features/a.yaml", SourceWith("proto: event.proto\n    message: shop.v1.Event", ""));
  EXPECT_EQ(Load(folder).message(), "shop.v1.Event");
}

// What protoc -o writes, with or without --include_imports.
FileDescriptorSet SetOf(const std::vector<std::string>& files) {
  FileDescriptorSet set;
  for (const std::string& file : files) {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(file, set.add_file()));
  }
  return set;
}

constexpr const char* kEventDescriptor = R"pb(
  name: "e.proto"
  syntax: "proto3"
  dependency: "google/protobuf/timestamp.proto"
  dependency: "m.proto"
  message_type {
    name: "Event"
    field { name: "user" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field {
      name: "at"
      number: 2
      type: TYPE_MESSAGE
      type_name: ".google.protobuf.Timestamp"
      label: LABEL_OPTIONAL
    }
    field { name: "m" number: 3 type: TYPE_MESSAGE type_name: ".Money" label: LABEL_OPTIONAL }
  }
)pb";
constexpr const char* kMoneyDescriptor = R"pb(
  name: "m.proto"
  syntax: "proto3"
  message_type { name: "Money" }
)pb";

TEST(ProtobufSource, TakesADescriptorSetInAnyOrderOfItsFiles) {
  for (const char* name : {"e.binpb", "e.desc", "e.pb"}) {
    ProjectFolder folder;
    folder.Write(std::string("features/") + name,
                 SetOf({kEventDescriptor, kMoneyDescriptor}).SerializeAsString());
    folder.Write("features/a.yaml", SourceWith(std::string("proto: ") + name, ""));
    v1::Source source = Load(folder);
    EXPECT_EQ(source.message(), "Event");
    EXPECT_THAT(FilesOf(source),
                ElementsAre("google/protobuf/timestamp.proto", "m.proto", "e.proto"));
  }
}

TEST(ProtobufSource, ADescriptorSetHoldsWhatItsFilesImport) {
  ProjectFolder folder;
  folder.Write("features/e.pb", SetOf({kEventDescriptor}).SerializeAsString());
  folder.Write("features/a.yaml", SourceWith("proto: e.pb", ""));
  const std::string file = "features/a.yaml:7:12: features/e.pb: file e.proto: ";
  EXPECT_EQ(folder.Errors(),
            file + "Event.m: \".Money\" is not defined\n" + file +
                "m.proto: Import \"m.proto\" was not found or had errors: make the "
                "set with protoc --include_imports\n");
}

}  // namespace
}  // namespace forebay
