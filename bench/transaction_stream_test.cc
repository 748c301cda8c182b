#include "bench/transaction_stream.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace forebay {
namespace {

constexpr int64_t kNewYear = 1'767'225'600'000;

// FNV-1a over bytes.
struct Hash {
  uint64_t value = 0xCBF29CE484222325u;
  void Add(const std::string& bytes) {
    for (unsigned char byte : bytes) value = (value ^ byte) * 0x100000001B3u;
  }
};

// Figures of other engines were taken with these events: they must not change unseen.
TEST(TransactionStream, TheFirstEventsAreThoseOfOtherEnginesMeasurements) {
  TransactionStream stream({});
  Transaction transaction;
  std::string line;
  Hash keys, values;
  for (int i = 0; i < 10'000; ++i) {
    stream.Next(&transaction);
    keys.Add(transaction.user_id);
    line.clear();
    AppendJson(transaction, &line);
    line += '\n';
    values.Add(line);
  }
  EXPECT_EQ(keys.value, 6757102750769738424u);
  EXPECT_EQ(values.value, 311342007846435608u);
}

TEST(TransactionStream, TransactionsAreSpreadOverThreeDays) {
  TransactionStream stream({.in_three_days = 3, .late_percent = 0});
  Transaction transaction;
  for (int day = 0; day < 5; ++day) {
    stream.Next(&transaction);
    EXPECT_EQ(transaction.event_time, kNewYear + day * int64_t{86'400'000});
  }
}

TEST(TransactionStream, TheGivenShareIsLateByTwoMinutesAtMost) {
  TransactionStream stream({.in_three_days = 1'000'000'000, .late_percent = 50});
  Transaction transaction;
  int late = 0;
  for (int i = 0; i < 2'000; ++i) {
    stream.Next(&transaction);
    int64_t turn = kNewYear + i * int64_t{3 * 86'400} / 1'000'000;
    EXPECT_LE(transaction.event_time, turn);
    EXPECT_GE(transaction.event_time, turn - 120'000);
    late += transaction.event_time < turn;
  }
  EXPECT_NEAR(late, 1'000, 100);
}

TEST(TransactionStream, WithoutSkewUsersShareEvenly) {
  TransactionStream stream({.users = 10, .zipf = 0});
  Transaction transaction;
  std::multiset<std::string> users;
  for (int i = 0; i < 10'000; ++i) {
    stream.Next(&transaction);
    users.insert(transaction.user_id);
  }
  for (int user = 0; user < 10; ++user) {
    EXPECT_NEAR(users.count("u000000" + std::to_string(user)), 1'000, 150);
  }
}

TEST(TransactionStream, KeysAreAsLongAsAsked) {
  TransactionStream stream({.users = 3, .key_length = 80});
  Transaction transaction;
  stream.Next(&transaction);
  EXPECT_EQ(transaction.user_id.size(), 80);
  EXPECT_EQ(transaction.user_id.front(), 'u');
}

}  // namespace
}  // namespace forebay
