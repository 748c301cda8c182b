// A server of both doors over a fixed table in memory: what the tests of this folder and
// bench/lookup_load talk to. Prints one line of JSON with its ports, then serves until its standard
// input ends.
//
//   serving_test_server [http_port [grpc_port]]
//
// User "u1" to "u9999", merchants 1 to 9999 exist. While the file named by FOREBAY_TEST_NOT_READY
// exists, the server is not ready.
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "engine/state/key.h"
#include "engine/worker/lookup.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "online/grpc/grpc_server.h"
#include "online/http/http_server.h"
#include "online/http/metrics.h"
#include "online/serving/feature_reader.h"
#include "online/serving/file_limit.h"

namespace forebay {
namespace {

constexpr char kProject[] = R"(
  name: "shop"
  entities { name: "user" keys { name: "user_id" type: STRING } }
  entities { name: "merchant" keys { name: "merchant_id" type: INT64 } }
  entities { name: "day" keys { name: "day" type: TIMESTAMP } keys { name: "holiday" type: BOOL } }
  feature_views {
    name: "user_spend" version: 1 entity: "user"
    features { name: "count_1h" type: INT64 }
    features { name: "spend_1h" type: DOUBLE }
    features { name: "last_country" type: STRING }
    features { name: "last_seen" type: TIMESTAMP }
    features { name: "is_new" type: BOOL }
    features { name: "nothing" type: DOUBLE }
  }
  feature_views {
    name: "merchant_sales" version: 1 entity: "merchant" max_age_us: 3600000000
    features { name: "sales_24h" type: DOUBLE }
    features { name: "signature" type: BYTES }
  }
  feature_views {
    name: "day_totals" version: 1 entity: "day" features { name: "total" type: INT64 }
  }
  feature_views {
    name: "broken" version: 1 entity: "user" features { name: "x" type: INT64 }
  }
  feature_views {
    name: "recent" version: 1 entity: "user"
    features { name: "flags" type: BOOL_LIST }
    features { name: "counts" type: INT64_LIST }
    features { name: "amounts" type: DOUBLE_LIST }
    features { name: "countries" type: STRING_LIST }
    features { name: "payloads" type: BYTES_LIST }
    features { name: "times" type: TIMESTAMP_LIST }
  }
  feature_services {
    name: "fraud"
    features { view: "user_spend" version: 1 feature: "spend_1h" name: "user_spend.spend_1h" }
    features { view: "user_spend" version: 1 feature: "last_country" name: "user_spend.last_country" }
    features { view: "merchant_sales" version: 1 feature: "sales_24h" name: "merchant_sales.sales_24h" }
  }
)";
constexpr int kUserSpend = 0, kMerchantSales = 1, kDayTotals = 2, kRecent = 4;
constexpr int64_t kEventTime = 1'357'016'400'000'000;  // 2013-01-01T05:00:00Z

using Table = std::map<std::pair<int, std::string>, ViewRow, std::less<>>;

ViewRow Row(std::vector<Value> values) {
  return {.found = true,
          .values = std::move(values),
          .effective_time = EffectiveTime(kEventTime + 1'500'000),
          .event_time = EventTime(kEventTime)};
}

Table FixedTable(const v1::Project& project) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Table table;
  for (int64_t i = 1; i < 10'000; ++i) {
    auto user = EncodeKey(project.entities(0), {Value(fmt::format("u{}", i))});
    auto merchant = EncodeKey(project.entities(1), {Value(i)});
    table[{kUserSpend, user}] =
        Row({i, 0.1 * static_cast<double>(i), Value(i == 2 ? "\"Å\"\n" : "DE"), kEventTime - i,
             i % 2 == 0, Value()});
    table[{kMerchantSales, merchant}] =
        Row({i == 13 ? -kInfinity : 1e22, Value(std::string("\0\xff", 2))});
  }
  auto day = EncodeKey(project.entities(2), {Value(kEventTime), Value(true)});
  table[{kDayTotals, day}] = Row({std::numeric_limits<int64_t>::max()});
  auto user = EncodeKey(project.entities(0), {Value("u1")});
  table[{kRecent, user}] =
      Row({ValueList{true, false}, ValueList{int64_t{-1}, std::numeric_limits<int64_t>::max()},
           ValueList{0.1, kInfinity}, ValueList{std::string("DE"), std::string()},
           ValueList{std::string("\0\xff", 2)}, ValueList{kEventTime, int64_t{0}}});
  return table;
}

LookupFunction LookupIn(const Table& table, const v1::Project& project) {
  return [&](int view, std::string_view key,
             std::optional<KnownTime> at) -> absl::StatusOr<ViewRow> {
    const v1::FeatureView& definition = project.feature_views(view);
    if (definition.name() == "broken") {
      return absl::UnavailableError("partition 3 of topic transactions is not running here yet");
    }
    ViewRow row;
    if (auto found = table.find(std::pair(view, std::string(key))); found != table.end()) {
      row = found->second;
    } else {
      row.values.resize(static_cast<size_t>(definition.features_size()));
      if (definition.features(0).type() == v1::INT64) row.values[0] = int64_t{0};
    }
    row.at = at.value_or(KnownTime(kEventTime + 2'000'000));
    return row;
  };
}

absl::Status Ready() {
  const char* file = std::getenv("FOREBAY_TEST_NOT_READY");
  if (file == nullptr || !std::filesystem::exists(file)) return absl::OkStatus();
  return absl::UnavailableError("2 of 8 partitions are being restored");
}

int Fail(const absl::Status& status) {
  std::cerr << status.ToString() << std::endl;
  return 1;
}

int Main(int argc, char** argv) {
  v1::Project project;
  if (!google::protobuf::TextFormat::ParseFromString(kProject, &project)) return 2;
  const Table table = FixedTable(project);
  FeatureReader reader(project, LookupIn(table, project));
  MetricsRegistry metrics;
  metrics.AddCollector([](MetricsWriter& writer) {
    writer.Write(Metric::kConsumedRecords, {"transactions", "0"}, 12'000'000);
    writer.Write(Metric::kConsumedRecords, {"odd \"topic\"\\\n", "1"}, 1.5);
  });

  HttpServerOptions http_options;
  http_options.idle_timeout = absl::Seconds(5);
  http_options.request_timeout = absl::Seconds(5);
  const ConnectionLimits limits = ConnectionLimitsFor(RaiseFileLimit());
  http_options.max_connections = std::min<size_t>(limits.connections, 200);
  http_options.most_files = limits.files;
  if (argc > 1) http_options.port = static_cast<uint16_t>(std::stoi(argv[1]));
  auto http = HttpServer::Start(http_options, &reader, &metrics, Ready);
  if (!http.ok()) return Fail(http.status());

  GrpcServerOptions grpc_options;
  grpc_options.max_connections = limits.connections;
  grpc_options.most_files = limits.files;
  if (argc > 2) grpc_options.port = static_cast<uint16_t>(std::stoi(argv[2]));
  auto grpc = GrpcServer::Start(grpc_options, &reader, &metrics, Ready);
  if (!grpc.ok()) return Fail(grpc.status());

  fmt::print("{{\"http_port\": {}, \"grpc_port\": {}}}\n", (*http)->port(), (*grpc)->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  (*http)->Stop(absl::Seconds(10));
  (*grpc)->Stop(absl::Seconds(10));
  return 0;
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) { return forebay::Main(argc, argv); }
