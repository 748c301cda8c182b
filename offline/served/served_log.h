// The log of what was served: takes answers without waiting, and writes them to their tables on a
// thread of its own.
//
//   ServedLog log({.warehouse = warehouse, .project = "shop", .worker = "0"});
//   log.Take({.rows = 1, .bytes = 300, .write = [=](const ServedLog::AddRow& add) { add(columns,
//   row); }});
//
// What is taken is in memory until it is flushed: rows are lost with the process. Thread-safe.
#ifndef FOREBAY_OFFLINE_SERVED_SERVED_LOG_H_
#define FOREBAY_OFFLINE_SERVED_SERVED_LOG_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/object_store/object_store.h"
#include "offline/served/served_row.h"
#include "offline/served/served_table.h"

namespace forebay {

struct ServedLogOptions {
  std::shared_ptr<ObjectStore> warehouse;
  std::string project;
  std::string worker;
  absl::Duration flush_interval = absl::Minutes(1);
  size_t flush_bytes = 16 << 20;  // of answers, after which it does not wait for the interval
  size_t most_bytes = 64 << 20;   // that are taken and not flushed; what comes then is dropped
  std::function<void(const std::string& message)> say = [](const std::string&) {};
};

class ServedLog {
 public:
  using AddRow = std::function<void(const std::shared_ptr<const ServedColumns>& columns,
                                    const ServedRow& row)>;
  struct Answer {
    int64_t rows = 0;
    size_t bytes = 0;  // of memory, about
    // Adds its rows, on the log's thread.
    std::function<void(const AddRow& add)> write;
  };
  struct Counts {
    int64_t written = 0;  // rows that are in their tables
    int64_t dropped = 0;  // rows, for which there was no room, or no table
    int64_t errors = 0;   // flushes that failed
  };

  explicit ServedLog(ServedLogOptions options);
  ~ServedLog();  // Stop
  ServedLog(const ServedLog&) = delete;
  ServedLog& operator=(const ServedLog&) = delete;

  // Never waits for a table. Where there is no room, it is dropped, and counted.
  void Take(Answer answer);

  // Writes all that was taken. What comes afterwards is dropped.
  void Stop();

  Counts counts() const;

 private:
  using TableKey = std::tuple<std::string, uint32_t, std::string>;  // service, version, columns

  void Run();
  void Write(const Answer& answer);
  void Flush(bool last);
  void FlushTable(ServedTable* table, bool last);

  const ServedLogOptions options_;
  std::atomic<int64_t> written_{0};
  std::atomic<int64_t> dropped_{0};
  std::atomic<int64_t> errors_{0};

  // Of the thread.
  std::map<TableKey, std::unique_ptr<ServedTable>> tables_;
  size_t buffered_bytes_ = 0;  // of answers whose rows are in tables_
  absl::Time due_ = absl::InfiniteFuture();
  bool failed_ = false;  // the last flush: the next one waits until it is due

  absl::Mutex mutex_;
  std::deque<Answer> taken_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // taken and not flushed
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SERVED_SERVED_LOG_H_
