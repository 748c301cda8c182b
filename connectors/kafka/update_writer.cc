#include "connectors/kafka/update_writer.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "connectors/kafka/dead_letter_record.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

// Memory that is kept for records to come: a burst's is given back.
constexpr size_t kMostSpares = 16;
constexpr size_t kLargestSpare = 8 << 20;

bool HasUpdates(const v1::FeatureView& view) { return view.updates() == v1::FeatureView::ON; }

}  // namespace

bool PublishesUpdates(const v1::Project& project) {
  return std::any_of(project.feature_views().begin(), project.feature_views().end(), HasUpdates);
}

UpdateWriter::UpdateWriter(const v1::Project& project, std::string_view task_topic)
    : dead_letter_topic_(DeadLetterTopic(project.name())) {
  for (int i = 0; i < project.feature_views_size(); ++i) {
    View& view = views_.emplace_back();
    if (!HasUpdates(project.feature_views(i))) continue;
    view.topic = UpdateTopic(project, i);
    view.encoder = std::make_unique<UpdateRecordEncoder>(project, i, task_topic);
  }
}

UpdateWriter::~UpdateWriter() = default;

bool UpdateWriter::HasRecordsAfter(const TaskOutput& output, Offset published) const {
  return std::any_of(output.changes.begin(), output.changes.end(),
                     [&](const ChangeBatch& changes) {
                       return views_[changes.view].encoder != nullptr &&
                              FirstRowAfter(*changes.rows, published) < changes.rows->num_rows();
                     }) ||
         std::any_of(output.dead_letters.begin(), output.dead_letters.end(),
                     [&](const DeadLetter& letter) { return letter.offset > published; });
}

void UpdateWriter::Prepare(const TaskOutput& output) {
  for (const ChangeBatch& changes : output.changes) {
    const View& view = views_[changes.view];
    if (view.encoder == nullptr) continue;
    std::unique_ptr<EncodedUpdates> updates = TakeSpare();
    view.encoder->Encode(*changes.rows, updates.get());
    absl::MutexLock lock(&mutex_);
    prepared_.push_back({changes.rows, std::move(updates)});
  }
}

absl::Status UpdateWriter::Write(const TaskOutput& output, Offset published, Producer& producer) {
  for (const ChangeBatch& changes : output.changes) {
    RETURN_IF_ERROR(WriteChanges(changes, output.task.partition.value(), published, producer));
  }
  for (const DeadLetter& letter : output.dead_letters) {
    if (letter.offset <= published) continue;
    RecordHeaders headers = DeadLetterHeaders(letter);
    RETURN_IF_ERROR(producer.Produce({.topic = dead_letter_topic_,
                                      .key = letter.key,
                                      .value = letter.value,
                                      .headers = ViewsOf(headers),
                                      .timestamp = letter.timestamp}));
  }
  return absl::OkStatus();
}

absl::Status UpdateWriter::WriteChanges(const ChangeBatch& changes, int32_t partition,
                                        Offset published, Producer& producer) {
  const View& view = views_[changes.view];
  if (view.encoder == nullptr) return absl::OkStatus();
  int64_t first = FirstRowAfter(*changes.rows, published);
  if (first == changes.rows->num_rows()) return absl::OkStatus();
  if (const EncodedUpdates* prepared = FindPrepared(changes.rows.get())) {
    return producer.Produce(view.topic, partition, *prepared, first);
  }
  view.encoder->Encode(*changes.rows->Slice(first), &unprepared_);
  absl::Status status = producer.Produce(view.topic, partition, unprepared_, 0);
  if (unprepared_.capacity() > kLargestSpare) unprepared_ = EncodedUpdates();
  return status;
}

void UpdateWriter::Forget(const TaskOutput& output) {
  absl::MutexLock lock(&mutex_);
  for (const ChangeBatch& changes : output.changes) {
    auto found = std::find_if(prepared_.begin(), prepared_.end(), [&](const Prepared& prepared) {
      return prepared.rows == changes.rows;
    });
    if (found == prepared_.end()) continue;
    for (auto prepared = prepared_.begin(); prepared <= found; ++prepared) {
      bool keep = spare_.size() < kMostSpares && prepared->updates->capacity() <= kLargestSpare;
      if (keep) spare_.push_back(std::move(prepared->updates));
    }
    prepared_.erase(prepared_.begin(), found + 1);
  }
}

const EncodedUpdates* UpdateWriter::FindPrepared(const arrow::RecordBatch* rows) {
  absl::MutexLock lock(&mutex_);
  for (const Prepared& prepared : prepared_) {
    if (prepared.rows.get() == rows) return prepared.updates.get();
  }
  return nullptr;
}

std::unique_ptr<EncodedUpdates> UpdateWriter::TakeSpare() {
  absl::MutexLock lock(&mutex_);
  if (spare_.empty()) return std::make_unique<EncodedUpdates>();
  std::unique_ptr<EncodedUpdates> taken = std::move(spare_.back());
  spare_.pop_back();
  return taken;
}

void UpdateWriters::Open(const TaskId& task) {
  auto writer = std::make_shared<UpdateWriter>(project_, task.topic);
  absl::MutexLock lock(&mutex_);
  writers_[task] = std::move(writer);
}

void UpdateWriters::Close(const TaskId& task) {
  absl::MutexLock lock(&mutex_);
  writers_.erase(task);
}

std::shared_ptr<UpdateWriter> UpdateWriters::Find(const TaskId& task) const {
  absl::MutexLock lock(&mutex_);
  auto found = writers_.find(task);
  return found == writers_.end() ? nullptr : found->second;
}

}  // namespace forebay
