// How often an object store was asked over a network, by what for.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_REQUEST_COUNTS_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_REQUEST_COUNTS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace forebay {

enum class RequestKind : uint8_t { kRead, kWrite, kCommit, kList, kDelete };
inline constexpr std::array<std::string_view, 5> kRequestKindNames = {"read", "write", "commit",
                                                                      "list", "delete"};

// Requests that were answered for good or failed; each is one, however often it was tried.
struct RequestCounts {
  std::array<int64_t, kRequestKindNames.size()> by_kind{};
  int64_t retries = 0;  // tries after the first

  int64_t operator[](RequestKind kind) const { return by_kind[static_cast<size_t>(kind)]; }
  int64_t total() const {
    int64_t sum = 0;
    for (int64_t count : by_kind) sum += count;
    return sum;
  }
};

// Thread-safe.
class RequestCounter {
 public:
  void Count(RequestKind kind) {
    by_kind_[static_cast<size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
  }
  void CountRetry() { retries_.fetch_add(1, std::memory_order_relaxed); }

  RequestCounts counts() const {
    RequestCounts counts;
    for (size_t i = 0; i < by_kind_.size(); ++i)
      counts.by_kind[i] = by_kind_[i].load(std::memory_order_relaxed);
    counts.retries = retries_.load(std::memory_order_relaxed);
    return counts;
  }

 private:
  std::array<std::atomic<int64_t>, kRequestKindNames.size()> by_kind_{};
  std::atomic<int64_t> retries_{0};
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_REQUEST_COUNTS_H_
