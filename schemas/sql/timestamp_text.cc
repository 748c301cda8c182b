#include "schemas/sql/timestamp_text.h"

#include <cstring>

#include "fmt/format.h"
#include "schemas/sql/calendar.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// Reads a text from left to right; each call says whether it was there, and then passes over it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool Done() const { return text_.empty(); }

  bool Any(std::string_view characters) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }

  // `least` to `most` digits.
  bool Number(int least, int most, int64_t* value) {
    int digits = 0;
    *value = 0;
    for (; digits < most && !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; ++digits) {
      *value = *value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
    }
    return digits >= least;
  }

  // The digits after the point, floored to microseconds.
  bool Fraction(int64_t* micros) {
    const size_t before = text_.size();
    int64_t nanos = 0;
    if (!Number(1, 9, &nanos)) return false;
    for (size_t digits = before - text_.size(); digits < 9; ++digits) nanos *= 10;
    *micros = nanos / 1000;
    return true;
  }

 private:
  std::string_view text_;
};

bool ReadTimeOfDay(Reader* reader, int64_t* micros) {
  int64_t hour = 0, minute = 0, second = 0, fraction = 0;
  if (!reader->Number(1, 2, &hour) || !reader->Any(":") || !reader->Number(1, 2, &minute))
    return false;
  if (reader->Any(":")) {
    if (!reader->Number(1, 2, &second)) return false;
    if (reader->Any(".") && !reader->Fraction(&fraction)) return false;
  }
  *micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return hour <= 23 && minute <= 59 && second <= 59;
}

bool ReadOffset(Reader* reader, int64_t* micros) {
  *micros = 0;
  if (reader->Any("Zz")) return true;
  const bool negative = reader->Any("-");
  int64_t hour = 0, minute = 0;
  if (!negative && !reader->Any("+")) return false;
  if (!reader->Number(2, 2, &hour)) return false;
  reader->Any(":");
  if (!reader->Done() && !reader->Number(2, 2, &minute)) return false;
  *micros = (hour * 60 + minute) * 60 * kMicrosPerSecond * (negative ? -1 : 1);
  return hour <= 23 && minute <= 59;
}

}  // namespace

std::optional<int64_t> ParseTimestampText(std::string_view text) {
  Reader reader(text);
  int64_t year = 0, month = 0, day = 0, time_of_day = 0, offset = 0;
  if (!reader.Number(4, 4, &year) || !reader.Any("-") || !reader.Number(1, 2, &month) ||
      !reader.Any("-") || !reader.Number(1, 2, &day)) {
    return std::nullopt;
  }
  if (year < 1 || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, static_cast<int>(month))) {
    return std::nullopt;
  }
  if (!reader.Done()) {
    if (!reader.Any(" Tt") || !ReadTimeOfDay(&reader, &time_of_day)) return std::nullopt;
    if (!reader.Done() && (!ReadOffset(&reader, &offset) || !reader.Done())) return std::nullopt;
  }
  const int64_t days = DaysFromCivil({year, static_cast<int>(month), static_cast<int>(day)});
  return days * kMicrosPerDay + time_of_day - offset;
}

std::string_view FormatTimestampText(int64_t micros, char* buffer) {
  const int64_t days = FloorDivide(micros, kMicrosPerDay);
  // days * kMicrosPerDay may be less than the least int64.
  const int64_t time_of_day =
      micros % kMicrosPerDay < 0 ? micros % kMicrosPerDay + kMicrosPerDay : micros % kMicrosPerDay;
  const CivilDate date = CivilFromDays(days);
  const bool before_christ = date.year < 1;
  const int64_t seconds = time_of_day / kMicrosPerSecond;
  char* end =
      fmt::format_to(buffer, "{:04}-{:02}-{:02}{} {:02}:{:02}:{:02}",
                     before_christ ? 1 - date.year : date.year, date.month, date.day,
                     before_christ ? " (BC)" : "", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (const int64_t fraction = time_of_day % kMicrosPerSecond; fraction != 0) {
    end = fmt::format_to(end, ".{:06}", fraction);
    while (end[-1] == '0') --end;
  }
  return {buffer, static_cast<size_t>(end - buffer)};
}

}  // namespace forebay
