// forebay dead-letter [PROJECT]: what is in the project's dead-letter topic; --again sends records
// back to where they came from.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/dead_letter_report.h"
#include "cli/kafka_config.h"
#include "connectors/dead_letter/dead_letter_return.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/dead_letter_record.h"
#include "connectors/kafka/topic_scan.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

struct DeadLetterArguments {
  std::string folder = ".";
  std::string reason;
  std::string topic;
  std::string since;
  size_t newest = 5;
  bool again = false;
  bool from_start = false;
};

// A time, or how long ago.
absl::StatusOr<int64_t> SinceTime(const std::string& text) {
  if (absl::StatusOr<int64_t> ago = ParseDuration(text); ago.ok()) {
    return absl::ToUnixMicros(absl::Now()) - *ago;
  }
  if (absl::StatusOr<int64_t> time = ParseTime(text); time.ok()) return time;
  return absl::InvalidArgumentError(fmt::format(
      "--since '{}': expected a time such as 2026-01-31T08:00:00Z, or how long ago: 2h", text));
}

absl::StatusOr<DeadLetterFilter> FilterOf(const DeadLetterArguments& arguments) {
  DeadLetterFilter filter{.reason = FindRejectReason(arguments.reason), .topic = arguments.topic};
  if (!arguments.since.empty()) {
    ASSIGN_OR_RETURN(filter.since, SinceTime(arguments.since));
  }
  return filter;
}

absl::StatusOr<std::unique_ptr<TopicScan>> OpenScan(const KafkaConfig& kafka,
                                                    const std::string& project) {
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(kafka));
  RETURN_IF_ERROR(admin->WaitForBroker(kPatience, nullptr));
  std::string topic = DeadLetterTopic(project);
  absl::StatusOr<int32_t> partitions = admin->PartitionCount(topic);
  if (absl::IsNotFound(partitions.status())) {
    return absl::FailedPreconditionError(
        fmt::format("there is no topic {} on {}: no worker of the project has run with this broker",
                    topic, kafka.bootstrap_servers));
  }
  RETURN_IF_ERROR(partitions.status());
  return TopicScan::Open(kafka, topic, *partitions, ReturnGroup(project));
}

// Calls `visit` with every dead letter and its place; says how many records are none.
absl::Status ForEachLetter(
    TopicScan& scan,
    const std::function<absl::Status(PartitionId, Offset, DeadLetter letter)>& visit) {
  int64_t others = 0;
  absl::Status why;
  RETURN_IF_ERROR(scan.Read([&](PartitionId partition, const RawRecord& record) {
    absl::StatusOr<DeadLetter> letter = ReadDeadLetter(record);
    if (letter.ok()) return visit(partition, record.offset, *std::move(letter));
    if (others++ == 0) why = letter.status();
    return absl::OkStatus();
  }));
  if (others > 0) {
    fmt::print(stderr, "{} records of the topic are no dead letters of forebay, the first: {}\n",
               others, std::string(why.message()));
  }
  return absl::OkStatus();
}

absl::Status Show(const DeadLetterArguments& arguments, const std::string& project,
                  const DeadLetterFilter& filter, TopicScan& scan) {
  DeadLetterDigest digest(arguments.newest);
  int64_t all = 0;
  RETURN_IF_ERROR(ForEachLetter(scan, [&](PartitionId partition, Offset, DeadLetter letter) {
    ++all;
    if (filter.Takes(letter)) digest.Add(partition, std::move(letter));
    return absl::OkStatus();
  }));
  fmt::print("{}", DigestText(DeadLetterTopic(project), digest, all));
  return absl::OkStatus();
}

absl::Status CheckReturnTopic(const v1::Project& project, const std::string& topic) {
  bool of_source = std::any_of(project.sources().begin(), project.sources().end(),
                               [&](const v1::Source& source) { return source.topic() == topic; });
  if (topic.empty() || of_source) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "no source of the project reads topic {}, so nothing is sent back to it. What goes wrong "
      "with "
      "records of a repartition topic is put right by sending those of its source again",
      topic));
}

absl::Status SendBack(const DeadLetterArguments& arguments, const v1::Project& project,
                      const KafkaConfig& kafka, const DeadLetterFilter& filter, TopicScan& scan) {
  ASSIGN_OR_RETURN(std::unique_ptr<DeadLetterReturn> sender,
                   DeadLetterReturn::Open(kafka, project.name(), scan));
  std::vector<Offset> done = sender->done();
  if (arguments.from_start) std::fill(done.begin(), done.end(), Offset(0));
  ReturnRules rules(project, filter, std::move(done));
  RETURN_IF_ERROR(scan.Read([&](PartitionId, const RawRecord& record) {
    if (absl::StatusOr<DeadLetter> letter = ReadDeadLetter(record); letter.ok()) {
      rules.Note(*letter);
    }
    return absl::OkStatus();
  }));
  FateCounts counts;
  RETURN_IF_ERROR(
      ForEachLetter(scan, [&](PartitionId partition, Offset offset, const DeadLetter& letter) {
        Fate fate = rules.Judge(partition, offset, letter);
        ++counts[fate][letter.task.topic];
        if (fate == Fate::kReturns) return sender->Send(partition, offset, letter);
        sender->Pass(partition, offset);
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(sender->Finish());
  fmt::print("{}", ReturnText(counts));
  return absl::OkStatus();
}

absl::Status HandleDeadLetters(const DeadLetterArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(DeadLetterFilter filter, FilterOf(arguments));
  ASSIGN_OR_RETURN(KafkaConfig kafka, MakeKafkaConfig(loaded.config));
  const v1::Project& project = *loaded.project;
  if (arguments.again) RETURN_IF_ERROR(CheckReturnTopic(project, arguments.topic));
  ASSIGN_OR_RETURN(std::unique_ptr<TopicScan> scan, OpenScan(kafka, project.name()));
  if (arguments.again) return SendBack(arguments, project, kafka, filter, *scan);
  return Show(arguments, project.name(), filter, *scan);
}

}  // namespace

void AddDeadLetterCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<DeadLetterArguments>();
  CLI::App* command = app->add_subcommand(
      "dead-letter", "Show what was dead-lettered and why; send it back with --again");
  command->add_option("project", arguments->folder, "The project's folder")->capture_default_str();
  command->add_option("--reason", arguments->reason, "Only letters of this reason")
      ->check(CLI::IsMember(RejectReasonNames()));
  command->add_option("--topic", arguments->topic, "Only letters of records of this topic");
  command->add_option(
      "--since", arguments->since,
      "Only letters of records with this timestamp or a later one: a time, RFC 3339, "
      "or how long ago, such as 2h");
  command->add_option("--newest", arguments->newest, "How many letters are shown in full")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI::Option* again = command->add_flag(
      "--again", arguments->again,
      "Send the records back to the topic and partition that they came from, each once");
  command
      ->add_flag("--from-start", arguments->from_start,
                 "Also those that an earlier --again got past")
      ->needs(again);
  command->callback([arguments, exit_code] { *exit_code = Report(HandleDeadLetters(*arguments)); });
}

}  // namespace forebay
