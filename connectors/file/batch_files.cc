#include "connectors/file/batch_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/state/key.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/store_uri.h"

namespace forebay {
namespace {

constexpr std::string_view kLogFolder = "_delta_log";

std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool IsHidden(std::string_view path) {
  std::string_view name = NameOf(path);
  return name.starts_with('_') || name.starts_with('.');
}

absl::Status ListFolder(const ObjectStore& store, const std::string& folder,
                        std::vector<BatchFile>* files) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(folder));
  for (const ObjectInfo& object : objects) {
    if (!IsHidden(object.path))
      files->push_back({object.path, object.size, object.modified_us, {}});
  }
  ASSIGN_OR_RETURN(std::vector<std::string> folders, store.ListFolders(folder));
  for (const std::string& inner : folders) {
    if (!IsHidden(inner)) RETURN_IF_ERROR(ListFolder(store, inner, files));
  }
  return absl::OkStatus();
}

absl::Status Nothing(const v1::Source& source, std::string_view why) {
  return absl::InvalidArgumentError(
      fmt::format("source {}: {}: expected a file, a folder of Parquet or CSV files, or a Delta "
                  "table at {}",
                  source.name(), why, source.batch().path()));
}

v1::BatchSource::Format FormatOf(std::string_view path) {
  if (path.ends_with(".parquet")) return v1::BatchSource::PARQUET;
  if (path.ends_with(".csv")) return v1::BatchSource::CSV;
  return v1::BatchSource::FORMAT_UNSPECIFIED;
}

// By the names, which must agree.
absl::Status FindFormat(const v1::Source& source, BatchFiles* files) {
  files->format = source.batch().format();
  if (files->format != v1::BatchSource::FORMAT_UNSPECIFIED) return absl::OkStatus();
  files->format = FormatOf(files->files[0].path);
  for (const BatchFile& file : files->files) {
    if (files->format != v1::BatchSource::FORMAT_UNSPECIFIED &&
        FormatOf(file.path) == files->format) {
      continue;
    }
    return Nothing(source,
                   fmt::format("the format of {} is not to be seen from its name, or is another "
                               "than that of {}; say `format: parquet` or `format: csv`",
                               files->store->Describe(file.path),
                               files->store->Describe(files->files[0].path)));
  }
  return absl::OkStatus();
}

// Of a path that is a file, its folder and its name.
absl::StatusOr<bool> TakeOneFile(const StoreUri& uri, const S3Settings& s3, BatchFiles* files) {
  if (FormatOf(uri.path) == v1::BatchSource::FORMAT_UNSPECIFIED) return false;
  StoreUri folder = uri;
  const size_t slash = uri.path.rfind('/');
  folder.path = slash == std::string::npos ? "" : uri.path.substr(0, slash);
  std::shared_ptr<ObjectStore> store = OpenObjectStore(folder, s3);
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store->List(""));
  for (const ObjectInfo& object : objects) {
    if (object.path != NameOf(uri.path)) continue;
    files->store = std::move(store);
    files->files = {{object.path, object.size, object.modified_us, {}}};
    return true;
  }
  return false;
}

absl::StatusOr<bool> IsTable(const ObjectStore& store) {
  ASSIGN_OR_RETURN(std::vector<std::string> folders, store.ListFolders(""));
  return std::find(folders.begin(), folders.end(), kLogFolder) != folders.end();
}

}  // namespace

std::string BatchFiles::Identity() const {
  std::string all;
  for (const BatchFile& file : files)
    all += fmt::format("{} {} {}\n", file.path, file.size, file.modified_us);
  return fmt::format("files-{:016x}", HashedKey(all).hash);
}

absl::StatusOr<BatchFiles> ListBatchFiles(const v1::Source& source, const S3Settings& s3,
                                          const ListTable& list_table) {
  const v1::BatchSource& batch = source.batch();
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(batch.path());
  if (!uri.ok()) return Nothing(source, std::string(uri.status().message()));
  BatchFiles files;
  bool one = false;
  if (batch.format() != v1::BatchSource::DELTA) {
    ASSIGN_OR_RETURN(one, TakeOneFile(*uri, s3, &files));
  }
  if (!one) {
    files.store = OpenObjectStore(*uri, s3);
    bool table = batch.format() == v1::BatchSource::DELTA;
    if (batch.format() == v1::BatchSource::FORMAT_UNSPECIFIED) {
      ASSIGN_OR_RETURN(table, IsTable(*files.store));
    }
    if (table) {
      ASSIGN_OR_RETURN(TableFiles of_table, list_table(*uri, s3));
      files.files = std::move(of_table.files);
      files.partition_columns = std::move(of_table.partition_columns);
      std::sort(files.files.begin(), files.files.end(),
                [](const auto& a, const auto& b) { return a.path < b.path; });
      return files;
    }
    RETURN_IF_ERROR(ListFolder(*files.store, "", &files.files));
  }
  if (files.files.empty()) return Nothing(source, "there are no files");
  std::sort(files.files.begin(), files.files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  RETURN_IF_ERROR(FindFormat(source, &files));
  return files;
}

absl::Status CheckUnchanged(const BatchFiles& before, const BatchFiles& now) {
  if (before.files == now.files) return absl::OkStatus();
  auto by_path = [](const BatchFile& a, const BatchFile& b) { return a.path < b.path; };
  std::string which = "another number of them is there";
  for (const BatchFile& file : before.files) {
    auto found = std::lower_bound(now.files.begin(), now.files.end(), file, by_path);
    if (found != now.files.end() && *found == file) continue;
    which = before.store->Describe(file.path);
    which +=
        found == now.files.end() || found->path != file.path ? " is gone" : " was written again";
    break;
  }
  for (const BatchFile& file : now.files) {
    if (std::binary_search(before.files.begin(), before.files.end(), file, by_path)) continue;
    which = before.store->Describe(file.path) + " is new";
    break;
  }
  return absl::FailedPreconditionError(
      fmt::format("files changed while they were read: {}. Nothing is guessed: let them stand "
                  "still, remove what was made of them with `forebay reset`, and start again",
                  which));
}

}  // namespace forebay
