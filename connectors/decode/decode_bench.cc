// Records to columns, of the kind that card transactions are: 12 fields, about 238 bytes of JSON or
// 96 of protobuf. items_per_second is records per second of one thread.
//
//   decode_bench --benchmark_filter=JsonFour
//   valgrind --tool=callgrind decode_bench --benchmark_filter=... --benchmark_min_time=0.001
#include <arrow/api.h>
#include <benchmark/benchmark.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "connectors/decode/event_decoder.h"
#include "connectors/decode/protobuf_testing.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int kRecords = 4096;

const std::vector<std::string> kFour = {"user_id", "amount", "country", "event_time"};
const std::vector<std::string> kTwelve = {
    "transaction_id", "user_id", "merchant_id", "amount",   "currency",  "country",
    "channel",        "mcc",     "device_id",   "latitude", "longitude", "event_time"};

constexpr const char* kProto = R"(
  syntax = "proto3";
  message Transaction {
    string transaction_id = 1;
    string user_id = 2;
    string merchant_id = 3;
    double amount = 4;
    string currency = 5;
    string country = 6;
    string channel = 7;
    int64 mcc = 8;
    string device_id = 9;
    double latitude = 10;
    double longitude = 11;
    int64 event_time = 12;
  }
)";

// A source that declares the fields of these names.
v1::Source Transactions(v1::Source::Format format, const std::vector<std::string>& names) {
  v1::Source source;
  auto add = [&](const std::string& name, v1::DataType type,
                 v1::TimeEncoding encoding = v1::TIME_ENCODING_UNSPECIFIED) {
    if (std::find(names.begin(), names.end(), name) == names.end()) return;
    v1::Field* field = source.add_schema();
    field->set_name(name);
    field->set_type(type);
    field->set_time_encoding(encoding);
  };
  for (const char* name : {"transaction_id", "user_id", "merchant_id"}) add(name, v1::STRING);
  add("amount", v1::DOUBLE);
  for (const char* name : {"currency", "country", "channel"}) add(name, v1::STRING);
  add("mcc", v1::INT64);
  add("device_id", v1::STRING);
  add("latitude", v1::DOUBLE);
  add("longitude", v1::DOUBLE);
  add("event_time", v1::TIMESTAMP, v1::MILLISECONDS);
  source.set_event_time("event_time");
  source.set_known_time(v1::Source::KAFKA);
  source.set_max_future_us(300 * kMicrosPerSecond);
  source.set_format(format);
  if (format == v1::Source::PROTOBUF) {
    source.set_descriptor_set(DescriptorSet(ParseProto(kProto)));
    source.set_message("Transaction");
  }
  return source;
}

std::vector<std::string> RandomTransactions() {
  std::mt19937 random(1);
  auto below = [&](uint32_t bound) { return random() % bound; };
  std::vector<std::string> values;
  for (int i = 0; i < kRecords; ++i) {
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

std::vector<std::string> RandomMessages() {
  DynamicMessages messages(DescriptorSet(ParseProto(kProto)));
  std::vector<std::string> values;
  for (const std::string& json : RandomTransactions()) {
    auto message = messages.New("Transaction");
    google::protobuf::util::JsonParseOptions options;
    if (!google::protobuf::util::JsonStringToMessage(json, message.get(), options).ok()) continue;
    values.push_back(message->SerializeAsString());
  }
  return values;
}

// `declared`: the schema; `columns`: what views use of it.
void Decode(benchmark::State& state, v1::Source::Format format,
            const std::vector<std::string>& declared, const std::vector<std::string>& columns) {
  std::vector<std::string> values =
      format == v1::Source::JSON ? RandomTransactions() : RandomMessages();
  std::vector<RawRecord> records;
  for (const std::string& value : values) {
    records.push_back(
        {Offset(static_cast<int64_t>(records.size())), kMaxTime, std::nullopt, value, nullptr});
  }
  EventDecoder decoder = EventDecoder::Make(Transactions(format, declared), columns).value();
  size_t bytes = 0;
  for (const std::string& value : values) bytes += value.size();
  for (auto _ : state) {
    absl::StatusOr<EventBatch> batch = decoder.Decode(records);
    if (!batch.ok() || batch->size() != kRecords) state.SkipWithError("a record was refused");
    benchmark::DoNotOptimize(batch);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRecords);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

BENCHMARK_CAPTURE(Decode, JsonFour, v1::Source::JSON, kFour, kFour);
BENCHMARK_CAPTURE(Decode, JsonFourOfTwelve, v1::Source::JSON, kTwelve, kFour);
BENCHMARK_CAPTURE(Decode, JsonTwelve, v1::Source::JSON, kTwelve, kTwelve);
BENCHMARK_CAPTURE(Decode, ProtobufFour, v1::Source::PROTOBUF, kFour, kFour);
BENCHMARK_CAPTURE(Decode, ProtobufFourOfTwelve, v1::Source::PROTOBUF, kTwelve, kFour);
BENCHMARK_CAPTURE(Decode, ProtobufTwelve, v1::Source::PROTOBUF, kTwelve, kTwelve);

}  // namespace
}  // namespace forebay
