#include "online/http/open_api.h"

#include <nlohmann/json.hpp>

#include "fmt/format.h"
#include "online/http/open_api_schemas.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Form = RouteParameter::Form;

Json Reference(std::string_view schema) {
  return {{"$ref", fmt::format("#/components/schemas/{}", schema)}};
}

Json Content(std::string_view type, Json schema) {
  return {{std::string(type), {{"schema", std::move(schema)}}}};
}

Json SchemaOf(const RouteParameter& parameter) {
  switch (parameter.form) {
    case Form::kNumber:
      return {{"type", "integer"},
              {"minimum", parameter.range.least},
              {"maximum", parameter.range.most},
              {"default", parameter.range.otherwise}};
    case Form::kDigits:
      return {{"type", "string"}, {"pattern", "^[0-9]{1,18}$"}};
    case Form::kDate:
      return {{"type", "string"}, {"format", "date"}};
    case Form::kModelVersion:
      return {{"type", "string"}, {"pattern", "^([1-9][0-9]{0,8}|[a-z][a-z0-9_.-]{0,63})$"}};
    case Form::kText:
      break;
  }
  if (!parameter.one_of.empty()) return {{"type", "string"}, {"enum", parameter.one_of}};
  return {{"type", "string"}, {"minLength", 1}, {"maxLength", RouteParameter::kMostText}};
}

Json ParameterJson(const RouteParameter& parameter) {
  const bool in_path = parameter.in == RouteParameter::In::kPath;
  return {{"name", parameter.name},
          {"in", in_path ? "path" : "query"},
          {"required", parameter.required},
          {"description", parameter.what},
          {"schema", SchemaOf(parameter)}};
}

std::string_view WhenAnswered(unsigned status) {
  switch (status) {
    case 400:
      return "The request is wrong: the message says where, and what was expected.";
    case 404:
      return "There is nothing of that name: the message has the nearest one.";
    case 413:
      return "The body is too long.";
    default:
      return "Try again later: the message says why.";
  }
}

Json OperationJson(const RouteDescription& route) {
  Json operation = {{"operationId", route.name}, {"summary", route.what}};
  if (!route.parameters.empty()) {
    operation["parameters"] = Json::array();
    for (const RouteParameter& parameter : route.parameters)
      operation["parameters"].push_back(ParameterJson(parameter));
  }
  if (!route.body.empty()) {
    operation["requestBody"] = {{"required", true},
                                {"content", Content("application/json", Reference(route.body))}};
  }
  Json& responses = operation["responses"];
  responses["200"] = {
      {"description", "The answer."},
      {"content", route.answer.empty() ? Content("text/plain", {{"type", "string"}})
                                       : Content("application/json", Reference(route.answer))}};
  for (unsigned status : route.errors) {
    responses[fmt::format("{}", status)] = {
        {"description", WhenAnswered(status)},
        {"content", Content("application/json", Reference("Error"))}};
  }
  return operation;
}

}  // namespace

std::string OpenApiDocument(const std::vector<const RouteDescription*>& routes) {
  Json document = {{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "forebay"},
                     {"version", "1"},
                     {"description", "Lookups of features, and what the project's catalog has."},
                     {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                   {"paths", Json::object()}};
  for (const RouteDescription* route : routes) {
    const bool is_post = route->method == "POST";
    document["paths"][std::string(route->path)][is_post ? "post" : "get"] = OperationJson(*route);
  }
  document["components"]["schemas"] = Json::parse(kOpenApiSchemas);
  return document.dump();
}

}  // namespace forebay
