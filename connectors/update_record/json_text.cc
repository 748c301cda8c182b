#include "connectors/update_record/json_text.h"

#include <nlohmann/json.hpp>

#include "schemas/types/json.h"

namespace forebay {
namespace {

void AppendAsType(const nlohmann::json& value, DataType type, std::string* out) {
  if (type == DataType::kDouble && value.is_number()) {
    AppendJsonDouble(value.get<double>(), out);
  } else if (value.is_string()) {
    AppendJsonString(value.get_ref<const std::string&>(), out);
  } else {
    out->append(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

}  // namespace

std::string JsonText(const nlohmann::json& value, DataType type) {
  std::string text;
  if (!IsList(type) || !value.is_array()) {
    AppendAsType(value, type, &text);
    return text;
  }
  for (const nlohmann::json& element : value) {
    text += text.empty() ? '[' : ',';
    AppendAsType(element, ElementType(type), &text);
  }
  return text.empty() ? "[]" : text + ']';
}

}  // namespace forebay
