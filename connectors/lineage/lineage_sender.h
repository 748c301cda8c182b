// Sends OpenLineage events to a file, over HTTP, or both, in their order, from a thread of its own.
//
//   LineageSender sender({.file = "lineage.jsonl"}, [](const std::string& what) { Warn(what); });
//   sender.Send(event);                       // returns at once
//
// Nobody waits for it but, a little, who ends it; what cannot be sent is dropped.
#ifndef FOREBAY_CONNECTORS_LINEAGE_LINEAGE_SENDER_H_
#define FOREBAY_CONNECTORS_LINEAGE_LINEAGE_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace forebay {

struct LineageTarget {
  std::string file;                           // a line each is appended; empty: to none
  std::string url;                            // "http://marquez:5000"; empty: to none
  std::string api_key_file;                   // whose text is sent as a bearer token; empty: none
  absl::Duration timeout = absl::Seconds(5);  // of a request that gets nowhere
  int tries = 5;                              // of an event
  absl::Duration pause =
      absl::Milliseconds(300);  // before the second; twice as long before each next

  absl::Duration patience = absl::Seconds(5);  // of who ends the sender

  bool empty() const { return file.empty() && url.empty(); }
};

// Thread-safe.
class LineageSender {
 public:
  static constexpr size_t kMostWaiting = 1000;  // events; then the oldest is dropped

  // `warn`: called once by the thread, when the first event is dropped.
  LineageSender(LineageTarget target, std::function<void(const std::string&)> warn);
  // Sends what waits, for `patience` at most.
  ~LineageSender();
  LineageSender(const LineageSender&) = delete;
  LineageSender& operator=(const LineageSender&) = delete;

  void Send(std::string event);

  int64_t dropped() const;

 private:
  void Run();
  // One event to all places.
  void Deliver(const std::string& event);
  absl::Status Append(const std::string& event) const;
  absl::Status Post(const std::string& event);
  // Before another try. False: there is to be none.
  bool Pause(absl::Duration pause);
  void Drop(const absl::Status& why);

  const LineageTarget target_;
  const std::function<void(const std::string&)> warn_;
  mutable absl::Mutex mutex_;
  std::deque<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time until_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // events are sent
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  bool warned_ = false;  // of the thread
  std::thread thread_;   // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_LINEAGE_LINEAGE_SENDER_H_
