#include "connectors/kafka/consumer_group.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "connectors/kafka/admin_request.h"
#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/queue_handle.h"
#include "connectors/kafka/retry_log.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kAskAgain = absl::Milliseconds(200);
constexpr absl::Duration kLookAgain = absl::Seconds(2);

using MemberList = std::optional<std::vector<GroupMember>>;

std::string TextOf(const char* text) { return text == nullptr ? "" : text; }

// One question. NO_ERROR also where there is no such group.
absl::StatusOr<rd_kafka_resp_err_t> RequestDeletion(KafkaAdmin& admin, const std::string& group) {
  std::unique_ptr<rd_kafka_DeleteGroup_t, decltype(&rd_kafka_DeleteGroup_destroy)> deletion(
      rd_kafka_DeleteGroup_new(group.c_str()), &rd_kafka_DeleteGroup_destroy);
  ASSIGN_OR_RETURN(EventHandle event,
                   AskCluster(admin.client(), RD_KAFKA_ADMIN_OP_DELETEGROUPS,
                              "deleting consumer group " + group, [&](auto* options, auto* answer) {
                                rd_kafka_DeleteGroup_t* groups[] = {deletion.get()};
                                rd_kafka_DeleteGroups(admin.client(), groups, 1, options, answer);
                              }));
  size_t count = 0;
  const rd_kafka_group_result_t** results =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
  const rd_kafka_error_t* error = count == 1 ? rd_kafka_group_result_error(results[0]) : nullptr;
  rd_kafka_resp_err_t code =
      error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
  return code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND ? RD_KAFKA_RESP_ERR_NO_ERROR : code;
}

GroupMember ReadMember(const rd_kafka_MemberDescription_t* member) {
  GroupMember read{.worker_id = TextOf(rd_kafka_MemberDescription_group_instance_id(member)),
                   .host = TextOf(rd_kafka_MemberDescription_host(member))};
  if (read.host.starts_with('/')) read.host.erase(0, 1);  // Java's way to write an address
  const rd_kafka_MemberAssignment_t* assigned = rd_kafka_MemberDescription_assignment(member);
  if (assigned != nullptr) read.tasks = TasksOf(*rd_kafka_MemberAssignment_partitions(assigned));
  return read;
}

absl::StatusOr<MemberList> ReadMembers(rd_kafka_event_t* event, const std::string& context) {
  size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** groups =
      rd_kafka_DescribeConsumerGroups_result_groups(
          rd_kafka_event_DescribeConsumerGroups_result(event), &count);
  if (count != 1) return absl::InternalError(context + ": the broker answered for no group");
  if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(groups[0])) {
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return std::nullopt;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return KafkaStatus(code, context, rd_kafka_error_string(error));
  }
  if (rd_kafka_ConsumerGroupDescription_state(groups[0]) == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD)
    return std::nullopt;
  std::vector<GroupMember> members;
  for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++i)
    members.push_back(ReadMember(rd_kafka_ConsumerGroupDescription_member(groups[0], i)));
  return members;
}

std::string Partitions(const std::vector<int32_t>& numbers) {
  return (numbers.size() == 1 ? "partition " : "partitions ") + absl::StrJoin(numbers, ", ");
}

}  // namespace

absl::StatusOr<MemberList> FindGroupMembers(KafkaAdmin& admin, const std::string& group) {
  std::string context = "asking for consumer group " + group;
  const absl::Time deadline = absl::Now() + kAdminPatience;
  while (true) {
    ASSIGN_OR_RETURN(EventHandle event,
                     AskCluster(admin.client(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, context,
                                [&](auto* options, auto* answer) {
                                  const char* groups[] = {group.c_str()};
                                  rd_kafka_DescribeConsumerGroups(admin.client(), groups, 1,
                                                                  options, answer);
                                }));
    absl::StatusOr<MemberList> members = ReadMembers(event.get(), context);
    // While a group's coordinator moves, a broker says that it is not the one.
    if (!absl::IsUnavailable(members.status()) || absl::Now() >= deadline) return members;
    absl::SleepFor(kAskAgain);
  }
}

std::string DescribeOwners(absl::Span<const GroupMember> members, absl::Span<const TaskId> tasks) {
  std::map<const GroupMember*, std::vector<int32_t>> owned;  // null: by nobody
  for (const TaskId& task : tasks) {
    auto has = [&](const GroupMember& member) {
      return std::find(member.tasks.begin(), member.tasks.end(), task) != member.tasks.end();
    };
    auto owner = std::find_if(members.begin(), members.end(), has);
    owned[owner == members.end() ? nullptr : &*owner].push_back(task.partition.value());
  }
  std::vector<std::string> clauses;
  for (const GroupMember& member : members) {
    auto has = owned.find(&member);
    if (has == owned.end()) continue;
    clauses.push_back(
        fmt::format("{} ({}) has {}",
                    member.worker_id.empty() ? "another consumer" : "worker " + member.worker_id,
                    member.host, Partitions(has->second)));
  }
  if (auto nobody = owned.find(nullptr); nobody != owned.end())
    clauses.push_back(fmt::format("nobody has {} yet", Partitions(nobody->second)));
  return absl::StrJoin(clauses, "; ");
}

struct GroupWatch::Question {
  ClientHandle client;
  QueueHandle answer;
};

GroupWatch::GroupWatch(std::function<ClientHandle()> client, std::string group)
    : client_(std::move(client)), group_(std::move(group)) {}

GroupWatch::~GroupWatch() = default;

void GroupWatch::Look(absl::Time now) {
  if (question_ == nullptr) {
    if (now < next_) return;
    next_ = now + kLookAgain;
    question_ = std::make_unique<Question>();
    question_->client = client_();
    rd_kafka_s* client = question_->client.get();
    question_->answer.reset(rd_kafka_queue_new(client));
    const char* groups[] = {group_.c_str()};
    rd_kafka_DescribeConsumerGroups(client, groups, 1, nullptr, question_->answer.get());
    return;
  }
  EventHandle event(rd_kafka_queue_poll(question_->answer.get(), 0));
  if (event == nullptr) return;
  question_ = nullptr;
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return;  // asked again
  absl::StatusOr<MemberList> members = ReadMembers(event.get(), "");
  if (!members.ok()) return;
  absl::MutexLock lock(&mutex_);
  members_ = *std::move(members);
}

std::string GroupWatch::DescribeOwnersOf(absl::Span<const TaskId> tasks) const {
  absl::MutexLock lock(&mutex_);
  return members_ ? DescribeOwners(*members_, tasks) : "";
}

absl::Status DeleteGroup(KafkaAdmin& admin, const std::string& group, absl::Duration patience) {
  absl::Time deadline = absl::Now() + patience;
  RetryLog log;
  while (true) {
    ASSIGN_OR_RETURN(rd_kafka_resp_err_t error, RequestDeletion(admin, group));
    if (error != RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP)
      return KafkaStatus(error, "deleting consumer group " + group);
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          fmt::format("consumer group {} still has members after {}: stop them, then do this again",
                      group, absl::FormatDuration(patience)));
    }
    log.SayLater("consumer group {}: waiting until the broker forgets workers that were killed",
                 group);
    absl::SleepFor(kAskAgain);
  }
}

}  // namespace forebay
