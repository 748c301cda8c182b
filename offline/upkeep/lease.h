// Leases: what a reader needs is not removed from a table while it reads.
//
//   Lease lease = Lease::Take(store, "offline/user_spend/v1", snapshot.timestamp_ms, now).value();
//   RETURN_IF_ERROR(table->Refresh());   // what is in the table from now on is kept
//   ... read; now and then lease.Renew(now) ...
//
// An object `<table>/_forebay/leases/<id>.json` each, which other programs pass over, as they do
// all names that begin with '_'.
#ifndef FOREBAY_OFFLINE_UPKEEP_LEASE_H_
#define FOREBAY_OFFLINE_UPKEEP_LEASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"

namespace forebay {

class Lease {
 public:
  // Ends by itself after this long, unless renewed: its holder may have died.
  static constexpr int64_t kSeconds = 3600;

  // For what the table held at `timestamp_ms` (of a commit) or later. `now_us`: wall clock.
  static absl::StatusOr<Lease> Take(std::shared_ptr<ObjectStore> store, const std::string& table,
                                    int64_t timestamp_ms, int64_t now_us);
  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = default;
  // Gives it back; where that fails, it ends by itself.
  ~Lease();

  // Does nothing while most of its time is left.
  absl::Status Renew(int64_t now_us);

 private:
  Lease() = default;

  absl::Status Write(int64_t now_us);

  std::shared_ptr<ObjectStore> store_;  // null: given away
  std::string path_;
  int64_t timestamp_ms_ = 0;
  int64_t expires_ms_ = 0;
};

// The least timestamp_ms of the leases that have not ended; nullopt: there is none. One that cannot
// be read counts for all of the table, until it is a day old. `now_us`: of the store's clock.
absl::StatusOr<std::optional<int64_t>> OldestLease(const ObjectStore& store,
                                                   const std::string& table, int64_t now_us);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_UPKEEP_LEASE_H_
