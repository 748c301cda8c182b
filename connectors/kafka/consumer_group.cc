#include "connectors/kafka/consumer_group.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <memory>

#include "absl/time/clock.h"
#include "connectors/kafka/admin_request.h"
#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/retry_log.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kAskAgain = absl::Milliseconds(200);

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

}  // namespace

absl::StatusOr<std::optional<std::vector<GroupMember>>> FindGroupMembers(KafkaAdmin& admin,
                                                                         const std::string& group) {
  std::string context = "asking for consumer group " + group;
  ASSIGN_OR_RETURN(EventHandle event,
                   AskCluster(admin.client(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, context,
                              [&](auto* options, auto* answer) {
                                const char* groups[] = {group.c_str()};
                                rd_kafka_DescribeConsumerGroups(admin.client(), groups, 1, options,
                                                                answer);
                              }));
  size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** groups =
      rd_kafka_DescribeConsumerGroups_result_groups(
          rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
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
  for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++i) {
    const rd_kafka_MemberDescription_t* member =
        rd_kafka_ConsumerGroupDescription_member(groups[0], i);
    members.push_back({TextOf(rd_kafka_MemberDescription_group_instance_id(member)),
                       TextOf(rd_kafka_MemberDescription_client_id(member)),
                       TextOf(rd_kafka_MemberDescription_host(member))});
  }
  return members;
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
    log.SayLater("consumer group {}: waiting until the broker forgets workers that have stopped",
                 group);
    absl::SleepFor(kAskAgain);
  }
}

}  // namespace forebay
