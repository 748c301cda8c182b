#include "online/http/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "fmt/format.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricDefinitions, StandInTheOrderOfTheirNumbersUnderNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < MetricDefinitions().size(); ++i) {
    const MetricDefinition& metric = MetricDefinitions()[i];
    EXPECT_EQ(static_cast<size_t>(metric.metric), i) << metric.name;
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_EQ(metric.kind == MetricKind::kCounter, metric.name.ends_with("_total")) << metric.name;
    EXPECT_TRUE(metric.sentence.ends_with(".")) << metric.name;
  }
  EXPECT_EQ(MetricDefinitions().size(), static_cast<size_t>(Metric::kRefusedConnections) + 1);
}

TEST(MetricsTable, IsTheOneInTheDocumentation) {
  std::ifstream page(FOREBAY_ROOT "/docs/serving.md");
  std::stringstream text;
  text << page.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(MetricsTable()))
      << "docs/serving.md lacks this table; paste it";
}

TEST(MetricsRegistry, WritesSamplesUnderTheirDefinitionWithEscapedLabels) {
  MetricsRegistry metrics;
  metrics.AddCollector([](MetricsWriter& writer) {
    writer.Write(Metric::kPosition, {"a", "0"}, 12'345'678'901);
    writer.Write(Metric::kCommitSeconds, {}, 0.25);
  });
  metrics.AddCollector([](MetricsWriter& writer) {
    writer.Write(Metric::kPosition, {"a\"\\\n", "1"}, -1);
  });
  EXPECT_THAT(metrics.Text(),
              HasSubstr("# HELP forebay_position Offset of the last record applied.\n"
                        "# TYPE forebay_position gauge\n"
                        "forebay_position{topic=\"a\",partition=\"0\"} 12345678901\n"
                        "forebay_position{topic=\"a\\\"\\\\\\n\",partition=\"1\"} -1\n"
                        "# HELP forebay_commit_seconds_total Time that they took.\n"
                        "# TYPE forebay_commit_seconds_total counter\n"
                        "forebay_commit_seconds_total 0.25\n"));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("forebay_lag_records")));
}

TEST(MetricsRegistry, CountsEveryRequestOfEveryThread) {
  constexpr int kThreads = 12, kRequests = 1000;
  MetricsRegistry metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kRequests; ++j) {
        metrics.ObserveRequest(Door::kGrpc, Method::kGet, absl::StatusCode::kOk,
                               absl::Microseconds(j % 2 == 0 ? 15 : 3'000'000'000));
        if (j == kRequests / 2) metrics.Text();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string text = metrics.Text();
  EXPECT_THAT(
      text, HasSubstr("forebay_requests_total{door=\"grpc\",method=\"get\",code=\"OK\"} 12000\n"));
  std::string_view labels = "door=\"grpc\",method=\"get\"";
  for (auto [bound, count] :
       {std::pair("1e-05", 0), {"2e-05", 6000}, {"10", 6000}, {"+Inf", 12000}}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("forebay_lookup_seconds_bucket{{{},le=\"{}\"}} {}\n",
                                            labels, bound, count)));
  }
  EXPECT_THAT(text, HasSubstr(fmt::format("forebay_lookup_seconds_count{{{}}} 12000\n", labels)));
  EXPECT_THAT(text,
              HasSubstr(fmt::format("forebay_lookup_seconds_sum{{{}}} 18000000.09\n", labels)));
}

}  // namespace
}  // namespace forebay
