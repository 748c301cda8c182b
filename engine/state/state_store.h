// The seam to the durable state of one task.
#ifndef FOREBAY_ENGINE_STATE_STATE_STORE_H_
#define FOREBAY_ENGINE_STATE_STATE_STORE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace forebay {

// A key of a view in the store starts with the number of the view in this store, big-endian.
inline constexpr size_t kStoredPrefixBytes = 4;

// What one commit changes, in the form of the store that made it: a state is copied once on its way
// from the hot map to the store. A key is put or deleted once, best in the order of bytes. Keys and
// values are bytes whose layouts are in docs/formats/state.md.
class StateDelta {
 public:
  virtual ~StateDelta() = default;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;
  // Nothing that the store has held of the key before this commit is to stay on the disk: it goes
  // soon after the commit, whatever is put now.
  virtual void Purge(std::string_view key) = 0;
  // The task's TaskMeta, encoded. Once.
  virtual void SetMeta(std::string_view meta) = 0;
};

// Reads are thread-safe and may run beside a Commit; Commit is called by one thread at a time.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // The meta of the last commit; nullopt: a new store.
  virtual absl::StatusOr<std::optional<std::string>> ReadMeta() const = 0;

  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;

  // values[i] is that of keys[i]; nullopt: absent.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const = 0;

  // Every (key, value) in byte order of keys, the meta excluded, until `visit` fails.
  virtual absl::Status Scan(
      const std::function<absl::Status(std::string_view key, std::string_view value)>& visit)
      const = 0;

  // An empty one, with room for about `bytes` of keys and values. Thread-safe.
  virtual std::unique_ptr<StateDelta> NewDelta(size_t bytes) const = 0;

  // All of `delta` or nothing. On return it outlives the process. A power failure may take the last
  // commits, in reverse order: the task replays them, and the sinks drop what they have. REQUIRES:
  // NewDelta() of this store made it.
  virtual absl::Status Commit(StateDelta& delta) = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_STATE_STORE_H_
