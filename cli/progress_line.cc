#include "cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/time/clock.h"
#include "fmt/format.h"

namespace forebay {
namespace {

constexpr absl::Duration kBetween = absl::Milliseconds(100);
constexpr char kClearLine[] = "\r\x1b[K";

// "3 s", "12 min", "2 h 5 min".
std::string Rounded(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 120) return fmt::format("{} s", whole);
  const int64_t minutes = (whole + 59) / 60;
  if (minutes < 120) return fmt::format("{} min", minutes);
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

}  // namespace

std::string ProgressText(const std::string& what, const std::string& unit, int64_t done,
                         int64_t total, absl::Duration taken) {
  const double seconds = absl::ToDoubleSeconds(taken);
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string text = fmt::format("{}: {}", what, done);
  if (total > 0) {
    const int64_t share = 100 * std::min(done, total) / total;
    text += fmt::format(" of {} {} ({} %)", total, unit, share);
  } else {
    text += " " + unit;
  }
  if (rate <= 0) return text;
  text += fmt::format(", {:.0f} {} a second", rate, unit);
  if (total > done)
    text += fmt::format(", {} left", Rounded(static_cast<double>(total - done) / rate));
  return text;
}

ProgressLine::ProgressLine(std::string what, std::string unit)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(absl::Now()) {}

ProgressLine::~ProgressLine() {
  absl::MutexLock lock(&mutex_);
  if (terminal_ && drawn_ != absl::InfinitePast()) std::fputs(kClearLine, stderr);
}

void ProgressLine::Show(int64_t done, int64_t total) {
  if (!terminal_) return;
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  if (now - drawn_ < kBetween) return;
  drawn_ = now;
  fmt::print(stderr, "{}{}", kClearLine, ProgressText(what_, unit_, done, total, now - start_));
  std::fflush(stderr);
}

}  // namespace forebay
