#include "engine/aggregate/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/aggregate/summary.h"

namespace forebay {
namespace {

struct Partial {
  explicit Partial(const AggregateFunctions& functions, Word parameter = 0)
      : functions(functions),
        parameter(parameter),
        words(functions.words),
        blobs(functions.blobs) {}
  void Update(const Vector& column, int64_t row, int64_t event_time = 0, int64_t offset = 0) {
    functions.update(words.data(), blobs.data(), {&column, row, event_time, offset, parameter});
  }
  void Merge(const Partial& other) {
    Word other_blobs = reinterpret_cast<Word>(other.blobs.data());
    functions.merge(words.data(), blobs.data(),
                    {other.words.data(), 0, 1, &other_blobs, 0, parameter});
  }
  Scalar Finalize() const { return functions.finalize(words.data(), blobs.data()); }

  const AggregateFunctions& functions;
  const Word parameter;
  std::vector<Word> words;
  std::vector<std::string> blobs;
};

Vector Doubles(const std::vector<double>& values) {
  Vector vector{DataType::kDouble, static_cast<int64_t>(values.size())};
  vector.doubles = values.data();
  return vector;
}

Vector Int64s(const std::vector<int64_t>& values) {
  Vector vector{DataType::kInt64, static_cast<int64_t>(values.size())};
  vector.ints = values.data();
  return vector;
}

Vector Strings(const std::vector<std::string_view>& values) {
  Vector vector{DataType::kString, static_cast<int64_t>(values.size())};
  vector.strings = values.data();
  return vector;
}

Partial Of(std::string_view function, const Vector& column) {
  Partial partial(*FindAggregate(function, column.type));
  for (int64_t row = 0; row < column.length; ++row) partial.Update(column, row, row, row);
  return partial;
}

TEST(Aggregate, UnknownFunctionsAndTypesAreNotFound) {
  EXPECT_EQ(FindAggregate("median", DataType::kDouble), nullptr);
  EXPECT_EQ(FindAggregate("sum", DataType::kString), nullptr);
  EXPECT_EQ(FindAggregate("sum", std::nullopt), nullptr);
  EXPECT_EQ(FindAggregate("last", ListOf(DataType::kInt64)), nullptr);
  EXPECT_NE(FindAggregate("count", std::nullopt), nullptr);
}

TEST(Aggregate, NothingAggregatedIsNullButCountsAreZero) {
  for (const char* function :
       {"sum", "mean", "min", "max", "variance", "stddev_pop", "skewness", "first", "last"}) {
    EXPECT_TRUE(Partial(*FindAggregate(function, DataType::kDouble)).Finalize().null) << function;
  }
  EXPECT_EQ(Partial(*FindAggregate("count", std::nullopt)).Finalize().int64_value, 0);
  EXPECT_EQ(
      Partial(*FindAggregate("approx_count_distinct", DataType::kString)).Finalize().int64_value,
      0);
}

TEST(Aggregate, IntegerSumSaturatesWhenReadAndRecovers) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  Vector column = Int64s({});
  std::vector<int64_t> values = {max, max, max};
  column = Int64s(values);
  Partial sum = Of("sum", column);
  EXPECT_EQ(sum.Finalize().int64_value, max);
  EXPECT_EQ(Of("mean", column).Finalize().double_value, static_cast<double>(max));
  std::vector<int64_t> negatives = {-max, -max, -max, -5};
  sum.Merge(Of("sum", Int64s(negatives)));
  EXPECT_EQ(sum.Finalize().int64_value, -5);
}

TEST(Aggregate, InfinityMinusInfinityIsNull) {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> values = {infinity, -infinity};
  EXPECT_TRUE(Of("sum", Doubles(values)).Finalize().null);
  EXPECT_EQ(Of("max", Doubles(values)).Finalize().double_value, infinity);
}

TEST(Aggregate, ExtremesOfStringsCompareBytes) {
  std::vector<std::string_view> values = {"b", "", "\xc3\xa9", "a"};
  EXPECT_EQ(Of("min", Strings(values)).Finalize().string_value(), "");
  EXPECT_EQ(Of("max", Strings(values)).Finalize().string_value(), "\xc3\xa9");
}

TEST(Aggregate, FirstAndLastGoByEventTimeThenOffsetNotByArrival) {
  std::vector<std::string_view> values = {"x", "y", "z", "w"};
  Vector column = Strings(values);
  Partial first(*FindAggregate("first", DataType::kString)),
      last(*FindAggregate("last", DataType::kString));
  const int64_t event_times[] = {20, 10, 20, 10};
  for (int row = 0; row < 4; ++row) {
    first.Update(column, row, event_times[row], row);
    last.Update(column, row, event_times[row], row);
  }
  EXPECT_EQ(first.Finalize().string_value(), "y");
  EXPECT_EQ(last.Finalize().string_value(), "z");
}

TEST(Aggregate, NewestIsTheValueOfTheLastRowNullOrNot) {
  std::vector<std::string_view> values = {"x", "", "z"};
  const uint8_t valid[] = {1, 0, 1};
  Vector column = Strings(values);
  column.valid = valid;
  const AggregateFunctions& functions = *FindAggregate("newest", DataType::kString);
  EXPECT_TRUE(functions.takes_nulls);
  Partial newest(functions), earlier(functions), none(functions);
  newest.Update(column, 0, /*event_time=*/20);
  EXPECT_EQ(newest.Finalize().string_value(), "x");
  newest.Update(column, 1, /*event_time=*/30);
  EXPECT_TRUE(newest.Finalize().null);
  newest.Update(column, 2, /*event_time=*/10);
  EXPECT_TRUE(newest.Finalize().null);
  earlier.Update(column, 2, /*event_time=*/25);
  newest.Merge(earlier);
  newest.Merge(none);
  EXPECT_TRUE(newest.Finalize().null);
  earlier.Merge(newest);
  EXPECT_TRUE(earlier.Finalize().null);
  EXPECT_EQ(earlier.blobs[0], "") << "what is no longer the value is not kept";

  std::vector<double> numbers = {1, std::nan("")};
  EXPECT_TRUE(Of("newest", Doubles(numbers)).Finalize().null) << "NaN is null";
}

TEST(Aggregate, VarianceSurvivesALargeMean) {
  std::vector<double> values = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
  EXPECT_DOUBLE_EQ(Of("variance", Doubles(values)).Finalize().double_value, 30);
  EXPECT_DOUBLE_EQ(Of("variance_pop", Doubles(values)).Finalize().double_value, 22.5);
  std::vector<double> one = {5};
  EXPECT_TRUE(Of("stddev", Doubles(one)).Finalize().null);
  EXPECT_EQ(Of("stddev_pop", Doubles(one)).Finalize().double_value, 0);
}

// By hand: mean 3, M2 = 16, M3 = 18; sqrt(5 * 4) / 3 * (18 / 5) / (16 / 5)^1.5, which DuckDB says
// too.
TEST(Aggregate, SkewnessOfASample) {
  std::vector<double> values = {1, 2, 2, 4, 6};
  EXPECT_NEAR(Of("skewness", Doubles(values)).Finalize().double_value, 0.9375, 1e-12);
  for (double& value : values) value += 1e9;
  EXPECT_NEAR(Of("skewness", Doubles(values)).Finalize().double_value, 0.9375, 1e-6);
  std::vector<double> two = {1, 2}, equal = {3, 3, 3};
  EXPECT_TRUE(Of("skewness", Doubles(two)).Finalize().null);
  EXPECT_TRUE(Of("skewness", Doubles(equal)).Finalize().null);
}

// Any split of the values into tiles gives what one tile gives (up to rounding for sums).
TEST(Aggregate, MergedTilesAgreeWithOneTile) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values(1 + random() % 50);
    for (double& value : values) value = static_cast<double>(random() % 2001) / 8 - 100;
    Vector all = Doubles(values);
    for (const char* function : {"count", "sum", "mean", "min", "max", "variance", "stddev",
                                 "skewness", "first", "last", "approx_count_distinct"}) {
      const AggregateFunctions& functions = *FindAggregate(function, DataType::kDouble);
      Partial merged(functions), tile(functions);
      for (int64_t row = 0; row < all.length; ++row) {
        tile.Update(all, row, row, row);
        if (random() % 4 == 0 || row + 1 == all.length) {
          merged.Merge(tile);
          tile.words.assign(functions.words, 0);
          tile.blobs.assign(functions.blobs, "");
        }
      }
      Scalar expected = Of(function, all).Finalize(), actual = merged.Finalize();
      ASSERT_EQ(actual.null, expected.null) << function;
      if (actual.null) continue;
      std::string_view name = function;
      if (name == "count" || name == "approx_count_distinct") {
        ASSERT_EQ(actual.int64_value, expected.int64_value) << function;
      } else {
        ASSERT_NEAR(actual.double_value, expected.double_value,
                    1e-9 * (1 + std::abs(expected.double_value)))
            << function;
      }
    }
  }
}

// Whatever else a summary keeps, a value read from it is that of a summary for this value alone.
TEST(Summary, PartsDoNotDisturbEachOther) {
  std::mt19937_64 random(11);
  std::vector<double> doubles(40);
  std::vector<int64_t> ints(40);
  for (double& value : doubles) value = static_cast<double>(random() % 2001) / 8 - 100;
  for (int64_t& value : ints) value = static_cast<int64_t>(random());
  for (const Vector& column : {Doubles(doubles), Int64s(ints)}) {
    for (SummaryParts parts = 0; parts < 8; ++parts) {
      for (SummaryValue value : {SummaryValue::kCount, SummaryValue::kSum, SummaryValue::kMean,
                                 SummaryValue::kMin, SummaryValue::kMax}) {
        if ((PartsOf(value) & ~parts) != 0) continue;
        AggregateFunctions alone = SummaryFunctions(column.type, PartsOf(value), value);
        AggregateFunctions together = SummaryFunctions(column.type, parts, value);
        Partial expected(alone), actual(together), tile(together);
        for (int64_t row = 0; row < column.length; ++row) {
          expected.Update(column, row);
          (row < 20 ? actual : tile).Update(column, row);
        }
        actual.Merge(tile);
        Scalar a = actual.Finalize(), b = expected.Finalize();
        ASSERT_FALSE(a.null);
        if (column.type == DataType::kDouble && value != SummaryValue::kCount) {
          ASSERT_NEAR(a.double_value, b.double_value, 1e-9);
        } else {
          ASSERT_EQ(a.int64_value, b.int64_value);
        }
      }
    }
  }
}

// To the bit, empty tiles among them or not.
TEST(Aggregate, ReadIsMergeAndFinalize) {
  std::mt19937_64 random(13);
  std::vector<double> doubles(200);
  std::vector<int64_t> ints(200);
  for (double& value : doubles) value = static_cast<double>(random() % 5) - 2.1;
  doubles[3] = -0.0, doubles[50] = std::numeric_limits<double>::infinity();
  doubles[51] = -doubles[50];
  for (int64_t& value : ints) value = static_cast<int64_t>(random());
  std::vector<std::pair<AggregateFunctions, Vector>> cases = {
      {*FindAggregate("count", std::nullopt), Doubles(doubles)}};
  for (const Vector& column : {Doubles(doubles), Int64s(ints)}) {
    for (SummaryParts parts = 0; parts < 8; ++parts) {
      for (SummaryValue value : {SummaryValue::kCount, SummaryValue::kSum, SummaryValue::kMean,
                                 SummaryValue::kMin, SummaryValue::kMax}) {
        if ((PartsOf(value) & ~parts) != 0) continue;
        cases.emplace_back(SummaryFunctions(column.type, parts, value), column);
      }
    }
  }
  for (const auto& [functions, column] : cases) {
    for (int round = 0; round < 50; ++round) {
      const size_t tiles = 1 + random() % 4, stride = functions.words + random() % 3;
      std::vector<Word> words(tiles * stride);
      for (size_t events = random() % 8; events > 0; --events)
        functions.update(&words[random() % tiles * stride], nullptr,
                         {&column, static_cast<int64_t>(random() % 200), 0, 0});
      PartialRun run{words.data(), stride, tiles, nullptr};
      Partial merged(functions);
      functions.merge(merged.words.data(), nullptr, run);
      Scalar expected = merged.Finalize(), features[2];
      PartialReadings readings;
      readings[functions.summary] = 1;
      functions.read(run, readings, features);
      ASSERT_EQ(features[1].null, expected.null);
      if (!expected.null) {
        ASSERT_EQ(features[1].int64_value, expected.int64_value);
      }
      ASSERT_TRUE(features[0].null);
    }
  }
}

Vector Bools(const std::vector<uint8_t>& values) {
  Vector vector{DataType::kBool, static_cast<int64_t>(values.size())};
  vector.bools = values.data();
  return vector;
}

Partial LastN(DataType type, Word n) { return Partial(*FindAggregate("last_n", type), n); }

Value ListIn(const Partial& partial, DataType element) {
  return ToValue(partial.Finalize(), ListOf(element));
}

TEST(LastN, KeepsTheNewestInTheOrderOfTimeThenOffset) {
  std::vector<std::string_view> values = {"a", "bb", "", "dddd", "e", "f"};
  const int64_t event_times[] = {20, 10, 20, 30, 20, 5};
  Vector column = Strings(values);
  Partial last = LastN(DataType::kString, 4);
  EXPECT_TRUE(last.Finalize().null);
  const ValueList expected[] = {{"a"},
                                {"bb", "a"},
                                {"bb", "a", ""},
                                {"bb", "a", "", "dddd"},
                                {"a", "", "e", "dddd"},   // late, into the middle
                                {"a", "", "e", "dddd"}};  // older than all
  for (int row = 0; row < 6; ++row) {
    last.Update(column, row, event_times[row], row);
    EXPECT_EQ(ListIn(last, DataType::kString), Value(expected[row])) << row;
  }
}

TEST(LastN, HoldsEveryType) {
  std::vector<uint8_t> bools = {1, 0, 1};
  std::vector<int64_t> ints = {-1, 1, 2};
  std::vector<double> doubles = {0.5, -0.0, 1e300};
  std::vector<std::string_view> strings = {"x", "", "z"};
  Vector times = Int64s(ints), bytes = Strings(strings);
  times.type = DataType::kTimestamp;
  bytes.type = DataType::kBytes;
  const std::pair<Vector, ValueList> cases[] = {
      {Bools(bools), {false, true}},     {Int64s(ints), {int64_t{1}, int64_t{2}}},
      {Doubles(doubles), {-0.0, 1e300}}, {Strings(strings), {"", "z"}},
      {times, {int64_t{1}, int64_t{2}}}, {bytes, {"", "z"}}};
  for (const auto& [column, expected] : cases) {
    Partial last = LastN(column.type, 2);
    for (int row = 0; row < 3; ++row) last.Update(column, row, row, row);
    EXPECT_EQ(ListIn(last, column.type), Value(expected)) << DataTypeName(column.type);
  }
}

// Tiles of any size, some without a value, merged one by one or all at once.
TEST(LastN, MergedTilesAreTheNewestOfAll) {
  std::mt19937_64 random(5);
  std::vector<std::string> texts(60);
  for (std::string& text : texts)
    text.assign(random() % 20, static_cast<char>('a' + random() % 26));
  std::vector<std::string_view> values(texts.begin(), texts.end());
  Vector column = Strings(values);
  const AggregateFunctions& functions = *FindAggregate("last_n", DataType::kString);
  for (int round = 0; round < 300; ++round) {
    const Word n = 1 + random() % 20;
    int64_t rows = static_cast<int64_t>(random() % 61);
    Partial one_by_one(functions, n);
    std::vector<Partial> tiles(1, Partial(functions, n));
    for (int64_t row = 0; row < rows; ++row) {
      while (random() % 3 == 0) tiles.emplace_back(functions, n);
      tiles.back().Update(column, row, row, row);
    }
    std::vector<Word> addresses;
    for (Partial& tile : tiles) {
      one_by_one.Merge(tile);
      addresses.push_back(reinterpret_cast<Word>(tile.blobs.data()));
    }
    Partial at_once(functions, n);
    functions.merge(nullptr, at_once.blobs.data(),
                    {nullptr, 1, tiles.size(), addresses.data(), 0, n});
    ValueList expected;
    for (int64_t row = std::max<int64_t>(0, rows - static_cast<int64_t>(n)); row < rows; ++row)
      expected.push_back(texts[row]);
    Value wanted = rows == 0 ? Value() : Value(expected);
    ASSERT_EQ(ListIn(at_once, DataType::kString), wanted);
    ASSERT_EQ(ListIn(one_by_one, DataType::kString), wanted);
    ASSERT_EQ(at_once.blobs, one_by_one.blobs);
    ASSERT_TRUE(functions.is_intact(nullptr, at_once.blobs.data(), n));
  }
}

// As documented in last_n.h and docs/formats/state.md: what was written must stay readable.
TEST(LastN, HasTheDocumentedBytes) {
  std::vector<int64_t> values = {7, -1};
  Partial last = LastN(DataType::kInt64, 2);
  last.Update(Int64s(values), 0, 300, 5);
  last.Update(Int64s(values), 1, 200, 6);
  EXPECT_EQ(last.blobs[0], std::string("\1\xc8\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0"
                                       "\x2c\1\0\0\0\0\0\0\5\0\0\0\0\0\0\0",
                                       33));
  EXPECT_EQ(last.blobs[1], std::string("\xff\xff\xff\xff\xff\xff\xff\xff\7\0\0\0\0\0\0\0", 16));
}

TEST(LastN, FindsDamage) {
  const AggregateFunctions& functions = *FindAggregate("last_n", DataType::kString);
  std::vector<std::string_view> values = {"abc", "", "d"};
  Partial good(functions, 3);
  for (int row = 0; row < 3; ++row) good.Update(Strings(values), row, row, row);
  auto is_intact = [&](const std::string& places, const std::string& list, Word n = 3) {
    const std::string blobs[] = {places, list};
    return functions.is_intact(nullptr, blobs, n);
  };
  const std::string &places = good.blobs[0], &list = good.blobs[1];
  EXPECT_TRUE(is_intact(places, list));
  EXPECT_TRUE(is_intact("", ""));
  EXPECT_FALSE(is_intact("", list));
  EXPECT_FALSE(is_intact("\1", ""));
  EXPECT_FALSE(is_intact("\2" + places.substr(1), list));
  EXPECT_FALSE(is_intact(places, list, 2)) << "more than n";
  EXPECT_FALSE(is_intact(places.substr(0, 17) + places.substr(1), list)) << "not in order";
  for (size_t size = 0; size < places.size(); ++size)
    EXPECT_FALSE(is_intact(places.substr(0, size), list)) << size;
  for (size_t size = 0; size < list.size(); ++size)
    EXPECT_FALSE(is_intact(places, list.substr(0, size))) << size;
  EXPECT_FALSE(is_intact(places, list + "x"));
}

TEST(ApproxCountDistinct, IsExactWhenSmallAndWithinFivePercentWhenLarge) {
  for (int64_t distinct : {1, 10, 100, 1000, 1024, 1025, 5000, 100'000, 1'000'000}) {
    std::vector<int64_t> values(distinct);
    std::iota(values.begin(), values.end(), 0);
    int64_t estimate = Of("approx_count_distinct", Int64s(values)).Finalize().int64_value;
    if (distinct <= 1000) {
      EXPECT_EQ(estimate, distinct);
    } else {
      EXPECT_NEAR(static_cast<double>(estimate), static_cast<double>(distinct),
                  0.05 * static_cast<double>(distinct));
    }
  }
}

TEST(ApproxCountDistinct, SparseAndDenseMergeToTheSameRegisters) {
  std::vector<int64_t> many(3000), few(300);
  std::iota(many.begin(), many.end(), 0);
  std::iota(few.begin(), few.end(), 2900);
  Partial a = Of("approx_count_distinct", Int64s(many)),
          b = Of("approx_count_distinct", Int64s(few));
  Partial ab = a, ba = b;
  ab.Merge(b);
  ba.Merge(a);
  EXPECT_EQ(ab.blobs, ba.blobs);
}

}  // namespace
}  // namespace forebay
