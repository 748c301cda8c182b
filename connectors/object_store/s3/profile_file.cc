#include "connectors/object_store/s3/profile_file.h"

#include "connectors/object_store/s3/trimmed.h"

namespace forebay {
namespace {

// "default" of "[default]" and "[ default ]".
std::string_view SectionName(std::string_view line) {
  line.remove_prefix(1);
  return Trimmed(line.substr(0, line.find(']')));
}

}  // namespace

std::map<std::string, std::string> ReadProfileSection(std::string_view text,
                                                      std::string_view name) {
  std::map<std::string, std::string> values;
  bool inside = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = SectionName(line) == name;
      continue;
    }
    size_t equals = line.find('=');
    bool indented = line[0] == ' ' || line[0] == '\t';
    if (!inside || indented || equals == std::string_view::npos) continue;
    values[std::string(Trimmed(line.substr(0, equals)))] = Trimmed(line.substr(equals + 1));
  }
  return values;
}

}  // namespace forebay
