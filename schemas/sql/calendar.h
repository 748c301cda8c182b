// The proleptic Gregorian calendar over all of int64 microseconds. Year 0 is 1 BC.
//
//   CivilDate date = CivilFromDays(FloorDivide(micros, kMicrosPerDay));
#ifndef FOREBAY_SCHEMAS_SQL_CALENDAR_H_
#define FOREBAY_SCHEMAS_SQL_CALENDAR_H_

#include <cstdint>

#include "schemas/types/time.h"  // kMicrosPerDay

namespace forebay {

struct CivilDate {
  int64_t year;
  int month;  // 1 to 12
  int day;    // 1 to 31
};

// Rounds down below zero too. REQUIRES: divisor > 0.
constexpr int64_t FloorDivide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

constexpr bool IsLeapYear(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int DaysInMonth(int64_t year, int month) {
  return month == 2 ? (IsLeapYear(year) ? 29 : 28)
                    : 30 + (month == 1 || month == 3 || month == 5 || month == 7 || month == 8 ||
                            month == 10 || month == 12);
}

// Days from 1970-01-01. Years are counted from March here, so that a leap day ends its year.
constexpr int64_t DaysFromCivil(CivilDate date) {
  const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const int64_t cycle = FloorDivide(year, 400);  // of 146,097 days
  const int64_t year_of_cycle = year - cycle * 400;
  const int64_t month_from_march = (date.month + 9) % 12;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const int64_t day_of_cycle =
      year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
  return cycle * 146'097 + day_of_cycle - 719'468;  // 0000-03-01 to 1970-01-01
}

constexpr CivilDate CivilFromDays(int64_t days) {
  const int64_t shifted = days + 719'468;
  const int64_t cycle = FloorDivide(shifted, 146'097);
  const int64_t day_of_cycle = shifted - cycle * 146'097;
  const int64_t year_of_cycle =
      (day_of_cycle - day_of_cycle / 1'460 + day_of_cycle / 36'524 - day_of_cycle / 146'096) / 365;
  const int64_t day_of_year =
      day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const int month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_cycle + cycle * 400 + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_SQL_CALENDAR_H_
