#include "cli/registered_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "catalog/catalog_key.h"
#include "cli/project_catalog.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(fmt::format("cannot open the manifest {}", path));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

absl::Status CheckSetName(const std::string& name) {
  if (IsCatalogName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("'{}' cannot be the name of a training set: these are lower-case letters, "
                  "digits, _ - and ., from a "
                  "letter, at most 64",
                  name));
}

absl::StatusOr<std::string> RegisterTrainingSet(const LoadedProject& loaded,
                                                const std::string& folder, const std::string& name,
                                                const std::string& manifest_path) {
  v1::CatalogChange change;
  v1::TrainingSetVersion* set = change.mutable_object()->mutable_training_set();
  set->set_name(name);
  ASSIGN_OR_RETURN(*set->mutable_manifest(), ReadText(manifest_path));
  auto decide = [&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
    uint32_t newest = 0;
    for (const auto& [key, object] : now.objects()) {
      if (object->has_training_set() && object->training_set().name() == name)
        newest = std::max(newest, object->training_set().version());
    }
    set->set_version(newest + 1);
    change.set_key(KeyOf(change.object()));
    return CatalogLog::Changes{change};
  };
  RETURN_IF_ERROR(OpenCatalog(loaded, folder, "training-set").Commit(decide).status());
  return fmt::format("{}@{}", name, set->version());
}

absl::StatusOr<std::string> ReadManifestText(const LoadedProject& loaded,
                                             const std::string& id_or_path) {
  std::error_code error;
  const bool is_name = id_or_path.find('@') != std::string::npos;
  if (!is_name || std::filesystem::exists(id_or_path, error)) return ReadText(id_or_path);
  ASSIGN_OR_RETURN(const CatalogLog::State state, OpenCatalog(loaded, "", "").Load());
  const v1::CatalogObject* object = state->Find("training_set/" + id_or_path);
  if (object != nullptr) return object->training_set().manifest();
  std::vector<std::string> known;
  for (const auto& [key, one] : state->objects()) {
    if (one->has_training_set()) known.push_back(key.substr(key.find('/') + 1));
  }
  return absl::NotFoundError(
      fmt::format("there is no training set '{}' in the catalog, and no file of that name{}",
                  id_or_path, DidYouMean(id_or_path, known)));
}

}  // namespace forebay
