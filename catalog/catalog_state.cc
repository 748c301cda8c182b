#include "catalog/catalog_state.h"

#include <fmt/format.h>

#include <utility>

#include "catalog/catalog_key.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {

CatalogState::CatalogState() : commit_(std::make_unique<v1::CatalogCommit>()) {}

CatalogState::CatalogState(const CatalogState& other)
    : commit_(std::make_unique<v1::CatalogCommit>(*other.commit_)), objects_(other.objects_) {}

CatalogState::~CatalogState() = default;

int64_t CatalogState::version() const { return commit_->version(); }

const v1::CatalogObject* CatalogState::Find(std::string_view key) const {
  auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second.get();
}

absl::StatusOr<std::shared_ptr<const CatalogState>> CatalogState::With(
    const v1::CatalogCommit& commit) const {
  if (commit.version() != version() + 1) {
    return absl::DataLossError(fmt::format("a commit of version {} stands where version {} is due",
                                           commit.version(), version() + 1));
  }
  std::shared_ptr<CatalogState> next(new CatalogState(*this));
  *next->commit_ = commit;
  next->commit_->clear_changes();
  for (const v1::CatalogChange& change : commit.changes()) {
    if (!change.has_object()) {
      next->objects_.erase(change.key());
      continue;
    }
    if (KeyOf(change.object()) != change.key()) {
      return absl::DataLossError(fmt::format("version {} has an object of the key {} under {}",
                                             commit.version(), KeyOf(change.object()),
                                             change.key()));
    }
    next->objects_[change.key()] = std::make_shared<const v1::CatalogObject>(change.object());
  }
  return next;
}

absl::StatusOr<std::shared_ptr<const CatalogState>> CatalogState::Of(
    v1::CatalogCheckpoint checkpoint) {
  auto state = std::make_shared<CatalogState>();
  *state->commit_ = std::move(*checkpoint.mutable_last());
  for (v1::CatalogObject& object : *checkpoint.mutable_objects()) {
    std::string key = KeyOf(object);
    if (key.empty()) return absl::DataLossError("it has an object without contents");
    state->objects_.emplace(std::move(key),
                            std::make_shared<const v1::CatalogObject>(std::move(object)));
  }
  return state;
}

v1::CatalogCheckpoint CatalogState::ToCheckpoint() const {
  v1::CatalogCheckpoint checkpoint;
  *checkpoint.mutable_last() = *commit_;
  for (const auto& [key, object] : objects_) *checkpoint.add_objects() = *object;
  return checkpoint;
}

}  // namespace forebay
