#include "connectors/kafka/update_writer.h"

#include <algorithm>
#include <utility>

#include "connectors/kafka/dead_letter_record.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {

bool PublishesUpdates(const v1::Project& project) {
  return std::any_of(
      project.feature_views().begin(), project.feature_views().end(),
      [](const v1::FeatureView& view) { return view.updates() == v1::FeatureView::ON; });
}

UpdateWriter::UpdateWriter(const v1::Project& project, const TaskId& task,
                           const RecordLimits& limits)
    : task_(task),
      views_(std::make_shared<const PublishedViews>(MakePublishedViews(project, task, limits))),
      dead_letter_topic_(DeadLetterTopic(project.name())),
      most_letter_(limits.Payload(dead_letter_topic_)) {
  held_.updates.assign(views_->size(), Offset(-1));
  held_.letters.assign(views_->size(), Offset(-1));
}

size_t UpdateWriter::FirstLacking(const UpdatePart& part, size_t view, Offset published) const {
  return part.updates()[view]->FirstAfter(std::max(published, held_.updates[view]));
}

bool UpdateWriter::IsLacking(const UpdatePart& part, size_t view, Offset published) const {
  return FirstLacking(part, view, published) < part.updates()[view]->size();
}

bool UpdateWriter::IsLacking(const DeadLetter& letter, Offset published) const {
  return letter.position > std::max(published, HeldOf(letter));
}

Offset UpdateWriter::HeldOf(const DeadLetter& letter) const {
  for (size_t i = 0; i < views_->size(); ++i) {
    if ((*views_)[i].name == letter.view && (*views_)[i].version == letter.view_version)
      return held_.letters[i];
  }
  return held_.gate;
}

bool UpdateWriter::HasRecordsAfter(const Output& output, Offset published) const {
  for (size_t view = 0; output.updates != nullptr && view < views_->size(); ++view) {
    if (IsLacking(*output.updates, view, published)) return true;
  }
  return std::any_of(output.task_output.dead_letters.begin(), output.task_output.dead_letters.end(),
                     [&](const DeadLetter& letter) { return IsLacking(letter, published); });
}

absl::Status UpdateWriter::Write(const Output& output, Offset published, Producer& producer) const {
  for (size_t view = 0; output.updates != nullptr && view < views_->size(); ++view) {
    RETURN_IF_ERROR(WriteUpdates(*output.updates, view, published, producer));
  }
  for (const DeadLetter& letter : output.task_output.dead_letters) {
    if (IsLacking(letter, published)) RETURN_IF_ERROR(WriteLetter(letter, producer));
  }
  return absl::OkStatus();
}

absl::Status UpdateWriter::WriteUpdates(const UpdatePart& part, size_t view, Offset published,
                                        Producer& producer) const {
  if (!IsLacking(part, view, published)) return absl::OkStatus();
  return producer.Produce((*views_)[view].topic, task_.partition.value(), part.updates()[view],
                          FirstLacking(part, view, published), (*views_)[view].most_payload);
}

absl::Status UpdateWriter::WriteLetter(const DeadLetter& letter, Producer& producer) const {
  RecordHeaders headers = DeadLetterHeaders(letter);
  bool whole = !letter.omitted.empty() || DeadLetterBytes(letter, headers) <= most_letter_;
  if (!whole) return WriteLetter(FitDeadLetter(letter, most_letter_), producer);
  return producer.Produce({.topic = dead_letter_topic_,
                           .key = letter.key,
                           .value = letter.value,
                           .headers = ViewsOf(headers),
                           .timestamp = letter.timestamp});
}

std::set<std::string> UpdateWriter::PositionKeys(const Output& output, Offset published) const {
  std::set<std::string> keys;
  for (size_t view = 0; output.updates != nullptr && view < views_->size(); ++view) {
    if (IsLacking(*output.updates, view, published))
      keys.insert(UpdatesPositionKey((*views_)[view].name, (*views_)[view].version, task_));
  }
  for (const DeadLetter& letter : output.task_output.dead_letters) {
    if (IsLacking(letter, published))
      keys.insert(LettersPositionKey(letter.view, letter.view_version, task_));
  }
  return keys;
}

void UpdateWriters::Open(const TaskId& task, PublishedOffsets held) {
  auto writer = std::make_shared<UpdateWriter>(project_, task, limits_);
  writer->SetHeld(std::move(held));
  absl::MutexLock lock(&mutex_);
  writers_[task] = std::move(writer);
}

void UpdateWriters::Close(const TaskId& task) {
  absl::MutexLock lock(&mutex_);
  writers_.erase(task);
}

std::unique_ptr<UpdatePart> UpdateWriters::NewPart(const TaskId& task) const {
  std::shared_ptr<UpdateWriter> writer = Find(task);
  return writer == nullptr ? nullptr : writer->NewPart();
}

std::shared_ptr<UpdateWriter> UpdateWriters::Find(const TaskId& task) const {
  absl::MutexLock lock(&mutex_);
  auto found = writers_.find(task);
  return found == writers_.end() ? nullptr : found->second;
}

}  // namespace forebay
