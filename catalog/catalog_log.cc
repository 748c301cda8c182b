#include "catalog/catalog_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "catalog/checked_json.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kCheckpointEvery = 32;
constexpr int kMostConflicts = 100;
constexpr std::string_view kCommitEnd = ".json";
constexpr std::string_view kCheckpointEnd = ".checkpoint.json";

// Of the path of a commit; nullopt for other objects.
std::optional<int64_t> VersionOf(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  int64_t version = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  const auto digits = static_cast<size_t>(end - name.data());
  if (error != std::errc() || digits != 20 || name.substr(digits) != kCommitEnd)
    return std::nullopt;
  return version;
}

absl::Status In(const std::string& where, const absl::Status& status) {
  return {status.code(), fmt::format("{}: {}", where, std::string(status.message()))};
}

}  // namespace

std::string CatalogFolder(std::string_view project) { return fmt::format("_catalog/{}", project); }

CatalogLog::CatalogLog(std::shared_ptr<ObjectStore> warehouse, std::string_view project,
                       CommitAuthor author, const Clock* clock)
    : warehouse_(std::move(warehouse)),
      folder_(CatalogFolder(project)),
      author_(std::move(author)),
      clock_(clock) {}

std::string CatalogLog::CommitPath(int64_t version) const {
  return fmt::format("{}/{:020}{}", folder_, version, kCommitEnd);
}

std::string CatalogLog::CheckpointPath(int64_t version) const {
  return fmt::format("{}/{:020}{}", folder_, version, kCheckpointEnd);
}

std::string CatalogLog::HintPath() const { return folder_ + "/_last_checkpoint"; }

std::string CatalogLog::Describe(const std::string& path) const {
  return "the catalog's " + warehouse_->Describe(path);
}

absl::StatusOr<v1::CatalogCommit> CatalogLog::ReadCommit(int64_t version) const {
  const std::string path = CommitPath(version);
  ASSIGN_OR_RETURN(std::string text, warehouse_->Get(path));
  v1::CatalogCommit commit;
  if (absl::Status read = DecodeChecked(text, &commit); !read.ok()) return In(Describe(path), read);
  return commit;
}

// The newest that can be read; the empty state where there is none.
absl::StatusOr<CatalogLog::State> CatalogLog::LoadCheckpoint() const {
  const State empty = std::make_shared<const CatalogState>();
  absl::StatusOr<std::string> hint = warehouse_->Get(HintPath());
  if (absl::IsNotFound(hint.status())) return empty;
  RETURN_IF_ERROR(hint.status());
  v1::CatalogCommit last;
  if (!DecodeChecked(*hint, &last).ok()) return empty;  // the commits have everything
  absl::StatusOr<std::string> text = warehouse_->Get(CheckpointPath(last.version()));
  if (absl::IsNotFound(text.status())) return empty;
  RETURN_IF_ERROR(text.status());
  v1::CatalogCheckpoint checkpoint;
  if (!DecodeChecked(*text, &checkpoint).ok()) return empty;
  absl::StatusOr<State> state = CatalogState::Of(std::move(checkpoint));
  return state.ok() ? *state : empty;
}

// To the newest. What is listed says only how far that is: a listing may lack what comes in beside
// it.
absl::StatusOr<CatalogLog::State> CatalogLog::Follow(State state) const {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects,
                   warehouse_->ListAfter(folder_, CommitPath(state->version())));
  int64_t newest = 0;
  for (const ObjectInfo& object : objects)
    newest = std::max(newest, VersionOf(object.path).value_or(0));
  while (state->version() < newest) {
    const int64_t version = state->version() + 1;
    absl::StatusOr<v1::CatalogCommit> commit = ReadCommit(version);
    if (absl::IsNotFound(commit.status())) {
      return absl::DataLossError(
          fmt::format("{} is missing, and later commits are there: restore it from a copy",
                      Describe(CommitPath(version))));
    }
    RETURN_IF_ERROR(commit.status());
    absl::StatusOr<State> next = state->With(*commit);
    if (!next.ok()) return In(Describe(CommitPath(version)), next.status());
    state = *std::move(next);
  }
  return state;
}

CatalogLog CatalogLog::For(std::string command) const {
  CatalogLog log = *this;
  log.author_.command = std::move(command);
  return log;
}

absl::StatusOr<CatalogLog::State> CatalogLog::Load() const {
  ASSIGN_OR_RETURN(State state, LoadCheckpoint());
  return Follow(std::move(state));
}

absl::StatusOr<CatalogLog::State> CatalogLog::Refresh(State known) const {
  return Follow(std::move(known));
}

absl::Status CatalogLog::WriteCheckpoint(const CatalogState& state) const {
  ASSIGN_OR_RETURN(std::string text, EncodeChecked(state.ToCheckpoint()));
  RETURN_IF_ERROR(warehouse_->Put(CheckpointPath(state.version()), text));
  ASSIGN_OR_RETURN(std::string hint, EncodeChecked(state.commit()));
  return warehouse_->Put(HintPath(), hint);
}

absl::StatusOr<CatalogLog::State> CatalogLog::Commit(const Decide& decide) const {
  ASSIGN_OR_RETURN(State known, Load());
  return CommitAfter(std::move(known), decide);
}

absl::StatusOr<CatalogLog::State> CatalogLog::CommitAfter(State known, const Decide& decide) const {
  for (int attempt = 0; attempt < kMostConflicts; ++attempt) {
    ASSIGN_OR_RETURN(Changes changes, decide(*known));
    if (changes.empty()) return known;
    v1::CatalogCommit commit;
    commit.set_version(known->version() + 1);
    commit.set_time_us(std::max(clock_->Now().value(), known->commit().time_us() + 1));
    commit.set_by(author_.by);
    commit.set_command(author_.command);
    commit.set_revision(author_.revision);
    commit.mutable_changes()->Assign(std::make_move_iterator(changes.begin()),
                                     std::make_move_iterator(changes.end()));
    ASSIGN_OR_RETURN(State next, known->With(commit));
    ASSIGN_OR_RETURN(std::string text, EncodeChecked(commit));
    absl::Status put = warehouse_->PutIfAbsent(CommitPath(commit.version()), text, std::nullopt);
    if (put.ok()) {
      // Only a shorter way to what the commits say.
      if (next->version() % kCheckpointEvery == 0) WriteCheckpoint(*next).IgnoreError();
      return next;
    }
    if (!absl::IsAlreadyExists(put)) return put;
    ASSIGN_OR_RETURN(known, Refresh(std::move(known)));
  }
  return absl::AbortedError(fmt::format("{}: others committed {} times in between: try again",
                                        Describe(folder_), kMostConflicts));
}

}  // namespace forebay
