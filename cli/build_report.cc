#include "cli/build_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "connectors/kafka/retry_log.h"
#include "forebay/v1/catalog.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Between two looks at what is new.
constexpr absl::Duration kInterval = absl::Seconds(1);

std::string ReportsFolder(const std::string& project) {
  return CatalogFolder(project) + "/workers";
}

std::string ToJson(const std::string& worker, const LaneState& lane) {
  return nlohmann::json{{"worker", worker},
                        {"time_us", absl::ToUnixMicros(absl::Now())},
                        {"views", lane.views},
                        {"reads_files", lane.reads_files},
                        {"records_read", lane.records_read},
                        {"records", lane.records},
                        {"records_per_second", lane.records_per_second},
                        {"error", lane.error}}
      .dump();
}

absl::StatusOr<WorkerReport> FromJson(const std::string& text, const std::string& where) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    WorkerReport report{.worker = json.at("worker"),
                        .time = absl::FromUnixMicros(json.at("time_us").get<int64_t>())};
    report.lane = {.views = json.at("views"),
                   .reads_files = json.at("reads_files"),
                   .records_read = json.at("records_read"),
                   .records = json.at("records"),
                   .records_per_second = json.at("records_per_second"),
                   .error = json.at("error")};
    return report;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(
        fmt::format("{} is no report of a worker ({}): delete it, the worker writes another", where,
                    error.what()));
  }
}

}  // namespace

absl::StatusOr<std::vector<WorkerReport>> ReadWorkerReports(ObjectStore& warehouse,
                                                            const std::string& project) {
  std::vector<WorkerReport> reports;
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> files, warehouse.List(ReportsFolder(project)));
  for (const ObjectInfo& file : files) {
    absl::StatusOr<std::string> text = warehouse.Get(file.path);
    if (absl::IsNotFound(text.status())) continue;  // it has just gone
    RETURN_IF_ERROR(text.status());
    ASSIGN_OR_RETURN(WorkerReport report, FromJson(*text, warehouse.Describe(file.path)));
    reports.push_back(std::move(report));
  }
  return reports;
}

BuildReport::BuildReport(CatalogLog log, std::shared_ptr<ObjectStore> warehouse,
                         const std::string& project, const std::string& worker_id)
    : log_(std::move(log)),
      warehouse_(std::move(warehouse)),
      path_(fmt::format("{}/{}.json", ReportsFolder(project), worker_id)),
      worker_id_(worker_id),
      thread_([this] { Run(); }) {}

BuildReport::~BuildReport() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void BuildReport::Tell(WorkerBuilds builds) {
  absl::MutexLock lock(&mutex_);
  newest_ = std::move(builds);
}

void BuildReport::Run() {
  RetryLog log;
  while (true) {
    std::optional<WorkerBuilds> builds;
    bool stop;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&stop_), kInterval);
      builds = std::exchange(newest_, std::nullopt);
      stop = stop_;
    }
    if (builds) {
      if (absl::Status written = Write(*builds); !written.ok()) {
        log.Say("the catalog was not told what is brought up here: {}, trying again",
                std::string(written.message()));
      } else {
        log.Done("the catalog knows again what is brought up here");
      }
    }
    if (stop) return;
  }
}

absl::Status BuildReport::Write(const WorkerBuilds& builds) {
  if (!builds.views.empty()) {
    RETURN_IF_ERROR(
        log_.Commit([&](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
              return TakeBuilt(builds.views, now);
            })
            .status());
  }
  if (builds.lane) {
    has_file_ = true;
    return warehouse_->Put(path_, ToJson(worker_id_, *builds.lane));
  }
  if (!has_file_) return absl::OkStatus();
  RETURN_IF_ERROR(warehouse_->Delete(path_));
  has_file_ = false;
  return absl::OkStatus();
}

}  // namespace forebay
