// The commit log of a project's catalog, in the warehouse: docs/formats/catalog.md.
//
//   CatalogLog log(warehouse, "shop", {.by = "ann@build-7", .command = "promote"});
//   ASSIGN_OR_RETURN(auto state, log.Load());
//   ASSIGN_OR_RETURN(state, log.Commit([&](const CatalogState& now) -> absl::StatusOr<Changes> {
//     ...                             // what is to change, seen from `now`; or why it must not
//   }));
//   state = log.Refresh(state).value();   // what others have committed since
//
// A commit is one object that is created if it is absent: of two that follow the same version one
// wins, and the other is decided anew on what the winner left. So readers see all of a commit or
// nothing, and nothing of one that lost.
//
// Thread-safe, also between processes.
#ifndef FOREBAY_CATALOG_CATALOG_LOG_H_
#define FOREBAY_CATALOG_CATALOG_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/catalog_state.h"
#include "connectors/object_store/object_store.h"
#include "engine/worker/clock.h"

namespace forebay {

namespace v1 {
class CatalogChange;
class CatalogCommit;
}  // namespace v1

// In the warehouse: "_catalog/shop". Projects may share a warehouse, and each has its own.
std::string CatalogFolder(std::string_view project);

// Who commits; kept in the commits.
struct CommitAuthor {
  std::string by;
  std::string command;
  std::string revision;
};

class CatalogLog {
 public:
  using Changes = std::vector<v1::CatalogChange>;
  // Called again, with a newer state, when somebody else was faster. No changes: nothing is
  // committed. Its error ends the commit.
  using Decide = std::function<absl::StatusOr<Changes>(const CatalogState& now)>;
  using State = std::shared_ptr<const CatalogState>;

  // `clock` outlives it.
  CatalogLog(std::shared_ptr<ObjectStore> warehouse, std::string_view project, CommitAuthor author,
             const Clock* clock);

  // The same, of commits of another command.
  CatalogLog For(std::string command) const;

  // The newest; of version 0 where there is no catalog. DATA_LOSS: a commit is damaged or missing.
  absl::StatusOr<State> Load() const;

  // The newest, of which `known` is an earlier one; `known` itself where there is no newer.
  absl::StatusOr<State> Refresh(State known) const;

  // What it changed, when, and by whom. NOT_FOUND, DATA_LOSS.
  absl::StatusOr<v1::CatalogCommit> ReadCommit(int64_t version) const;

  // The state that the commit made, or that had nothing to change. ABORTED: others committed all
  // the time. Else errors of `decide` and of the store.
  absl::StatusOr<State> Commit(const Decide& decide) const;
  // The same, with `known` as the newest that is known.
  absl::StatusOr<State> CommitAfter(State known, const Decide& decide) const;

 private:
  std::string Describe(const std::string& path) const;
  std::string CommitPath(int64_t version) const;
  std::string CheckpointPath(int64_t version) const;
  std::string HintPath() const;
  absl::StatusOr<State> LoadCheckpoint() const;
  absl::StatusOr<State> Follow(State state) const;
  absl::Status WriteCheckpoint(const CatalogState& state) const;

  std::shared_ptr<ObjectStore> warehouse_;
  std::string folder_;
  CommitAuthor author_;
  const Clock* clock_;
};

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CATALOG_LOG_H_
