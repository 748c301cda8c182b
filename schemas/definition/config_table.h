// The one table of the entries of forebay.yaml.
#ifndef FOREBAY_SCHEMAS_DEFINITION_CONFIG_TABLE_H_
#define FOREBAY_SCHEMAS_DEFINITION_CONFIG_TABLE_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "schemas/definition/config.h"

namespace forebay::definition {

// A member of the configuration, or of its settings for S3.
template <typename T>
class Member {
 public:
  constexpr Member(T ProjectConfig::*own) : own_(own) {}
  constexpr Member(T S3Settings::*of_s3) : of_s3_(of_s3) {}

  T& In(ProjectConfig* config) const { return own_ ? config->*own_ : config->s3.*of_s3_; }

 private:
  T ProjectConfig::*own_ = nullptr;
  T S3Settings::*of_s3_ = nullptr;
};

struct TextField {
  Member<std::string> member;
  bool (*valid)(const std::string& text);
  std::string_view form;  // what is valid, in words
};
struct IntegerField {
  int64_t ProjectConfig::*member;
  int64_t least;
  int64_t most;
  bool zero_allowed = true;
};
struct DurationField {
  Member<int64_t> member;
  int64_t least;
  int64_t most;
};
struct SizeField {
  Member<int64_t> member;
  int64_t least;
  int64_t most;
};
struct FolderField {
  std::filesystem::path ProjectConfig::*member;
};
struct FileField {
  Member<std::string> member;
};
struct StoreField {
  StoreUri ProjectConfig::*member;
};
struct OptionalStoreField {
  std::optional<StoreUri> ProjectConfig::*member;
};
struct ChoiceField {
  std::span<const std::string_view> names;
  void (*set)(size_t chosen, ProjectConfig* config);  // an index into `names`
};
struct KafkaField {};  // the map of librdkafka properties

using ConfigField =
    std::variant<TextField, IntegerField, DurationField, SizeField, FolderField, FileField,
                 StoreField, OptionalStoreField, ChoiceField, KafkaField>;

struct ConfigEntry {
  std::string_view name;      // "section.key" for one inside a section
  std::string_view sentence;  // what it is for
  std::string_view fallback;  // as it would be written; "<project>" stands for the project's name
  bool required;
  ConfigField field;
};

std::span<const ConfigEntry> ConfigEntries();

// "duration, 1ms to 30s".
std::string DescribeType(const ConfigField& field);

// Sets the entry's member from its written form; relative folders and files are below `folder`.
// Returns what was expected if `text` is not that. REQUIRES: not a KafkaField.
std::optional<std::string> SetFromText(const ConfigField& field, const std::string& text,
                                       const std::filesystem::path& folder, ProjectConfig* config);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_CONFIG_TABLE_H_
