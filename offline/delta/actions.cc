#include "offline/delta/actions.h"

#include <fmt/format.h>

#include <cstdlib>

#include "offline/delta/action_json.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

Json ToObject(const StringMap& map) {
  Json object = Json::object();
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

StringMap ToMap(const Json& action, const char* name) {
  StringMap map;
  if (!action.contains(name) || action[name].is_null()) return map;
  for (const auto& [key, value] : action[name].items()) {
    if (!value.is_null()) map[key] = value.get<std::string>();
  }
  return map;
}

template <typename T>
T GetOr(const Json& action, const char* name, T otherwise) {
  if (!action.contains(name) || action[name].is_null()) return otherwise;
  return action[name].get<T>();
}

bool IsPlain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("-_.~/=+,").find(c) != std::string_view::npos;
}

// Paths in the log are URIs.
std::string EncodePath(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (IsPlain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string DecodePath(const std::string& path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      out += static_cast<char>(std::strtol(path.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += path[i];
    }
  }
  return out;
}

Json Fields(const CommitInfoAction& a) {
  Json clocks = Json::object();
  Json complete_before = Json::object();
  for (const auto& [task, clock] : a.clocks) {
    clocks[task] = clock.clock;
    complete_before[task] = clock.complete_before;
  }
  return {{"timestamp", a.timestamp_ms},
          {"operation", a.operation},
          {"operationParameters", Json::object()},
          {"isBlindAppend", a.operation == "WRITE"},
          {"engineInfo", "forebay"},
          {"forebay",
           {{"clocks", clocks}, {"complete_before", complete_before}, {"actions", a.actions}}}};
}

Json Fields(const ProtocolAction& a) {
  return {{"minReaderVersion", a.min_reader_version}, {"minWriterVersion", a.min_writer_version}};
}

Json Fields(const MetadataAction& a) {
  return {{"id", a.id},
          {"format", {{"provider", "parquet"}, {"options", Json::object()}}},
          {"schemaString", a.schema},
          {"partitionColumns", a.partition_columns},
          {"configuration", ToObject(a.configuration)},
          {"createdTime", a.created_ms}};
}

Json Fields(const TransactionAction& a) {
  return {{"appId", a.app_id}, {"version", a.version}, {"lastUpdated", a.updated_ms}};
}

Json Fields(const AddAction& a) {
  Json fields = {{"path", EncodePath(a.path)},
                 {"partitionValues", ToObject(a.partition_values)},
                 {"size", a.size},
                 {"modificationTime", a.modified_ms},
                 {"dataChange", a.data_change}};
  if (!a.stats.empty()) fields["stats"] = a.stats;
  if (!a.tags.empty()) fields["tags"] = ToObject(a.tags);
  return fields;
}

Json Fields(const RemoveAction& a) {
  return {{"path", EncodePath(a.path)},
          {"deletionTimestamp", a.deleted_ms},
          {"dataChange", a.data_change},
          {"extendedFileMetadata", true},
          {"partitionValues", ToObject(a.partition_values)},
          {"size", a.size}};
}

const char* Name(const CommitInfoAction&) { return "commitInfo"; }
const char* Name(const ProtocolAction&) { return "protocol"; }
const char* Name(const MetadataAction&) { return "metaData"; }
const char* Name(const TransactionAction&) { return "txn"; }
const char* Name(const AddAction&) { return "add"; }
const char* Name(const RemoveAction&) { return "remove"; }

CommitInfoAction ParseCommitInfo(const Json& a) {
  CommitInfoAction info{.timestamp_ms = GetOr<int64_t>(a, "timestamp", 0),
                        .operation = GetOr<std::string>(a, "operation", "")};
  if (!a.contains("forebay")) return info;
  info.actions = GetOr<int64_t>(a["forebay"], "actions", 0);
  if (!a["forebay"].contains("clocks")) return info;
  const Json complete_before = a["forebay"].value("complete_before", Json::object());
  for (const auto& [task, json] : a["forebay"]["clocks"].items()) {
    int64_t clock = json.get<int64_t>();
    // Commits of before 2026-12 say the clock alone.
    info.clocks[task] = {clock, GetOr<int64_t>(complete_before, task.c_str(), clock)};
  }
  return info;
}

MetadataAction ParseMetadata(const Json& a) {
  return {.id = GetOr<std::string>(a, "id", ""),
          .schema = a.at("schemaString").get<std::string>(),
          .partition_columns = GetOr<std::vector<std::string>>(a, "partitionColumns", {}),
          .configuration = ToMap(a, "configuration"),
          .created_ms = GetOr<int64_t>(a, "createdTime", 0)};
}

}  // namespace

nlohmann::ordered_json ActionToJson(const Action& action) {
  return std::visit([](const auto& a) { return Json{{Name(a), Fields(a)}}; }, action);
}

std::optional<Action> ActionFromJson(const nlohmann::ordered_json& line) {
  auto has_member = [](const Json& object, const char* name) {
    return object.contains(name) && !object[name].is_null();
  };
  auto has = [&](const char* name) { return has_member(line, name); };
  if (has("add")) {
    const Json& a = line["add"];
    return AddAction{.path = DecodePath(a.at("path").get<std::string>()),
                     .partition_values = ToMap(a, "partitionValues"),
                     .size = a.at("size").get<int64_t>(),
                     .modified_ms = GetOr<int64_t>(a, "modificationTime", 0),
                     .data_change = GetOr(a, "dataChange", true),
                     .stats = GetOr<std::string>(a, "stats", ""),
                     .tags = ToMap(a, "tags"),
                     .has_deletion_vector = has_member(a, "deletionVector")};
  }
  if (has("remove")) {
    const Json& a = line["remove"];
    return RemoveAction{.path = DecodePath(a.at("path").get<std::string>()),
                        .deleted_ms = GetOr<int64_t>(a, "deletionTimestamp", 0),
                        .data_change = GetOr(a, "dataChange", true),
                        .partition_values = ToMap(a, "partitionValues"),
                        .size = GetOr<int64_t>(a, "size", 0)};
  }
  if (has("txn")) {
    const Json& a = line["txn"];
    return TransactionAction{.app_id = a.at("appId").get<std::string>(),
                             .version = a.at("version").get<int64_t>(),
                             .updated_ms = GetOr<int64_t>(a, "lastUpdated", 0)};
  }
  if (has("metaData")) return ParseMetadata(line["metaData"]);
  if (has("protocol")) {
    const Json& a = line["protocol"];
    using Names = std::vector<std::string>;
    return ProtocolAction{.min_reader_version = a.at("minReaderVersion").get<int32_t>(),
                          .min_writer_version = a.at("minWriterVersion").get<int32_t>(),
                          .reader_features = GetOr<Names>(a, "readerFeatures", {}),
                          .writer_features = GetOr<Names>(a, "writerFeatures", {})};
  }
  if (has("commitInfo")) return ParseCommitInfo(line["commitInfo"]);
  return std::nullopt;
}

std::string ToJsonLine(const Action& action) {
  // Bytes that are no UTF-8 must not stop a commit; none are expected here.
  return ActionToJson(action).dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<std::vector<Action>> ParseCommit(std::string_view text) {
  std::vector<Action> actions;
  int line_number = 0;
  int64_t lines = 0, expected = 0;  // with an action on them
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    ++lines;
    try {
      if (std::optional<Action> action = ActionFromJson(Json::parse(line))) {
        if (const auto* info = std::get_if<CommitInfoAction>(&*action)) expected = info->actions;
        actions.push_back(*std::move(action));
      }
    } catch (const nlohmann::json::exception& e) {
      return absl::DataLossError(
          fmt::format("line {} is no action of a Delta log: {}", line_number, e.what()));
    }
  }
  if (lines == 0) return absl::DataLossError("it is empty");
  if (expected != 0 && lines != expected) {
    return absl::DataLossError(
        fmt::format("it has {} actions of the {} that were written", lines, expected));
  }
  return actions;
}

}  // namespace forebay
