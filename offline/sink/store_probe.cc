#include "offline/sink/store_probe.h"

#include <fmt/format.h>

#include "offline/delta/random_id.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Commits rest on it: a store that does not know it would let two writers take one version.
absl::Status CheckConditional(ObjectStore* store, const std::string& probe) {
  absl::Status again = store->PutIfAbsent(probe, "and again?", std::nullopt);
  if (absl::IsAlreadyExists(again)) return absl::OkStatus();
  RETURN_IF_ERROR(again);
  return absl::FailedPreconditionError(
      fmt::format("{} was written over although it was to be created: the object store does not "
                  "know conditional writes (If-None-Match: *), which the tables need; upgrade it, "
                  "or name another in `warehouse`",
                  store->Describe(probe)));
}

}  // namespace

absl::Status ProbeStore(ObjectStore* store, std::string_view what) {
  const std::string probe = ".forebay-probe-" + RandomId();
  absl::Status status = store->PutIfAbsent(probe, "is this writable?", std::nullopt);
  if (status.ok()) status = CheckConditional(store, probe);
  status.Update(store->Delete(probe));
  if (status.ok()) return status;
  return absl::Status(status.code(), fmt::format("the {} is not writable: {}", what,
                                                 std::string(status.message())));
}

}  // namespace forebay
