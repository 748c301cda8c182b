#include "schemas/types/shortest_double.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace forebay {
namespace {

std::string Written(double value) {
  std::array<char, kShortestDoubleRoom> text;
  return {text.data(), WriteShortestDouble(value, text.data())};
}

// The writer that says what the text is.
std::string Expected(double value) {
  std::array<char, kMaxShortestDouble> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

class ShortestDouble : public ::testing::Test {
 protected:
  // Both signs of the value, and the doubles beside it.
  void Check(double value) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    for (double near : {value, std::nextafter(value, kInfinity), std::nextafter(value, 0.0)}) {
      if (near == 0 || !std::isfinite(near)) continue;
      ASSERT_EQ(Written(near), Expected(near));
      ASSERT_EQ(Written(-near), Expected(-near));
    }
  }

  std::mt19937_64 random_{1};
};

TEST_F(ShortestDouble, IsWhatToCharsGivesForAnyBits) {
  for (int i = 0; i < 300'000; ++i) Check(std::bit_cast<double>(random_() >> 1));
}

TEST_F(ShortestDouble, OfDecimals) {
  for (int places = 0; places < 25; ++places) {
    for (int i = 0; i < 20'000; ++i) {
      auto digits = static_cast<double>(random_() >> random_() % 64);
      Check(digits / std::pow(10.0, places));
    }
  }
}

TEST_F(ShortestDouble, OfSmallHundredthsAndWholeNumbers) {
  for (int i = 1; i < 1'000'000; ++i) {
    ASSERT_EQ(Written(i / 100.0), Expected(i / 100.0));
    ASSERT_EQ(Written(i * 1.0), Expected(i * 1.0));
  }
}

TEST_F(ShortestDouble, OfSumsAndMeansOfMoney) {
  for (int round = 0; round < 50'000; ++round) {
    double sum = 0;
    for (int n = 1; n < 20; ++n) {
      sum += static_cast<double>(random_() % 100'000) / 100;
      if (sum == 0) continue;
      ASSERT_EQ(Written(sum), Expected(sum));
      ASSERT_EQ(Written(sum / n), Expected(sum / n));
    }
  }
}

TEST_F(ShortestDouble, OfPowersAndTheirNeighbours) {
  for (int exponent = -1074; exponent < 1024; ++exponent) Check(std::ldexp(1.0, exponent));
  for (int exponent = -323; exponent < 309; ++exponent) {
    for (int digit = 1; digit < 10; ++digit)
      Check(std::strtod((std::to_string(digit) + "e" + std::to_string(exponent)).c_str(), nullptr));
  }
  for (double whole : {1e5, 12e5, 1e6, 1e13, 1e15, 9007199254740992.0, 1e16, 1e17, 1e21, 1e22})
    Check(whole);
}

TEST_F(ShortestDouble, OfLimits) {
  using Limits = std::numeric_limits<double>;
  for (double value : {Limits::min(), Limits::max(), Limits::denorm_min(), Limits::epsilon()})
    Check(value);
}

}  // namespace
}  // namespace forebay
