#include "schemas/definition/default_value.h"

#include "fmt/format.h"
#include "schemas/definition/column_type.h"
#include "schemas/definition/map_reader.h"
#include "schemas/types/data_type.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

bool IsCountLike(const std::string& function) {
  return function == "count" || function == "approx_count_distinct";
}

std::optional<v1::Literal> ParseBool(const YamlNode& node) {
  v1::Literal literal;
  if (!node.plain || (node.text != "true" && node.text != "false")) return std::nullopt;
  literal.set_bool_value(node.text == "true");
  return literal;
}

std::optional<v1::Literal> ParseText(const YamlNode& node) {
  // A bare 0 or true is a slip; '0' and 'true' are meant.
  bool other_type = node.plain && (ParseNumber(node.text) || ParseBool(node));
  if (other_type) return std::nullopt;
  v1::Literal literal;
  literal.set_string_value(node.text);
  return literal;
}

std::optional<v1::Literal> ParseLiteral(const YamlNode& node, v1::DataType type) {
  v1::Literal literal;
  switch (type) {
    case v1::BOOL:
      return ParseBool(node);
    case v1::INT64: {
      std::optional<int64_t> number = node.plain ? ParseInteger(node.text) : std::nullopt;
      if (!number) return std::nullopt;
      literal.set_int64_value(*number);
      return literal;
    }
    case v1::DOUBLE: {
      std::optional<double> number = node.plain ? ParseNumber(node.text) : std::nullopt;
      if (!number) return std::nullopt;
      literal.set_double_value(*number);
      return literal;
    }
    case v1::TIMESTAMP: {
      absl::StatusOr<int64_t> micros = ParseTime(node.text);
      if (!micros.ok()) return std::nullopt;
      literal.set_int64_value(*micros);
      return literal;
    }
    case v1::STRING:
    case v1::BYTES:
      return ParseText(node);
    default:
      return std::nullopt;
  }
}

std::string_view ExampleOf(v1::DataType type) {
  switch (type) {
    case v1::BOOL:
      return "true or false";
    case v1::INT64:
      return "a whole number such as 0";
    case v1::DOUBLE:
      return "a number such as 0.0";
    case v1::TIMESTAMP:
      return "a time such as 2013-01-01T05:00:00Z";
    default:
      return "text such as 'none'";
  }
}

}  // namespace

std::optional<v1::Literal> ReadDefault(const YamlNode& feature, const v1::Aggregate& aggregate,
                                       Findings* findings) {
  for (const auto& [key, value] : feature.entries) {
    if (key->text != "default") continue;
    if (value->kind == YamlNode::Kind::kNull) return v1::Literal();
    if (IsList(static_cast<DataType>(aggregate.type()))) {
      findings->Add(*value, fmt::format("a feature of type {} takes no default but null, which an "
                                        "empty window gives anyway: leave it out",
                                        TypeName(aggregate.type())));
      return std::nullopt;
    }
    std::optional<v1::Literal> literal;
    if (value->kind == YamlNode::Kind::kScalar) literal = ParseLiteral(*value, aggregate.type());
    if (literal) return literal;
    std::string found = value->kind == YamlNode::Kind::kScalar ? fmt::format("'{}'", value->text)
                                                               : std::string(KindName(*value));
    findings->Add(*value,
                  fmt::format("the default of a feature of type {} must be {}, or null; "
                              "found {}",
                              TypeName(aggregate.type()), ExampleOf(aggregate.type()), found));
    return std::nullopt;
  }
  v1::Literal literal;
  if (IsCountLike(aggregate.function())) literal.set_int64_value(0);
  return literal;
}

}  // namespace forebay::definition
