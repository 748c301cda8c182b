// Parts of timestamps, and timestamps cut to a unit; all in UTC, and right before 1970 too.
#include "engine/expression/kernel.h"
#include "schemas/sql/calendar.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;

int64_t Days(int64_t time) { return FloorDivide(time, kMicrosPerDay); }
CivilDate Date(int64_t time) { return CivilFromDays(Days(time)); }
// Modulo instead of a difference: the start of the earliest day is below the least int64.
int64_t Within(int64_t time, int64_t unit) {
  const int64_t rest = time % unit;
  return rest < 0 ? rest + unit : rest;
}

int64_t Year(int64_t time) { return Date(time).year; }
int64_t Month(int64_t time) { return Date(time).month; }
int64_t Day(int64_t time) { return Date(time).day; }
int64_t Hour(int64_t time) { return Within(time, kMicrosPerDay) / kMicrosPerHour; }
int64_t Minute(int64_t time) { return Within(time, kMicrosPerHour) / kMicrosPerMinute; }
int64_t Second(int64_t time) { return Within(time, kMicrosPerMinute) / kMicrosPerSecond; }
int64_t Milliseconds(int64_t time) { return Within(time, kMicrosPerMinute) / 1000; }
int64_t Microseconds(int64_t time) { return Within(time, kMicrosPerMinute); }
int64_t Quarter(int64_t time) { return (Date(time).month + 2) / 3; }
int64_t Decade(int64_t time) { return Year(time) / 10; }
// There is no year, century or millennium 0: year 0 is 1 BC, in the century -1.
int64_t Century(int64_t time) {
  const int64_t year = Year(time);
  return year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
}
int64_t Millennium(int64_t time) {
  const int64_t year = Year(time);
  return year > 0 ? (year - 1) / 1000 + 1 : year / 1000 - 1;
}
int64_t Era(int64_t time) { return Year(time) > 0 ? 1 : 0; }
double Epoch(int64_t time) { return static_cast<double>(time) / 1e6; }

// Monday is 0. 1970-01-01 was a Thursday.
int64_t DayFromMonday(int64_t days) { return Within(days + 3, 7); }
int64_t DayOfWeek(int64_t time) { return (DayFromMonday(Days(time)) + 1) % 7; }
int64_t IsoDayOfWeek(int64_t time) { return DayFromMonday(Days(time)) + 1; }

int64_t DayOfYear(int64_t time) {
  const int64_t days = Days(time);
  return days - DaysFromCivil({CivilFromDays(days).year, 1, 1}) + 1;
}

// The Thursday of a week is in the year that ISO 8601 counts the week to.
int64_t Thursday(int64_t time) {
  const int64_t days = Days(time);
  return days - DayFromMonday(days) + 3;
}
int64_t IsoYear(int64_t time) { return CivilFromDays(Thursday(time)).year; }
int64_t Week(int64_t time) {
  const int64_t thursday = Thursday(time);
  return (thursday - DaysFromCivil({CivilFromDays(thursday).year, 1, 1})) / 7 + 1;
}

bool StartOfDay(int64_t days, int64_t* result) {
  return !__builtin_mul_overflow(days, kMicrosPerDay, result);
}

template <int64_t unit>
bool Truncate(int64_t time, int64_t* result) {
  return !__builtin_sub_overflow(time, Within(time, unit), result);
}
bool TruncateYear(int64_t time, int64_t* result) {
  return StartOfDay(DaysFromCivil({Year(time), 1, 1}), result);
}
bool TruncateQuarter(int64_t time, int64_t* result) {
  const CivilDate date = Date(time);
  return StartOfDay(DaysFromCivil({date.year, (date.month - 1) / 3 * 3 + 1, 1}), result);
}
bool TruncateMonth(int64_t time, int64_t* result) {
  const CivilDate date = Date(time);
  return StartOfDay(DaysFromCivil({date.year, date.month, 1}), result);
}
bool TruncateWeek(int64_t time, int64_t* result) { return StartOfDay(Thursday(time) - 3, result); }

int64_t EpochMicros(int64_t time) { return time; }
int64_t EpochMillis(int64_t time) { return time / 1000; }
int64_t MakeTimestamp(int64_t micros) { return micros; }

template <int64_t (*part)(int64_t)>
void AddPart(std::string_view name, std::vector<Kernel>* kernels) {
  kernels->push_back(
      {name, {DataType::kTimestamp}, DataType::kInt64, MapRows<int64_t, int64_t, part>});
}

template <bool (*truncate)(int64_t, int64_t*)>
void AddTruncate(std::string_view name, std::vector<Kernel>* kernels) {
  kernels->push_back(
      {name, {DataType::kTimestamp}, DataType::kTimestamp, TryRows<int64_t, int64_t, truncate>});
}

}  // namespace

void AddTimeKernels(std::vector<Kernel>* kernels) {
  AddPart<Year>("extract_year", kernels);
  AddPart<Month>("extract_month", kernels);
  AddPart<Day>("extract_day", kernels);
  AddPart<Hour>("extract_hour", kernels);
  AddPart<Minute>("extract_minute", kernels);
  AddPart<Second>("extract_second", kernels);
  AddPart<Milliseconds>("extract_milliseconds", kernels);
  AddPart<Microseconds>("extract_microseconds", kernels);
  AddPart<DayOfWeek>("extract_dow", kernels);
  AddPart<IsoDayOfWeek>("extract_isodow", kernels);
  AddPart<DayOfYear>("extract_doy", kernels);
  AddPart<Week>("extract_week", kernels);
  AddPart<IsoYear>("extract_isoyear", kernels);
  AddPart<Quarter>("extract_quarter", kernels);
  AddPart<Decade>("extract_decade", kernels);
  AddPart<Century>("extract_century", kernels);
  AddPart<Millennium>("extract_millennium", kernels);
  AddPart<Era>("extract_era", kernels);
  AddPart<EpochMicros>("epoch_us", kernels);
  AddPart<EpochMillis>("epoch_ms", kernels);
  kernels->push_back({"extract_epoch",
                      {DataType::kTimestamp},
                      DataType::kDouble,
                      MapRows<int64_t, double, Epoch>});
  kernels->push_back({"make_timestamp",
                      {DataType::kInt64},
                      DataType::kTimestamp,
                      MapRows<int64_t, int64_t, MakeTimestamp>});
  AddTruncate<TruncateYear>("truncate_year", kernels);
  AddTruncate<TruncateQuarter>("truncate_quarter", kernels);
  AddTruncate<TruncateMonth>("truncate_month", kernels);
  AddTruncate<TruncateWeek>("truncate_week", kernels);
  AddTruncate<Truncate<kMicrosPerDay>>("truncate_day", kernels);
  AddTruncate<Truncate<kMicrosPerHour>>("truncate_hour", kernels);
  AddTruncate<Truncate<kMicrosPerMinute>>("truncate_minute", kernels);
  AddTruncate<Truncate<kMicrosPerSecond>>("truncate_second", kernels);
  AddTruncate<Truncate<1000>>("truncate_milliseconds", kernels);
}

}  // namespace forebay
