#include "schemas/definition/proto_file.h"

#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

#include "fmt/format.h"

namespace forebay::definition {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorDatabase;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::compiler::DiskSourceTree;
using google::protobuf::compiler::MultiFileErrorCollector;
using google::protobuf::compiler::SourceTreeDescriptorDatabase;

// The files of a set, and Google's own, which protobuf's library has.
class FilesByName final : public DescriptorDatabase {
 public:
  FilesByName() = default;
  explicit FilesByName(const FileDescriptorSet& set) {
    for (const FileDescriptorProto& file : set.file()) files_.insert({file.name(), &file});
  }

  bool FindFileByName(const std::string& name, FileDescriptorProto* out) override {
    auto found = files_.find(name);
    if (found != files_.end()) {
      *out = *found->second;
      return true;
    }
    if (!name.starts_with("google/protobuf/")) return false;
    const DescriptorPool* own = google::protobuf::Timestamp::descriptor()->file()->pool();
    const FileDescriptor* file = own->FindFileByName(name);
    if (file != nullptr) file->CopyTo(out);
    return file != nullptr;
  }
  bool FindFileContainingSymbol(const std::string&, FileDescriptorProto*) override { return false; }
  bool FindFileContainingExtension(const std::string&, int, FileDescriptorProto*) override {
    return false;
  }

 private:
  std::map<std::string, const FileDescriptorProto*> files_;
};

// Errors of .proto files become findings at their places.
class TextErrors final : public MultiFileErrorCollector {
 public:
  TextErrors(DiskSourceTree* tree, Findings* findings) : tree_(tree), findings_(findings) {}

  void AddError(const std::string& file, int line, int column,
                const std::string& message) override {
    std::string path;
    if (!tree_->VirtualFileToDiskFile(file, &path)) return;  // the import of it is an error, too
    findings_->Add({std::filesystem::path(path).lexically_normal().string(), std::max(line, 0) + 1,
                    std::max(column, 0) + 1, message});
  }

 private:
  DiskSourceTree* tree_;
  Findings* findings_;
};

// Errors of a file of descriptors, which has no places.
class SetErrors final : public DescriptorPool::ErrorCollector {
 public:
  SetErrors(std::string path, const YamlNode* node, Findings* findings)
      : path_(std::move(path)), node_(node), findings_(findings) {}

  void AddError(const std::string& file, const std::string& element,
                const google::protobuf::Message*, ErrorLocation location,
                const std::string& message) override {
    std::string_view text = message;
    if (text.ends_with('.')) text.remove_suffix(1);
    std::string_view advice =
        location == IMPORT ? ": make the set with protoc --include_imports" : "";
    findings_->Add(*node_,
                   fmt::format("{}: file {}: {}: {}{}", path_, file, element, text, advice));
  }

 private:
  std::string path_;
  const YamlNode* node_;
  Findings* findings_;
};

void AddWithImports(const FileDescriptor& file, std::set<const FileDescriptor*>* added,
                    FileDescriptorSet* set) {
  if (!added->insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) {
    AddWithImports(*file.dependency(i), added, set);
  }
  file.CopyTo(set->add_file());
}

void AddMessage(const Descriptor& message, std::vector<std::string>* names) {
  if (message.options().map_entry()) return;
  names->push_back(message.full_name());
  for (int i = 0; i < message.nested_type_count(); ++i) AddMessage(*message.nested_type(i), names);
}

ProtoFile Describe(const std::vector<const FileDescriptor*>& files) {
  ProtoFile proto;
  FileDescriptorSet set;
  std::set<const FileDescriptor*> added;
  for (const FileDescriptor* file : files) {
    AddWithImports(*file, &added, &set);
    for (int i = 0; i < file->message_type_count(); ++i) {
      AddMessage(*file->message_type(i), &proto.messages);
      proto.top_level_messages.push_back(file->message_type(i)->full_name());
    }
  }
  proto.descriptor_set = set.SerializeAsString();
  return proto;
}

std::optional<ProtoFile> ParseText(const std::filesystem::path& path,
                                   const std::filesystem::path& project_folder,
                                   Findings* findings) {
  std::filesystem::path within = path.lexically_relative(project_folder.lexically_normal());
  bool in_project = !within.empty() && *within.begin() != "..";
  std::string beside = path.has_parent_path() ? path.parent_path().string() : ".";
  DiskSourceTree tree;
  if (!in_project) tree.MapPath("", beside);
  tree.MapPath("", project_folder.string());
  if (in_project) tree.MapPath("", beside);
  FilesByName known;
  TextErrors errors(&tree, findings);
  SourceTreeDescriptorDatabase database(&tree, &known);
  database.RecordErrorsTo(&errors);
  DescriptorPool pool(&database, database.GetValidationErrorCollector());
  const FileDescriptor* file =
      pool.FindFileByName(in_project ? within.generic_string() : path.filename().string());
  if (file == nullptr) return std::nullopt;
  return Describe({file});
}

std::optional<ProtoFile> ReadSet(const std::string& bytes, const std::string& path,
                                 const YamlNode& node, Findings* findings) {
  FileDescriptorSet set;
  if (!set.ParseFromString(bytes) || set.file_size() == 0) {
    findings->Add(node, fmt::format("{} is no descriptor set: make one with protoc "
                                    "--include_imports -o {} FILE.proto",
                                    path, path));
    return std::nullopt;
  }
  std::set<std::string> imported;
  for (const FileDescriptorProto& file : set.file()) {
    imported.insert(file.dependency().begin(), file.dependency().end());
  }
  FilesByName database(set);
  SetErrors errors(path, &node, findings);
  DescriptorPool pool(&database, &errors);
  std::vector<const FileDescriptor*> files;
  for (const FileDescriptorProto& file : set.file()) {
    if (imported.count(file.name()) > 0) continue;
    files.push_back(pool.FindFileByName(file.name()));
    if (files.back() == nullptr) return std::nullopt;
  }
  return Describe(files);
}

}  // namespace

std::optional<ProtoFile> ReadProtoFile(const std::filesystem::path& path,
                                       const std::filesystem::path& project_folder,
                                       const YamlNode& node, Findings* findings) {
  std::filesystem::path normal = path.lexically_normal();
  std::string extension = normal.extension().string();
  bool is_text = extension == ".proto";
  if (!is_text && extension != ".binpb" && extension != ".desc" && extension != ".pb") {
    findings->Add(node, fmt::format("'{}' cannot be proto: name a .proto file, or a descriptor set "
                                    "that ends in .binpb, .desc or .pb",
                                    node.text));
    return std::nullopt;
  }
  std::error_code error;
  if (std::filesystem::is_directory(normal, error)) {
    findings->Add(node, fmt::format("cannot read {}: it is a folder", normal.string()));
    return std::nullopt;
  }
  errno = 0;
  std::ifstream stream(normal, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream.good() && !stream.eof()) {
    findings->Add(node, fmt::format("cannot read {}: {}", normal.string(), std::strerror(errno)));
    return std::nullopt;
  }
  if (is_text) return ParseText(normal, project_folder, findings);
  return ReadSet(bytes, normal.string(), node, findings);
}

}  // namespace forebay::definition
