#include "cli/lineage_report.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "fmt/format.h"
#include "offline/delta/delta_table.h"

namespace forebay {
namespace {

// To look up how far tables are: what is left then is told without.
constexpr absl::Duration kMostTimeForVersions = absl::Seconds(5);

int64_t NowUs() { return absl::ToUnixMicros(absl::Now()); }

// Where the table is in the warehouse, by its name; nullopt: it is not there.
std::optional<std::string> PathInWarehouse(const ProjectConfig& config,
                                           const LineageDataset& dataset) {
  const size_t at = dataset.id.name.rfind("offline/");
  if (dataset.storage != "delta" || at == std::string::npos) return std::nullopt;
  return dataset.id.name.substr(at);
}

}  // namespace

LineageReport::LineageReport(const ProjectConfig& config, LineageRun run)
    : config_(config), run_(std::move(run)) {
  LineageTarget target{.file = config.openlineage_file,
                       .url = config.openlineage_url,
                       .api_key_file = config.openlineage_api_key_file};
  if (target.empty()) return;
  sender_ = std::make_unique<LineageSender>(std::move(target), [](const std::string& what) {
    fmt::print(stderr, "forebay: warning: {}\n", what);
  });
  warehouse_ = OpenObjectStore(config.warehouse, config.s3);
  absl::MutexLock lock(&mutex_);
  run_.id = NewRunId(NowUs());
  sender_->Send(RunEventJson(run_, RunStage::kStart, NowUs()));
  if (run_.streaming) thread_ = std::thread([this] { Repeat(); });
}

LineageReport::~LineageReport() { (void)End(absl::CancelledError()); }

void LineageReport::Know(LineageRun run) {
  absl::MutexLock lock(&mutex_);
  run.id = run_.id;
  run.job = run_.job;
  run_ = std::move(run);
}

absl::Status LineageReport::End(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(ended_, true)) return status;
  }
  if (thread_.joinable()) thread_.join();
  if (sender_ == nullptr) return status;
  const RunStage stage = status.ok()                 ? RunStage::kComplete
                         : absl::IsCancelled(status) ? RunStage::kAbort
                                                     : RunStage::kFail;
  Tell(stage, stage == RunStage::kFail ? std::string(status.message()) : "");
  sender_.reset();
  return status;
}

void LineageReport::Repeat() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&ended_), absl::Microseconds(run_.every_us)))
        return;
    }
    Tell(RunStage::kRunning);
  }
}

void LineageReport::Tell(RunStage stage, std::string_view error) {
  LineageRun run;
  {
    absl::MutexLock lock(&mutex_);
    run = run_;
  }
  // Where the work failed, the warehouse may be away, and nobody is to wait for it.
  const bool looks = stage == RunStage::kRunning || stage == RunStage::kComplete;
  const absl::Time until = absl::Now() + kMostTimeForVersions;
  const auto is_over = [&] {
    absl::MutexLock lock(&mutex_);
    return absl::Now() > until || (ended_ && stage == RunStage::kRunning);
  };
  for (LineageDataset& output : run.outputs) {
    const auto path = looks && !is_over() ? PathInWarehouse(config_, output) : std::nullopt;
    if (!path) continue;
    const auto table = DeltaTable::Open(warehouse_, *path);
    if (!table.ok() && !absl::IsNotFound(table.status())) break;  // it is away
    if (table.ok()) output.version = (*table)->snapshot().version;
  }
  sender_->Send(RunEventJson(run, stage, NowUs(), error));
}

}  // namespace forebay
