#include "offline/upkeep/lease.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "offline/delta/random_id.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

std::string LeaseFolder(const std::string& table) { return table + "/_forebay/leases"; }

}  // namespace

absl::StatusOr<Lease> Lease::Take(std::shared_ptr<ObjectStore> store, const std::string& table,
                                  int64_t timestamp_ms, int64_t now_us) {
  Lease lease;
  lease.store_ = std::move(store);
  lease.path_ = LeaseFolder(table) + "/" + RandomId() + ".json";
  lease.timestamp_ms_ = timestamp_ms;
  RETURN_IF_ERROR(lease.Write(now_us));
  return lease;
}

Lease::~Lease() {
  if (store_ != nullptr) store_->Delete(path_).IgnoreError();
}

absl::Status Lease::Renew(int64_t now_us) {
  if (expires_ms_ - now_us / 1000 > kSeconds * 1000 / 2) return absl::OkStatus();
  return Write(now_us);
}

absl::Status Lease::Write(int64_t now_us) {
  expires_ms_ = now_us / 1000 + kSeconds * 1000;
  nlohmann::json lease = {{"timestamp", timestamp_ms_}, {"seconds", kSeconds}};
  return store_->Put(path_, lease.dump());
}

absl::StatusOr<std::optional<int64_t>> OldestLease(const ObjectStore& store,
                                                   const std::string& table, int64_t now_us) {
  std::optional<int64_t> oldest;
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(LeaseFolder(table)));
  for (const ObjectInfo& object : objects) {
    absl::StatusOr<std::string> text = store.Get(object.path);
    if (absl::IsNotFound(text.status())) continue;  // given back just now
    RETURN_IF_ERROR(text.status());
    int64_t seconds = kMicrosPerDay / kMicrosPerSecond;
    int64_t timestamp = INT64_MIN;
    auto lease = nlohmann::json::parse(*text, nullptr, false);
    if (lease.is_object() && lease.contains("timestamp") &&
        lease["timestamp"].is_number_integer() && lease.contains("seconds") &&
        lease["seconds"].is_number_integer()) {
      timestamp = lease["timestamp"].get<int64_t>();
      seconds = lease["seconds"].get<int64_t>();
    }
    // By the store's clock alone, whatever the holder's says.
    if (object.modified_us + seconds * kMicrosPerSecond < now_us) continue;
    oldest = std::min(oldest.value_or(timestamp), timestamp);
  }
  return oldest;
}

}  // namespace forebay
