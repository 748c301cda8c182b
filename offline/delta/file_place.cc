#include "offline/delta/file_place.h"

#include <fmt/format.h>

#include <utility>

#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kLink = "_cold";

FilePlace LinkedPlace(std::shared_ptr<ObjectStore> warehouse, const std::string& table) {
  return {.store = std::move(warehouse),
          .folder = fmt::format("{}/{}", table, kLink),
          .prefix = fmt::format("{}/", kLink)};
}

}  // namespace

absl::Status FilePlace::Delete(std::string_view path) const {
  return store->Delete(fmt::format("{}/{}", folder, path.substr(prefix.size())));
}

FilePlace TablePlace(std::shared_ptr<ObjectStore> warehouse, const std::string& table) {
  return {.store = std::move(warehouse), .folder = table, .prefix = ""};
}

absl::StatusOr<FilePlace> ColdPlace(const std::shared_ptr<ObjectStore>& warehouse,
                                    const std::string& table, const StoreUri& cold,
                                    const S3Settings& s3) {
  if (!cold.is_file()) {
    return FilePlace{.store = OpenObjectStore(cold, s3),
                     .folder = table,
                     .prefix = fmt::format("{}/{}/", cold.ToString(), table)};
  }
  FilePlace place = LinkedPlace(warehouse, table);
  RETURN_IF_ERROR(
      warehouse->LinkFolder(place.folder, fmt::format("{}/{}", cold.ToString(), table)));
  return place;
}

absl::StatusOr<std::vector<FilePlace>> PlacesOf(const std::shared_ptr<ObjectStore>& warehouse,
                                                const std::string& table,
                                                const std::optional<StoreUri>& cold) {
  std::vector<FilePlace> places = {TablePlace(warehouse, table), LinkedPlace(warehouse, table)};
  if (cold && !cold->is_file()) {
    ASSIGN_OR_RETURN(places.emplace_back(), ColdPlace(warehouse, table, *cold, warehouse->s3()));
  }
  return places;
}

absl::StatusOr<std::map<std::string, ObjectInfo>> ListDataFiles(const FilePlace& place) {
  std::map<std::string, ObjectInfo> files;
  const size_t skipped = place.folder.size() + 1;
  ASSIGN_OR_RETURN(std::vector<std::string> folders, place.store->ListFolders(place.folder));
  for (const std::string& folder : folders) {
    if (!std::string_view(folder).substr(skipped).starts_with("date=")) continue;
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, place.store->List(folder));
    for (ObjectInfo& object : objects) {
      std::string path = place.prefix + object.path.substr(skipped);
      files.emplace(std::move(path), std::move(object));
    }
  }
  return files;
}

absl::StatusOr<FilePlace> PlaceOf(const std::shared_ptr<ObjectStore>& warehouse,
                                  const std::string& table, std::string_view path) {
  if (!IsCold(path)) return TablePlace(warehouse, table);
  const size_t scheme = path.find("://");
  if (scheme == std::string_view::npos) return LinkedPlace(warehouse, table);
  const std::string folder = fmt::format("/{}/", table);
  const size_t at = path.find(folder, scheme);
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(path.substr(0, at));
  if (at == std::string_view::npos || !uri.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("the log calls a data file {}, which is in no cold location of the table: "
                    "another program put it there",
                    path));
  }
  return FilePlace{.store = OpenObjectStore(*uri, warehouse->s3()),
                   .folder = table,
                   .prefix = std::string(path.substr(0, at + folder.size()))};
}

bool IsCold(std::string_view path) {
  return path.starts_with(std::string(kLink) + "/") || path.find("://") != std::string_view::npos;
}

}  // namespace forebay
