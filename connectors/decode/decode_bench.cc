// JSON records to columns, of the kind that card transactions are: 12 fields, about 238 bytes.
// items_per_second is records per second of one thread.
#include <arrow/api.h>
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "connectors/decode/json_decoder.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

v1::Source Transactions() {
  v1::Source source;
  auto add = [&](const char* name, v1::DataType type) {
    v1::Field* field = source.add_schema();
    field->set_name(name);
    field->set_type(type);
    return field;
  };
  for (const char* name : {"transaction_id", "user_id", "merchant_id"}) add(name, v1::STRING);
  add("amount", v1::DOUBLE);
  for (const char* name : {"currency", "country", "channel"}) add(name, v1::STRING);
  add("mcc", v1::INT64);
  add("device_id", v1::STRING);
  add("latitude", v1::DOUBLE);
  add("longitude", v1::DOUBLE);
  add("event_time", v1::TIMESTAMP)->set_time_encoding(v1::MILLISECONDS);
  source.set_event_time("event_time");
  source.set_known_time(v1::Source::KAFKA);
  source.set_max_future_us(300 * kMicrosPerSecond);
  return source;
}

std::vector<std::string> RandomTransactions(int count) {
  std::mt19937 random(1);
  auto below = [&](uint32_t bound) { return random() % bound; };
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(fmt::format(
        R"({{"transaction_id":"t{:08}","user_id":"u{:07}","merchant_id":"m{:05}","amount":{:.2f},)"
        R"("currency":"USD","country":"US","channel":"pos","mcc":{},"device_id":"d{:06x}",)"
        R"("latitude":{:.4f},"longitude":{:.4f},"event_time":{}}})",
        i, below(1'000'000), below(60'000), 0.5 + below(200'000) / 100.0, 5000 + below(1000),
        below(1 << 24), below(1'800'000) / 10000.0 - 90, below(3'600'000) / 10000.0 - 180,
        1'767'225'600'000 + i * 52));
  }
  return values;
}

void DecodeColumns(benchmark::State& state, const std::vector<std::string>& columns) {
  std::vector<std::string> values = RandomTransactions(4096);
  std::vector<RawRecord> records;
  for (const std::string& value : values) {
    records.push_back(
        {Offset(static_cast<int64_t>(records.size())), kMaxTime, std::nullopt, value, nullptr});
  }
  JsonDecoder decoder(Transactions(), columns);
  size_t bytes = 0;
  for (auto _ : state) {
    absl::StatusOr<EventBatch> batch = decoder.Decode(records);
    if (!batch.ok() || batch->size() != records.size()) state.SkipWithError("a record was refused");
    benchmark::DoNotOptimize(batch);
  }
  for (const std::string& value : values) bytes += value.size();
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * values.size()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

BENCHMARK_CAPTURE(DecodeColumns, none, {});
BENCHMARK_CAPTURE(DecodeColumns, four, {"user_id", "amount", "country", "event_time"});
BENCHMARK_CAPTURE(DecodeColumns, all,
                  {"transaction_id", "user_id", "merchant_id", "amount", "currency", "country",
                   "channel", "mcc", "device_id", "latitude", "longitude", "event_time"});

}  // namespace
}  // namespace forebay
