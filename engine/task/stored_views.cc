#include "engine/task/stored_views.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// A store may hold more keys than one write should.
constexpr size_t kMostKeysInDelta = 100'000;

absl::StatusOr<v1::TaskMeta> ParseTaskMeta(const std::string& bytes) {
  v1::TaskMeta meta;
  if (!meta.ParseFromString(bytes)) return absl::DataLossError("the meta record does not parse");
  return meta;
}

// Of views that `meta` does not have.
absl::StatusOr<std::vector<std::string>> KeysOfOthers(const v1::TaskMeta& meta,
                                                      const StateStore& store) {
  std::set<uint32_t> numbers;
  for (const v1::StoredView& view : meta.views()) numbers.insert(view.id());
  std::vector<std::string> keys;
  RETURN_IF_ERROR(store.Scan([&](std::string_view key, std::string_view) {
    if (!numbers.contains(StoredViewNumber(key))) keys.emplace_back(key);
    return absl::OkStatus();
  }));
  return keys;
}

}  // namespace

absl::StatusOr<v1::TaskMeta> ReadTaskMeta(const StateStore& store) {
  ASSIGN_OR_RETURN(std::optional<std::string> bytes, store.ReadMeta());
  if (bytes) return ParseTaskMeta(*bytes);
  v1::TaskMeta meta;
  meta.set_position(-1);
  return meta;
}

const v1::StoredView* FindStoredView(const v1::TaskMeta& meta, const ViewId& view) {
  for (const v1::StoredView& stored : meta.views()) {
    if (stored.name() == view.name && stored.version() == view.version) return &stored;
  }
  return nullptr;
}

const v1::StoredView* FindStoredView(const v1::TaskMeta& meta, const v1::FeatureView& view) {
  return FindStoredView(meta, ViewId{view.name(), view.version()});
}

uint32_t StoredViewNumber(std::string_view stored_key) {
  uint32_t number = 0;
  for (char byte : stored_key.substr(0, kStoredPrefixBytes))
    number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

std::string StoredPrefix(uint32_t view_number) {
  std::string prefix;
  for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(view_number >> shift);
  return prefix;
}

absl::StatusOr<std::map<ViewId, int64_t>> CountStoredKeys(const StateStore& store) {
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(store));
  std::map<ViewId, int64_t> keys;
  std::map<uint32_t, int64_t*> by_number;
  for (const v1::StoredView& view : meta.views())
    by_number[view.id()] = &keys[{view.name(), view.version()}];
  RETURN_IF_ERROR(store.Scan([&](std::string_view key, std::string_view) {
    auto found = by_number.find(StoredViewNumber(key));
    if (found != by_number.end()) ++*found->second;
    return absl::OkStatus();
  }));
  return keys;
}

absl::StatusOr<int64_t> ForgetViews(const std::set<ViewId>& views, StateStore* store) {
  ASSIGN_OR_RETURN(std::optional<std::string> bytes, store->ReadMeta());
  if (!bytes) return 0;
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ParseTaskMeta(*bytes));
  auto* stored = meta.mutable_views();
  for (int i = stored->size() - 1; i >= 0; --i) {
    if (views.contains({stored->Get(i).name(), stored->Get(i).version()}))
      stored->DeleteSubrange(i, 1);
  }
  ASSIGN_OR_RETURN(std::vector<std::string> keys, KeysOfOthers(meta, *store));
  std::string left = meta.SerializeAsString();
  size_t next = 0;
  do {
    std::unique_ptr<StateDelta> delta = store->NewDelta(0);
    for (size_t i = 0; i < kMostKeysInDelta && next < keys.size(); ++i) delta->Delete(keys[next++]);
    delta->SetMeta(left);
    RETURN_IF_ERROR(store->Commit(*delta));
  } while (next < keys.size());
  return static_cast<int64_t>(keys.size());
}

absl::Status ForgetArchive(const std::string& source, StateStore* store) {
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(*store));
  if (meta.archive().source() != source) return absl::OkStatus();
  meta.clear_archive();
  std::unique_ptr<StateDelta> delta = store->NewDelta(0);
  delta->SetMeta(meta.SerializeAsString());
  return store->Commit(*delta);
}

}  // namespace forebay
