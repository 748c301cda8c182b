// A line on the terminal that says how far a long command is, and how long it will take.
//
//   ProgressLine progress("joining", "rows");
//   progress.Show(1'200'000, 3'300'000);   // as often as there is something to say
//
// It is on stderr, drawn anew in its place, and gone when the object is; where stderr is no
// terminal, nothing is written. Thread-safe.
#ifndef FOREBAY_CLI_PROGRESS_LINE_H_
#define FOREBAY_CLI_PROGRESS_LINE_H_

#include <cstdint>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace forebay {

// "joining: 1200000 of 3300000 rows (36 %), 812000 rows a second, 3 s left". `total`: 0 where it is
// not known; then there is no share and no time left.
std::string ProgressText(const std::string& what, const std::string& unit, int64_t done,
                         int64_t total, absl::Duration taken);

class ProgressLine {
 public:
  // `what` is done, to things called `unit`.
  ProgressLine(std::string what, std::string unit);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `done` of `total` so far. Drawn at most ten times a second.
  void Show(int64_t done, int64_t total);

 private:
  const std::string what_;
  const std::string unit_;
  const bool terminal_;
  const absl::Time start_;
  absl::Mutex mutex_;
  absl::Time drawn_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace forebay

#endif  // FOREBAY_CLI_PROGRESS_LINE_H_
