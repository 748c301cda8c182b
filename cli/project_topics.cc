#include "cli/project_topics.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "cli/ask_patiently.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/published_positions.h"
#include "connectors/kafka/topics.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {

std::vector<std::string> ProjectTopics::Names() const {
  std::vector<std::string> names;
  names.reserve(roles_.size());
  for (const auto& [topic, role] : roles_) names.push_back(topic);
  return names;
}

absl::Status ProjectTopics::Open(const std::vector<TopicSpec>& specs, RecordLimits* limits) {
  RETURN_IF_ERROR(Recognize(specs));
  RETURN_IF_ERROR(AskPatiently(stop_, [&] { return EnsureTopics(*admin_, specs); }));
  RETURN_IF_ERROR(AskPatiently(stop_, [&] { return LearnLimits(*admin_, specs, limits); }));
  return Identify();
}

absl::Status ProjectTopics::Recognize(const std::vector<TopicSpec>& specs) {
  std::string positions_topic = PositionsTopic(project_.name());
  std::vector<std::string> names = Names();
  names.push_back(positions_topic);
  ASSIGN_OR_RETURN(auto present, AskPatiently(stop_, [&] { return admin_->Describe(names); }));
  PublishedPositions positions(project_, kafka_, &stop_, Isolation::kUncommitted);
  if (present.contains(positions_topic)) RETURN_IF_ERROR(positions.Refresh());
  for (const auto& [topic, identity] : positions.topic_notes()) noted_.insert(topic);
  for (const auto& [topic, note] : positions.split_notes()) {
    auto role = roles_.find(topic);
    bool matters = role != roles_.end() && role->second.use == TopicUse::kKeyedSource;
    const std::string& id = present[topic].id;
    if (matters && (note.id.empty() || id.empty() || note.id == id))
      return absl::FailedPreconditionError(note.message);
  }
  return CheckTopics(roles_, specs, positions.topic_notes(), present, "topic " + positions_topic);
}

absl::Status ProjectTopics::Identify() {
  ASSIGN_OR_RETURN(identities_, AskPatiently(stop_, [&] { return admin_->Describe(Names()); }));
  watch_ = std::make_unique<TopicWatch>(admin_, roles_, identities_);
  bool without_id = std::any_of(identities_.begin(), identities_.end(),
                                [](const auto& topic) { return topic.second.id.empty(); });
  if (without_id) {
    spdlog::warn(
        "the broker gives topics no ids (Kafka before 2.8): a topic that is deleted and created "
        "again is recognized only where it has fewer records or partitions than before");
  }
  return absl::OkStatus();
}

absl::Status ProjectTopics::Watch(absl::Span<const std::shared_ptr<const RunningTask>> tasks) {
  RETURN_IF_ERROR(Note(tasks));
  return watch_->Look(absl::Now());
}

// Once there is something that depends on them: before that they may be replaced at will.
absl::Status ProjectTopics::Note(absl::Span<const std::shared_ptr<const RunningTask>> tasks) {
  auto is_noted = [this](const auto& topic) { return noted_.contains(topic.first); };
  if (std::all_of(identities_.begin(), identities_.end(), is_noted)) return absl::OkStatus();
  bool read = std::any_of(tasks.begin(), tasks.end(), [](const auto& task) {
    // A repartition topic has markers from the start.
    return !task->task().plan().repartition && task->position().value() >= 0;
  });
  if (!read) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::unique_ptr<Producer> producer,
                   Producer::Create(kafka_, {}, DeliveryReports::kAll, &stop_));
  for (const auto& topic : identities_) {
    if (is_noted(topic)) continue;
    RETURN_IF_ERROR(WriteTopicNote(project_.name(), topic.first, topic.second, *producer));
  }
  absl::Status written = producer->Flush();
  // Written next time.
  if (absl::IsUnavailable(written) || absl::IsCancelled(written)) return absl::OkStatus();
  RETURN_IF_ERROR(written);
  for (const auto& [topic, identity] : identities_) noted_.insert(topic);
  return absl::OkStatus();
}

absl::Status ProjectTopics::NoteRefused(const std::map<std::string, std::string>& refused) {
  if (refused.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::unique_ptr<Producer> producer,
                   Producer::Create(kafka_, {}, DeliveryReports::kAll, &stop_));
  for (const auto& [topic, message] : refused) {
    RETURN_IF_ERROR(
        WriteSplitNote(project_.name(), topic, {identities_[topic].id, message}, *producer));
  }
  return producer->Flush();
}

}  // namespace forebay
