#include "offline/delta/file_place.h"

#include <fmt/format.h>

#include <utility>

#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kLink = "_cold";

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
  FilePlace place{.store = warehouse,
                  .folder = fmt::format("{}/{}", table, kLink),
                  .prefix = fmt::format("{}/", kLink)};
  RETURN_IF_ERROR(
      warehouse->LinkFolder(place.folder, fmt::format("{}/{}", cold.ToString(), table)));
  return place;
}

bool IsCold(std::string_view path) {
  return path.starts_with(std::string(kLink) + "/") || path.find("://") != std::string_view::npos;
}

}  // namespace forebay
