// The stream of card transactions that everything here is measured with.
//
//   TransactionStream stream({.users = 100'000});
//   Transaction transaction;
//   for (uint64_t i = 0; i < 1'000'000; ++i) stream.Fill(i, &transaction);
//
// Transaction i is a function of the options and i alone, on every machine. Its value is a JSON
// object of 12 fields, 238 bytes on average; transactions are 51.84 ms apart (5,000,000 in three
// days), 2 % of them 1 ms to 2 min earlier than their turn.
#ifndef FOREBAY_BENCH_TRANSACTION_STREAM_H_
#define FOREBAY_BENCH_TRANSACTION_STREAM_H_

#include <cstdint>
#include <string>
#include <vector>

namespace forebay {

struct TransactionStreamOptions {
  uint32_t users = 1'000'000;
  double zipf = 1.05;  // the exponent of how users share the transactions; 0: evenly
  uint64_t seed = 42;
};

struct Transaction {
  std::string user_id;     // the key of the record
  int64_t event_time = 0;  // milliseconds since 1970
  std::string value;       // JSON
};

// Immutable once made: thread-safe.
class TransactionStream {
 public:
  static constexpr int64_t kStart = 1'767'225'600'000;  // 2026-01-01T00:00:00Z, in milliseconds
  static constexpr double kMillisecondsApart = 51.84;

  explicit TransactionStream(const TransactionStreamOptions& options);

  void Fill(uint64_t number, Transaction* transaction) const;

 private:
  uint32_t UserOf(double uniform) const;

  const uint64_t seed_;
  std::vector<double> share_up_to_;  // by rank: of the transactions, by users up to this rank
  std::vector<uint32_t> user_of_rank_;
};

}  // namespace forebay

#endif  // FOREBAY_BENCH_TRANSACTION_STREAM_H_
