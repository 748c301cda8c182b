#include "cli/entity_key.h"

#include <charconv>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {

absl::StatusOr<std::map<std::string, std::string>> AssignKeyWords(
    const std::vector<const v1::Field*>& columns, const std::vector<std::string>& words) {
  std::map<std::string, std::string> texts;
  size_t position = 0;
  for (const std::string& word : words) {
    const v1::Field* column = nullptr;
    std::string value = word;
    size_t equals = word.find('=');
    for (const v1::Field* key : columns) {
      if (equals != std::string::npos && key->name() == word.substr(0, equals)) column = key;
    }
    if (column != nullptr) {
      value = word.substr(equals + 1);
    } else if (position < columns.size()) {
      column = columns[position++];
    } else {
      return absl::InvalidArgumentError(fmt::format("'{}' is one key too many", word));
    }
    texts[column->name()] = value;
  }
  for (const v1::Field* key : columns) {
    if (!texts.contains(key->name()))
      return absl::InvalidArgumentError(fmt::format("no value for key column {}", key->name()));
  }
  return texts;
}

absl::StatusOr<Value> ParseKeyText(const v1::Field& column, const std::string& text) {
  switch (column.type()) {
    case v1::BOOL:
      if (text == "true" || text == "false") return Value(text == "true");
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not a bool (true, false) for key column {}", text, column.name()));
    case v1::INT64: {
      int64_t value = 0;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error == std::errc() && end == text.data() + text.size()) return Value(value);
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not an int64 for key column {}", text, column.name()));
    }
    case v1::TIMESTAMP:
      if (auto time = ParseTime(text); time.ok()) return Value(*time);
      return absl::InvalidArgumentError(
          fmt::format("'{}' is not a time such as 2026-01-31T08:00:00Z for key column {}", text,
                      column.name()));
    default:
      return Value(text);
  }
}

absl::StatusOr<std::vector<Value>> ParseEntityKey(const v1::Entity& entity,
                                                  const std::vector<std::string>& words) {
  std::vector<const v1::Field*> columns;
  for (const v1::Field& column : entity.keys()) columns.push_back(&column);
  ASSIGN_OR_RETURN(auto texts, AssignKeyWords(columns, words));
  std::vector<Value> parts;
  for (const v1::Field* column : columns) {
    ASSIGN_OR_RETURN(Value part, ParseKeyText(*column, texts.at(column->name())));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace forebay
