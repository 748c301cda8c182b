// The seam to the durable state of one task.
#ifndef FOREBAY_ENGINE_STATE_STATE_STORE_H_
#define FOREBAY_ENGINE_STATE_STATE_STORE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace forebay {

// Keys and values are bytes whose layouts are in docs/formats/state.md.
struct StateDelta {
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> deletes;
  std::string meta;  // the task's TaskMeta, encoded
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

  // All of it or nothing. On return it outlives the process. A power failure may take the last
  // commits, in reverse order: the task replays them, and the sinks drop what they have.
  virtual absl::Status Commit(const StateDelta& delta) = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_STATE_STORE_H_
