#include "cli/reset.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "catalog/catalog_key.h"
#include "cli/lane_folder.h"
#include "connectors/kafka/consumer_group.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/published_positions.h"
#include "engine/task/stored_views.h"
#include "fmt/format.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"
#include "offline/served/served_table.h"
#include "offline/sink/leftovers.h"
#include "online/store/store_factory.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr int64_t kDefaultSessionTimeoutMillis = 45'000;  // librdkafka's

template <typename... Args>
void Say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("{}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

std::set<ViewId> ViewsOf(const std::set<TableId>& tables) {
  std::set<ViewId> views;
  for (const TableId& table : tables) {
    if (!table.is_archive()) views.insert({table.name, table.version});
  }
  return views;
}

absl::Status RemoveState(const Places& places, const Leftovers& left,
                         const std::set<TableId>& tables, const StateFolder& folder) {
  StoreFactory stores(folder.path(), StoreLimits());
  int64_t keys = 0;
  for (const TaskId& task : left.tasks) {
    // A task may have a change log alone.
    if (absl::IsNotFound(OpenStoreForReading(folder.path(), task).status())) continue;
    ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, stores.Open(task));
    ASSIGN_OR_RETURN(int64_t removed, ForgetViews(ViewsOf(tables), store.get()));
    keys += removed;
    for (const TableId& table : tables) {
      if (table.is_archive()) RETURN_IF_ERROR(ForgetArchive(table.name, store.get()));
    }
  }
  RETURN_IF_ERROR(FlushWithout(tables, left.tasks,
                               {.warehouse = places.warehouse,
                                .project = places.project.name(),
                                .state_folder = folder.path().string(),
                                .parquet_encoding = places.config.parquet_encoding,
                                .now_us = [] { return absl::ToUnixMicros(absl::Now()); }}));
  if (!left.tasks.empty())
    Say("removed {} keys from the state of {} tasks", keys, left.tasks.size());
  return absl::OkStatus();
}

absl::Status RemovePositions(const Places& places, const std::vector<std::string>& keys) {
  if (keys.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::unique_ptr<Producer> producer,
                   Producer::Create(places.kafka, {}, DeliveryReports::kAll, nullptr));
  for (const std::string& key : keys)
    RETURN_IF_ERROR(ErasePosition(places.project.name(), key, *producer));
  RETURN_IF_ERROR(producer->Flush());
  Say("removed {} positions from topic {}", keys.size(), PositionsTopic(places.project.name()));
  return absl::OkStatus();
}

absl::Status RemovePositions(const Places& places, const Leftovers& left,
                             const std::set<ViewId>& views) {
  std::vector<std::string> keys;
  for (const ViewId& view : views) {
    const std::vector<std::string>& of_view = left.views.at(view).positions;
    keys.insert(keys.end(), of_view.begin(), of_view.end());
  }
  return RemovePositions(places, keys);
}

absl::Status RemoveTopic(const Places& places, const std::string& topic) {
  RETURN_IF_ERROR(places.admin->DeleteTopic(topic));
  Say("deleted topic {}", topic);
  return absl::OkStatus();
}

absl::Status RemoveOutputs(const Places& places, const ViewId& view, const ViewLeftovers& left) {
  if (left.update_topic) {
    RETURN_IF_ERROR(
        RemoveTopic(places, UpdateTopic(places.project.name(), view.name, view.version)));
  }
  if (!left.table) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveTable(places.warehouse.get(), view));
  Say("removed the offline table of {}", view.ToString());
  return absl::OkStatus();
}

absl::Status RemoveArchive(const Places& places, const std::string& source,
                           const ArchiveLeftovers& left) {
  if (!left.table) return absl::OkStatus();
  const TableId archive = TableId::OfEvents(source);
  RETURN_IF_ERROR(RemoveTable(places.warehouse.get(), archive));
  Say("removed the event archive {}", archive.ToString());
  return absl::OkStatus();
}

// Sources, entities and services stay: they are nothing without views.
absl::Status RemoveFromCatalog(const Places& places, const std::set<ViewId>& views) {
  auto decide = [&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    CatalogLog::Changes changes;
    for (const ViewId& view : views) {
      if (now.Find(ViewKey(view)) != nullptr) changes.emplace_back().set_key(ViewKey(view));
    }
    return changes;
  };
  return places.catalog.Commit(decide).status();
}

// With what was served, whose tables are of its versions of services.
absl::Status RemoveCatalog(const Places& places) {
  RETURN_IF_ERROR(places.warehouse->DeleteFolder(ServedFolder(places.project.name())));
  RETURN_IF_ERROR(places.warehouse->DeleteFolder(CatalogFolder(places.project.name())));
  Say("removed the catalog");
  return absl::OkStatus();
}

}  // namespace

absl::Duration SessionTimeout(const KafkaConfig& kafka) {
  int64_t millis = kDefaultSessionTimeoutMillis;
  auto set = kafka.properties.find("session.timeout.ms");
  if (set != kafka.properties.end() && !absl::SimpleAtoi(set->second, &millis))
    millis = kDefaultSessionTimeoutMillis;
  return absl::Milliseconds(millis);
}

absl::Status ResetTables(const Places& places, const Leftovers& left,
                         const std::set<TableId>& tables, StateFolder* folder) {
  const std::set<ViewId> views = ViewsOf(tables);
  std::vector<std::string> names;
  names.reserve(tables.size());
  for (const TableId& table : tables) names.push_back(table.ToString());
  RETURN_IF_ERROR(folder->BeginReset(names));
  RemoveLane(folder->path());  // it is begun anew
  RETURN_IF_ERROR(RemoveState(places, left, tables, *folder));
  if (places.admin != nullptr) RETURN_IF_ERROR(RemovePositions(places, left, views));
  for (const ViewId& view : views)
    RETURN_IF_ERROR(RemoveOutputs(places, view, left.views.at(view)));
  for (const TableId& table : tables) {
    if (table.is_archive())
      RETURN_IF_ERROR(RemoveArchive(places, table.name, left.archives.at(table.name)));
  }
  RETURN_IF_ERROR(folder->ForgetViews(views));
  RETURN_IF_ERROR(RemoveFromCatalog(places, views));
  return folder->EndReset();
}

absl::Status PurgeView(const Places& places, const ViewId& view, const ViewLeftovers& left) {
  if (places.admin != nullptr) RETURN_IF_ERROR(RemovePositions(places, left.positions));
  RETURN_IF_ERROR(RemoveOutputs(places, view, left));
  return RemoveFromCatalog(places, {view});
}

absl::Status ResetProject(const Places& places, const Leftovers& left, StateFolder* folder) {
  RETURN_IF_ERROR(folder->BeginReset({"--all"}));
  for (const auto& [view, of_view] : left.views)
    RETURN_IF_ERROR(RemoveOutputs(places, view, of_view));
  for (const auto& [source, of_archive] : left.archives)
    RETURN_IF_ERROR(RemoveArchive(places, source, of_archive));
  for (const std::string& topic : left.topics) RETURN_IF_ERROR(RemoveTopic(places, topic));
  RETURN_IF_ERROR(RemovePositions(places, left.positions));
  if (left.group) {
    RETURN_IF_ERROR(DeleteGroup(*places.admin, places.config.group,
                                SessionTimeout(places.kafka) + absl::Seconds(15)));
    Say("deleted consumer group {}", places.config.group);
  }
  if (left.catalog) RETURN_IF_ERROR(RemoveCatalog(places));
  RemoveLane(folder->path());
  RETURN_IF_ERROR(folder->Clear());
  if (!left.tasks.empty()) Say("removed the state of {} tasks", left.tasks.size());
  return absl::OkStatus();
}

}  // namespace forebay
