#include "connectors/kafka/update_writer.h"

#include <arrow/api.h>
#include <fmt/format.h>

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

// Of one of the columns after _effective_time.
int64_t NumberAt(const arrow::RecordBatch& rows, int64_t row, ChangeColumn which) {
  const arrow::Array& column = *rows.column(EffectiveTimeColumn(*rows.schema()) + which);
  return column.type_id() == arrow::Type::TIMESTAMP
             ? static_cast<const arrow::TimestampArray&>(column).Value(row)
             : static_cast<const arrow::Int64Array&>(column).Value(row);
}

bool HasUpdates(const v1::FeatureView& view) { return view.updates() == v1::FeatureView::ON; }

}  // namespace

bool PublishesUpdates(const v1::Project& project) {
  return std::any_of(project.feature_views().begin(), project.feature_views().end(), HasUpdates);
}

UpdateWriter::UpdateWriter(const v1::Project& project, const TaskId& task,
                           const RecordLimits& limits)
    : task_(task),
      dead_letter_topic_(DeadLetterTopic(project.name())),
      most_letter_(limits.Payload(dead_letter_topic_)) {
  for (int i = 0; i < project.feature_views_size(); ++i) {
    const v1::FeatureView& definition = project.feature_views(i);
    View& view = views_.emplace_back();
    view.name = definition.name();
    view.version = definition.version();
    if (!HasUpdates(definition)) continue;
    view.topic = UpdateTopic(project, i);
    view.encoder = std::make_unique<UpdateRecordEncoder>(project, i, task.topic);
    view.most_payload = limits.Payload(view.topic);
  }
  held_.updates.assign(views_.size(), Offset(-1));
  held_.letters.assign(views_.size(), Offset(-1));
}

UpdateWriter::~UpdateWriter() = default;

bool UpdateWriter::HasRecordsAfter(const TaskOutput& output, Offset published) const {
  auto lacking = [&](const auto& made) { return IsLacking(made, published); };
  return std::any_of(output.changes.begin(), output.changes.end(), lacking) ||
         std::any_of(output.dead_letters.begin(), output.dead_letters.end(), lacking);
}

bool UpdateWriter::IsLacking(const ChangeBatch& changes, Offset published) const {
  Offset after = std::max(published, held_.updates[changes.view]);
  return views_[changes.view].encoder != nullptr &&
         FirstRowAfter(*changes.rows, after) < changes.rows->num_rows();
}

bool UpdateWriter::IsLacking(const DeadLetter& letter, Offset published) const {
  return letter.position > std::max(published, HeldOf(letter));
}

Offset UpdateWriter::HeldOf(const DeadLetter& letter) const {
  for (size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].name == letter.view && views_[i].version == letter.view_version)
      return held_.letters[i];
  }
  return held_.gate;
}

void UpdateWriter::Review(TaskOutput* output) {
  for (const ChangeBatch& changes : output->changes) {
    const View& view = views_[changes.view];
    if (view.encoder == nullptr) continue;
    std::unique_ptr<EncodedUpdates> updates = TakeSpare();
    view.encoder->Encode(*changes.rows, updates.get());
    if (updates->most_payload() > view.most_payload) RefuseLarge(changes, *updates, output);
    absl::MutexLock lock(&mutex_);
    prepared_.push_back({changes.rows, std::move(updates)});
  }
}

void UpdateWriter::RefuseLarge(const ChangeBatch& changes, const EncodedUpdates& updates,
                               TaskOutput* output) const {
  const View& view = views_[changes.view];
  for (size_t i = 0; i < updates.size(); ++i) {
    EncodedUpdate update = updates[i];
    if (update.payload() <= view.most_payload) continue;
    DeadLetter& letter = output->dead_letters.emplace_back();
    auto row = static_cast<int64_t>(i);
    letter.task = task_;
    letter.offset = letter.position = Offset(NumberAt(*changes.rows, row, kSourceOffsetColumn));
    letter.timestamp = NumberAt(*changes.rows, row, kKnownTimeColumn);
    letter.key = std::string(update.key);
    letter.reason = RejectReason::kUpdateTooLarge;
    letter.view = view.name;
    letter.view_version = view.version;
    letter.detail = fmt::format(
        "the update has {} bytes with its key, and topic {} takes {}: it is not published; lookups "
        "and the table have it",
        update.payload(), view.topic, view.most_payload);
  }
}

absl::Status UpdateWriter::Write(const TaskOutput& output, Offset published, Producer& producer) {
  for (const ChangeBatch& changes : output.changes) {
    RETURN_IF_ERROR(WriteChanges(changes, output.task.partition.value(), published, producer));
  }
  for (const DeadLetter& letter : output.dead_letters) {
    if (IsLacking(letter, published)) RETURN_IF_ERROR(WriteLetter(letter, producer));
  }
  return absl::OkStatus();
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

std::set<std::string> UpdateWriter::PositionKeys(const TaskOutput& output, Offset published) const {
  std::set<std::string> keys;
  for (const ChangeBatch& changes : output.changes) {
    const View& view = views_[changes.view];
    if (IsLacking(changes, published))
      keys.insert(UpdatesPositionKey(view.name, view.version, task_));
  }
  for (const DeadLetter& letter : output.dead_letters) {
    if (IsLacking(letter, published))
      keys.insert(LettersPositionKey(letter.view, letter.view_version, task_));
  }
  return keys;
}

absl::Status UpdateWriter::WriteChanges(const ChangeBatch& changes, int32_t partition,
                                        Offset published, Producer& producer) {
  const View& view = views_[changes.view];
  if (!IsLacking(changes, published)) return absl::OkStatus();
  int64_t first = FirstRowAfter(*changes.rows, std::max(published, held_.updates[changes.view]));
  if (const EncodedUpdates* prepared = FindPrepared(changes.rows.get())) {
    return producer.Produce(view.topic, partition, *prepared, first, view.most_payload);
  }
  view.encoder->Encode(*changes.rows->Slice(first), &unprepared_);
  absl::Status status = producer.Produce(view.topic, partition, unprepared_, 0, view.most_payload);
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

std::shared_ptr<UpdateWriter> UpdateWriters::Find(const TaskId& task) const {
  absl::MutexLock lock(&mutex_);
  auto found = writers_.find(task);
  return found == writers_.end() ? nullptr : found->second;
}

}  // namespace forebay
