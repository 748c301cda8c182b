#include "offline/erasure/key_bounds.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/checkpoint.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBounds[] = {"minValues", "maxValues"};

// Writers cut long texts off.
constexpr size_t kCutText = 31;

bool IsBound(const Json& bound, const Value& part) {
  if (const auto* text = std::get_if<std::string>(&part)) {
    if (!bound.is_string()) return false;
    const auto& found = bound.get_ref<const std::string&>();
    return found == *text ||
           (found.size() > kCutText && text->starts_with(found.substr(0, kCutText)));
  }
  if (const auto* number = std::get_if<int64_t>(&part)) {
    if (bound.is_number_integer()) return bound.get<int64_t>() == *number;
    if (!bound.is_string()) return false;
    absl::StatusOr<int64_t> time = ParseTime(bound.get_ref<const std::string&>());
    constexpr int64_t kMilli = 1000;  // which they are cut to
    return time.ok() && FloorTo(*time, kMilli) == FloorTo(*number, kMilli);
  }
  return true;  // a boolean: that of half of all keys
}

bool IsBoundOf(const Json& stats, const std::string& column, const Value& part) {
  for (const char* bounds : kBounds) {
    if (stats.contains(bounds) && stats[bounds].is_object() && stats[bounds].contains(column) &&
        IsBound(stats[bounds][column], part)) {
      return true;
    }
  }
  return false;
}

// Of all columns: a reader takes one that lacks them beside others for one without values.
std::string WithoutBounds(const std::string& text) {
  Json stats = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (const char* bounds : kBounds) stats.erase(bounds);
  return stats.dump();
}

class LogRewrite {
 public:
  LogRewrite(ObjectStore* store, const std::string& table, const Snapshot& newest,
             const ErasedKey& key)
      : store_(*store), table_(table), newest_(newest), bounds_(key) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> log, store_.List(table_ + "/_delta_log"));
    // Of commits first, as checkpoints are made of them.
    for (const ObjectInfo& object : log) {
      std::optional<LogFileName> name = ParseLogFileName(object.path);
      if (name && name->suffix == ".json") RETURN_IF_ERROR(RewriteCommit(object.path));
    }
    for (const auto& [version, parts] : FindCheckpoints(log))
      RETURN_IF_ERROR(RewriteCheckpoint(version, parts));
    if (!any_) return absl::OkStatus();
    // What other programs keep beside commits may have the same: nobody needs it.
    for (const ObjectInfo& object : log) {
      std::optional<LogFileName> name = ParseLogFileName(object.path);
      if (name && (name->suffix == ".crc" || name->suffix.ends_with(".compacted.json")))
        RETURN_IF_ERROR(store_.Delete(object.path));
    }
    return absl::OkStatus();
  }

 private:
  bool IsToGo(const std::string& path, const std::string& stats) const {
    return !newest_.files.contains(path) && bounds_.Name(stats);
  }

  absl::Status RewriteCommit(const std::string& path) {
    absl::StatusOr<std::string> text = store_.Get(path);
    if (absl::IsNotFound(text.status())) return absl::OkStatus();
    RETURN_IF_ERROR(text.status());
    std::vector<std::string> lines = absl::StrSplit(*text, '\n');
    bool changed = false;
    for (std::string& line : lines) {
      Json action = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!action.is_object() || !action.contains("add") || !action["add"].is_object()) continue;
      Json& add = action["add"];
      if (!add.contains("stats") || !add["stats"].is_string() || !add.contains("path") ||
          !IsToGo(add["path"].get<std::string>(), add["stats"].get<std::string>())) {
        continue;
      }
      add["stats"] = WithoutBounds(add["stats"].get<std::string>());
      line = action.dump();
      changed = true;
    }
    if (!changed) return absl::OkStatus();
    any_ = true;
    return store_.Put(path, absl::StrJoin(lines, "\n"));
  }

  absl::Status RewriteCheckpoint(int64_t version, const std::vector<ObjectInfo>& parts) {
    absl::StatusOr<std::vector<Action>> actions = ReadCheckpoint(store_, table_, version);
    if (absl::IsNotFound(actions.status())) return absl::OkStatus();
    RETURN_IF_ERROR(actions.status());
    Snapshot then;
    RETURN_IF_ERROR(ApplyCommit(*actions, version, &then));
    bool changed = false;
    for (auto& [path, file] : then.files) {
      if (!IsToGo(path, file.stats)) continue;
      file.stats = WithoutBounds(file.stats);
      changed = true;
    }
    if (!changed) return absl::OkStatus();
    any_ = true;
    RETURN_IF_ERROR(WriteCheckpoint(&store_, table_, then));
    for (const ObjectInfo& part : parts) {
      if (part.path != CheckpointPath(table_, version)) RETURN_IF_ERROR(store_.Delete(part.path));
    }
    return absl::OkStatus();
  }

  ObjectStore& store_;
  const std::string& table_;
  const Snapshot& newest_;
  const KeyBounds bounds_;
  bool any_ = false;
};

}  // namespace

KeyBounds::KeyBounds(const ErasedKey& key) : key_(key) {
  absl::StatusOr<std::vector<Value>> parts = DecodeKey(*key.entity, key.bytes);
  if (parts.ok()) parts_ = *std::move(parts);
}

bool KeyBounds::Name(const std::string& text) const {
  const Json stats = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!stats.is_object() || (!stats.contains(kBounds[0]) && !stats.contains(kBounds[1])))
    return false;
  bool all = true;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const bool bound = IsBoundOf(stats, key_.entity->keys(static_cast<int>(i)).name(), parts_[i]);
    if (bound && std::holds_alternative<std::string>(parts_[i])) return true;
    all = all && bound;
  }
  return all;
}

absl::Status ForgetBounds(ObjectStore* store, const std::string& table, const Snapshot& newest,
                          const ErasedKey& key) {
  return LogRewrite(store, table, newest, key).Run();
}

}  // namespace forebay
