#include "cli/feed_process.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "cli/ask_patiently.h"
#include "cli/batch_table.h"
#include "cli/kafka_config.h"
#include "cli/progress_line.h"
#include "connectors/file/feed_cursor.h"
#include "connectors/file/key_partition.h"
#include "connectors/file/merged_files.h"
#include "connectors/file/row_record.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/published_positions.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/transactional_producer.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// Of one transaction.
constexpr int64_t kMostRecords = 50'000;

// The files of one source on their way into its topic.
class SourceFeed {
 public:
  SourceFeed(const LoadedProject& loaded, const v1::Source& source, KafkaConfig kafka,
             const std::atomic<bool>& stop)
      : loaded_(loaded),
        plan_(PlanOfRows(source)),
        kafka_(std::move(kafka)),
        stop_(stop),
        keys_(plan_),
        record_(plan_) {}

  absl::Status Run();

 private:
  const v1::Project& project() const { return *loaded_.project; }
  const v1::Source& source() const { return *plan_.source; }

  absl::Status OpenTopic();
  absl::Status ReadPositions();
  absl::Status SendAll();
  absl::Status Send(int32_t partition, const PartitionRun& run);
  absl::Status Produce(int32_t partition, const PartitionRun& run, int64_t row);
  absl::Status Commit();

  const LoadedProject& loaded_;
  const TaskPlan plan_;
  const KafkaConfig kafka_;
  const std::atomic<bool>& stop_;
  KeyPartition keys_;
  RowRecord record_;
  TopicIdentity topic_;
  std::unique_ptr<TransactionalProducer> producer_;
  std::vector<FeedCursor> cursors_;  // by partition
  int64_t in_transaction_ = 0;       // records; 0: none is open
  std::set<int32_t> touched_;        // the partitions of these
};

absl::Status SourceFeed::OpenTopic() {
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(kafka_));
  RETURN_IF_ERROR(admin->WaitForBroker(absl::InfiniteDuration(), &stop_));
  const auto replication = static_cast<int32_t>(loaded_.config.replication_factor);
  const int64_t most = RecordLimits(kafka_).most();
  TopicSpec positions = PositionsSpec(project().name(), most);
  positions.replication = replication;
  const std::vector<TopicSpec> specs = {FedTopic(source(), replication, most), positions};
  RETURN_IF_ERROR(AskPatiently(stop_, [&] { return EnsureTopics(*admin, specs); }));
  ASSIGN_OR_RETURN(auto topics,
                   AskPatiently(stop_, [&] { return admin->Describe({source().topic()}); }));
  topic_ = topics.at(source().topic());
  return absl::OkStatus();
}

// Of what is in the topic that is there now: one made anew has nothing.
absl::Status SourceFeed::ReadPositions() {
  PublishedPositions positions(project(), kafka_, &stop_);
  RETURN_IF_ERROR(positions.Refresh());
  for (int32_t partition = 0; partition < topic_.partitions; ++partition) {
    FeedPosition held;
    std::optional<FeedNote> note = positions.FeedNoteOf(source().name(), partition);
    if (note && note->topic.id == topic_.id) {
      if (note->topic.partitions != topic_.partitions) {
        return absl::FailedPreconditionError(fmt::format(
            "topic {} has {} partitions, and had {} when rows were fed into it: keys are in other "
            "partitions now. Delete it, and feed it anew",
            source().topic(), topic_.partitions, note->topic.partitions));
      }
      ASSIGN_OR_RETURN(held, FeedPosition::Parse(note->position));
    }
    cursors_.emplace_back(held);
  }
  return absl::OkStatus();
}

absl::Status SourceFeed::SendAll() {
  ASSIGN_OR_RETURN(BatchFiles files, ListBatchFiles(source(), loaded_.config.s3, ListTableFiles));
  MergedFiles merged(plan_, std::move(files), topic_.partitions);
  RETURN_IF_ERROR(merged.Start());
  ProgressLine progress("feeding " + source().name(), "rows");
  std::vector<PartitionRuns> runs(topic_.partitions);
  int64_t rows = 0;
  bool more = true;
  while (more && !stop_.load()) {
    ASSIGN_OR_RETURN(more, merged.ReadOn(&runs));
    for (int32_t partition = 0; partition < topic_.partitions; ++partition) {
      for (const PartitionRun& run : runs[partition]) {
        RETURN_IF_ERROR(Send(partition, run));
        rows += run.size();
      }
      runs[partition].clear();
    }
    const double part = merged.Progress();
    progress.Show(rows, part > 0.001 ? static_cast<int64_t>(static_cast<double>(rows) / part) : 0);
  }
  return Commit();
}

absl::Status SourceFeed::Send(int32_t partition, const PartitionRun& run) {
  FeedCursor& cursor = cursors_[partition];
  for (int64_t row = run.begin; row < run.end; ++row) {
    absl::StatusOr<bool> sends = cursor.Take(run.rows->ranks[row]);
    if (!sends.ok()) {
      return absl::FailedPreconditionError(fmt::format(
          "source {}, partition {}: {}. A topic cannot take rows in between: give these a later "
          "known time, or delete topic {} and feed it anew",
          source().name(), partition, std::string(sends.status().message()), source().topic()));
    }
    if (*sends) RETURN_IF_ERROR(Produce(partition, run, row));
  }
  return absl::OkStatus();
}

absl::Status SourceFeed::Produce(int32_t partition, const PartitionRun& run, int64_t row) {
  const arrow::RecordBatch& rows = *run.rows->columns;
  absl::StatusOr<std::string_view> value = record_.Value(rows, row);
  if (!value.ok()) {
    return absl::InvalidArgumentError(fmt::format("source {}, the row with the known time {}: {}",
                                                  source().name(), FormatTime(run.rows->ranks[row]),
                                                  std::string(value.status().message())));
  }
  if (in_transaction_ == 0) RETURN_IF_ERROR(producer_->Begin());
  const std::optional<std::string> key = keys_.TextOf(rows, row);
  RETURN_IF_ERROR(producer_->Explain(producer_->records().Produce(
      {.topic = source().topic(),
       .partition = partition,
       .key = key ? std::optional<std::string_view>(*key) : std::nullopt,
       .value = *value,
       // In whole milliseconds, and not before it, as Kafka has no finer ones.
       .timestamp = (run.rows->ranks[row] + 999) / 1000 * 1000})));
  touched_.insert(partition);
  return ++in_transaction_ < kMostRecords ? absl::OkStatus() : Commit();
}

absl::Status SourceFeed::Commit() {
  if (in_transaction_ == 0) return absl::OkStatus();
  for (int32_t partition : touched_) {
    RETURN_IF_ERROR(producer_->Explain(
        WriteFeedNote(project().name(), source().name(), partition,
                      {topic_, cursors_[partition].position().ToString()}, producer_->records())));
  }
  CrashPoint("feed.commit");
  RETURN_IF_ERROR(producer_->Commit());
  CrashPoint("feed.committed");
  touched_.clear();
  in_transaction_ = 0;
  return absl::OkStatus();
}

absl::Status SourceFeed::Run() {
  RETURN_IF_ERROR(OpenTopic());
  // Ends what another one has left open, which so can write no more.
  ASSIGN_OR_RETURN(
      producer_,
      TransactionalProducer::Create(
          kafka_, fmt::format("forebay-{}-feed-{}", project().name(), source().name()), &stop_));
  RETURN_IF_ERROR(ReadPositions());
  absl::Status sent = SendAll();
  int64_t before = 0, now = 0;
  for (const FeedCursor& cursor : cursors_) {
    before += cursor.position().rows - cursor.sent();
    now += cursor.sent();
  }
  if (!sent.ok()) return sent;
  fmt::print("{}: {} rows sent into topic {}, {} were there already{}\n", source().name(), now,
             source().topic(), before,
             stop_.load() ? "; stopped, the same command goes on from here" : "");
  return absl::OkStatus();
}

// All that are fed, or those of these names.
absl::StatusOr<std::vector<const v1::Source*>> FedSources(const v1::Project& project,
                                                          const std::vector<std::string>& names) {
  std::vector<const v1::Source*> sources;
  std::vector<std::string> fed;
  for (const v1::Source& source : project.sources()) {
    if (!source.batch().feed()) continue;
    fed.push_back(source.name());
    if (names.empty() || std::find(names.begin(), names.end(), source.name()) != names.end())
      sources.push_back(&source);
  }
  for (const std::string& name : names) {
    if (std::find(fed.begin(), fed.end(), name) != fed.end()) continue;
    return absl::InvalidArgumentError(fmt::format(
        "no source '{}' has a batch with `feed: on`{}", name,
        fed.empty() ? "" : fmt::format(": the sources that have are {}", fmt::join(fed, ", "))));
  }
  if (sources.empty()) {
    return absl::InvalidArgumentError(
        "no source has a batch with `feed: on`: there is nothing to feed. Files of other batches "
        "are read by `forebay backfill`");
  }
  return sources;
}

}  // namespace

absl::Status RunFeed(const LoadedProject& loaded, const std::vector<std::string>& names,
                     const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(std::vector<const v1::Source*> sources, FedSources(*loaded.project, names));
  ASSIGN_OR_RETURN(KafkaConfig kafka, MakeKafkaConfig(loaded.config));
  for (const v1::Source* source : sources) {
    if (stop.load()) break;
    RETURN_IF_ERROR(SourceFeed(loaded, *source, kafka, stop).Run());
  }
  return absl::OkStatus();
}

}  // namespace forebay
