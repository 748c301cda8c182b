#include "schemas/types/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/escaping.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

std::string Text(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

std::string Number(double value) {
  std::string out;
  AppendJsonDouble(value, &out);
  return out;
}

TEST(Json, EscapesOnlyWhatMustBe) {
  EXPECT_EQ(Text(""), R"("")");
  EXPECT_EQ(Text("a/b \x7f"), "\"a/b \x7f\"");
  EXPECT_EQ(Text("say \"hi\"\\"), R"("say \"hi\"\\")");
  EXPECT_EQ(Text(std::string_view("\0\b\f\n\r\t\x1f", 7)), R"("\u0000\b\f\n\r\t\u001f")");
  EXPECT_EQ(Text("Zürich €  𝄞"), "\"Zürich €  𝄞\"");
}

TEST(Json, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(Text("a\xff"), "\"a\uFFFD\"");
  EXPECT_EQ(Text("\xc3"), "\"\uFFFD\"");                                  // cut short
  EXPECT_EQ(Text("\xc0\xaf"), "\"\uFFFD\uFFFD\"");                        // overlong
  EXPECT_EQ(Text("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");              // surrogate
  EXPECT_EQ(Text("\xf4\x90\x80\x80z"), "\"\uFFFD\uFFFD\uFFFD\uFFFDz\"");  // above U+10FFFF
}

TEST(Json, RandomBytesGiveTextThatAStrictReaderTakes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    for (size_t n = random() % 12; n > 0; --n) bytes += static_cast<char>(random() >> 13);
    EXPECT_TRUE(nlohmann::json::accept(Text(bytes))) << absl::CHexEscape(bytes);
  }
}

TEST(Json, DoublesAreShortestAndReadBackBitForBit) {
  EXPECT_EQ(Number(12.5), "12.5");
  EXPECT_EQ(Number(3), "3");
  EXPECT_EQ(Number(0.1), "0.1");
  EXPECT_EQ(Number(1e22), "1e+22");
  EXPECT_EQ(Number(-0.0), "-0.0");
  EXPECT_EQ(Number(5e-324), "5e-324");
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i) {
    double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    double back = nlohmann::json::parse(Number(value)).get<double>();
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value)) << Number(value);
  }
}

TEST(Json, DoublesWithoutANumberInJson) {
  EXPECT_EQ(Number(std::numeric_limits<double>::infinity()), "\"Infinity\"");
  EXPECT_EQ(Number(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
  EXPECT_EQ(Number(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(Json, IntsAreDecimalOfAnySize) {
  auto number = [](int64_t value) {
    std::string out;
    AppendJsonInt(value, &out);
    return out;
  };
  using Limits = std::numeric_limits<int64_t>;
  for (int64_t value : {int64_t{0}, Limits::min(), Limits::min() + 1, Limits::max()})
    EXPECT_EQ(number(value), std::to_string(value));
  for (int64_t power = 1; power <= Limits::max() / 10; power *= 10) {
    for (int64_t value : {power - 1, power, power + 1, power * 9, -power, 1 - power})
      EXPECT_EQ(number(value), std::to_string(value));
  }
  std::mt19937_64 random(5);
  for (int i = 0; i < 200'000; ++i) {
    auto value = static_cast<int64_t>(random()) >> random() % 64;
    ASSERT_EQ(number(value), std::to_string(value));
  }
}

// A byte that is escaped, not ASCII or neither, at every place of a long text.
TEST(Json, LongTextsAreEscapedWhereverTheyMustBe) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t size : {8, 15, 16, 17}) {
      for (size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(byte);
        std::string one = Text(text.substr(at, 1));
        ASSERT_EQ(Text(text), "\"" + std::string(at, 'a') + one.substr(1, one.size() - 2) +
                                  std::string(size - at - 1, 'a') + "\"");
      }
    }
  }
}

TEST(Json, BytesAreBase64AsAbseilHasIt) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 1'000; ++i) {
    std::string bytes;
    for (size_t n = random() % 20; n > 0; --n) bytes += static_cast<char>(random() >> 13);
    std::string out;
    AppendJsonBytes(bytes, &out);
    EXPECT_EQ(out, "\"" + absl::Base64Escape(bytes) + "\"");
  }
}

TEST(Json, TimesAreThoseOfFormatTime) {
  auto time = [](int64_t micros) {
    std::string out;
    AppendJsonTime(micros, &out);
    return out;
  };
  using Limits = std::numeric_limits<int64_t>;
  for (int64_t t : {kMinTime, kMinTime - 1, kMaxTime, kMaxTime + 1, int64_t{0}, int64_t{-1},
                    Limits::min(), Limits::max()}) {
    EXPECT_EQ(time(t), "\"" + FormatTime(t) + "\"");
  }
  std::mt19937_64 random(4);
  std::uniform_int_distribution<int64_t> any(kMinTime, kMaxTime);
  for (int i = 0; i < 50'000; ++i) {
    int64_t t = any(random);
    ASSERT_EQ(time(t), "\"" + FormatTime(t) + "\"");
  }
  for (int64_t day = kMinTime; day < kMinTime + kMicrosPerSecond * 86'400 * 150'000;
       day += 86'400 * kMicrosPerSecond) {
    ASSERT_EQ(time(day), "\"" + FormatTime(day) + "\"");
  }
}

TEST(Json, ValuesFollowTheirType) {
  auto value = [](const Value& v, DataType type) {
    std::string out;
    AppendJsonValue(v, type, &out);
    return out;
  };
  EXPECT_EQ(value({}, DataType::kInt64), "null");
  EXPECT_EQ(value(true, DataType::kBool), "true");
  EXPECT_EQ(value(false, DataType::kBool), "false");
  EXPECT_EQ(value(std::numeric_limits<int64_t>::min(), DataType::kInt64), "-9223372036854775808");
  EXPECT_EQ(value(1.5, DataType::kDouble), "1.5");
  EXPECT_EQ(value("a", DataType::kString), "\"a\"");
  EXPECT_EQ(value(std::string("a"), DataType::kBytes), "\"YQ==\"");
  EXPECT_EQ(value(int64_t{1}, DataType::kTimestamp), "\"1970-01-01T00:00:00.000001Z\"");
}

TEST(Json, ListsAreArraysOfTheirElements) {
  auto list = [](const ValueList& v, DataType element) {
    std::string out = "[";
    AppendJsonValue(v, ListOf(element), &out);
    return out.substr(1);
  };
  EXPECT_EQ(list({true, false}, DataType::kBool), "[true,false]");
  EXPECT_EQ(list({int64_t{-1}}, DataType::kInt64), "[-1]");
  EXPECT_EQ(list({1.5, std::numeric_limits<double>::infinity()}, DataType::kDouble),
            "[1.5,\"Infinity\"]");
  EXPECT_EQ(list({std::string("["), std::string()}, DataType::kString), "[\"[\",\"\"]");
  EXPECT_EQ(list({std::string("a")}, DataType::kBytes), "[\"YQ==\"]");
  EXPECT_EQ(list({int64_t{1}}, DataType::kTimestamp), "[\"1970-01-01T00:00:00.000001Z\"]");
  std::string out;
  AppendJsonValue({}, ListOf(DataType::kInt64), &out);
  EXPECT_EQ(out, "null");
}

}  // namespace
}  // namespace forebay
