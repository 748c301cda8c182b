#include "connectors/kafka/topic_watch.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <utility>

#include "connectors/kafka/admin_request.h"
#include "connectors/kafka/topic_request.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(1);
constexpr absl::Duration kPatience = absl::Seconds(2);
constexpr int kReachMillis = 50;

const TopicIdentity* Find(const std::map<std::string, TopicIdentity>& topics,
                          const std::string& name) {
  auto found = topics.find(name);
  return found == topics.end() ? nullptr : &found->second;
}

absl::Status CheckNote(const std::string& topic, const TopicRole& role, TopicIdentity known,
                       const TopicIdentity* present, std::string_view known_by) {
  if (present == nullptr) return TopicGone(topic, role, known_by);
  // What was made by fewer partitions is found by itself; without any, all is well.
  if (role.use == TopicUse::kSource) known.partitions = 0;
  return CheckSameTopic(topic, role, known, *present, known_by);
}

absl::Status CheckFedTopic(const TopicSpec& spec, const TopicRole& role, const TopicRole& source,
                           const TopicIdentity& present) {
  if (present.partitions >= spec.partitions) {
    return CheckSameTopic(spec.name, role, {"", spec.partitions}, present, "what feeds it");
  }
  return absl::FailedPreconditionError(fmt::format(
      "topic {} has {} partitions, and topic {}, which feeds it, has {}: partitions were added to "
      "that one. {}",
      spec.name, present.partitions, spec.fed_by, spec.partitions, AddedPartitionsAdvice(source)));
}

}  // namespace

absl::Status CheckTopics(const std::map<std::string, TopicRole>& roles,
                         const std::vector<TopicSpec>& specs,
                         const std::map<std::string, TopicIdentity>& notes,
                         const std::map<std::string, TopicIdentity>& present,
                         std::string_view known_by) {
  // Sources first: that the others do not fit follows from them.
  for (bool sources : {true, false}) {
    for (const auto& [topic, role] : roles) {
      bool source = role.use == TopicUse::kKeyedSource || role.use == TopicUse::kSource;
      const TopicIdentity* note = Find(notes, topic);
      if (source != sources || note == nullptr) continue;
      RETURN_IF_ERROR(CheckNote(topic, role, *note, Find(present, topic), known_by));
    }
  }
  for (const TopicSpec& spec : specs) {
    const TopicIdentity* found = Find(present, spec.name);
    if (spec.fed_by.empty() || found == nullptr) continue;
    RETURN_IF_ERROR(CheckFedTopic(spec, roles.at(spec.name), roles.at(spec.fed_by), *found));
  }
  return absl::OkStatus();
}

TopicWatch::TopicWatch(KafkaAdmin* admin, std::map<std::string, TopicRole> roles,
                       std::map<std::string, TopicIdentity> known)
    : admin_(admin), roles_(std::move(roles)), known_(std::move(known)) {
  for (const auto& [topic, role] : roles_) names_.push_back(topic);
}

TopicWatch::~TopicWatch() = default;

void TopicWatch::QueueDeleter::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}

// librdkafka spins while a question waits for a broker that is away: it is asked where one answers.
bool TopicWatch::IsBrokerThere() const {
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t error =
      rd_kafka_metadata(admin_->client(), 0, nullptr, &metadata, kReachMillis);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(metadata);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void TopicWatch::Ask() {
  if (unanswered_ && !IsBrokerThere()) return;
  answer_.reset(rd_kafka_queue_new(admin_->client()));
  AdminOptions options =
      MakeAdminOptions(admin_->client(), RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, kPatience);
  RequestTopics(admin_->client(), names_, options.get(), answer_.get());
}

absl::Status TopicWatch::Look(absl::Time now) {
  if (names_.empty()) return absl::OkStatus();
  if (answer_ == nullptr) {
    if (now < next_) return absl::OkStatus();
    next_ = now + kInterval;
    Ask();
    return absl::OkStatus();
  }
  EventHandle event(rd_kafka_queue_poll(answer_.get(), 0));
  if (event == nullptr) return absl::OkStatus();
  answer_.reset();
  unanswered_ = rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR;
  if (unanswered_) return absl::OkStatus();
  auto present = TopicsOf(event.get());
  return present.ok() ? Compare(*present) : absl::OkStatus();
}

absl::Status TopicWatch::Compare(const std::map<std::string, TopicIdentity>& present) {
  absl::Status status;
  for (const auto& [topic, role] : roles_) {
    const TopicIdentity* known = Find(known_, topic);
    const TopicIdentity* found = Find(present, topic);
    if (known == nullptr) continue;
    status.Update(found == nullptr ? TopicGone(topic, role, "this worker")
                                   : CheckSameTopic(topic, role, *known, *found, "this worker"));
  }
  if (status.ok() || !std::exchange(suspected_, true)) {
    suspected_ = !status.ok();
    return absl::OkStatus();
  }
  return status;
}

}  // namespace forebay
