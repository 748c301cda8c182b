#include "connectors/kafka/update_writer.h"

#include <arrow/api.h>

#include <algorithm>

#include "connectors/kafka/dead_letter_record.h"
#include "connectors/update_record/update_record.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {

struct UpdateWriter::View {
  bool updates;
  std::string topic;
  std::unique_ptr<UpdateRecordEncoder> encoder;  // made when the task's topic is known
};

UpdateWriter::UpdateWriter(const v1::Project& project)
    : project_(project), dead_letter_topic_(DeadLetterTopic(project.name())) {
  for (const v1::FeatureView& view : project.feature_views()) {
    views_.push_back({view.updates() == v1::FeatureView::ON,
                      UpdateTopic(project.name(), view.name(), view.version()), nullptr});
  }
}

UpdateWriter::~UpdateWriter() = default;

bool PublishesUpdates(const v1::Project& project) {
  return std::any_of(
      project.feature_views().begin(), project.feature_views().end(),
      [](const v1::FeatureView& view) { return view.updates() == v1::FeatureView::ON; });
}

bool UpdateWriter::HasRecordsAfter(const TaskOutput& output, Offset published) const {
  return std::any_of(output.changes.begin(), output.changes.end(),
                     [&](const ChangeBatch& changes) {
                       return views_[changes.view].updates &&
                              RowsAfter(changes.rows, published) != nullptr;
                     }) ||
         std::any_of(output.dead_letters.begin(), output.dead_letters.end(),
                     [&](const DeadLetter& letter) { return letter.offset > published; });
}

absl::Status UpdateWriter::Write(const TaskOutput& output, Offset published,
                                 absl::FunctionRef<absl::Status(const OutgoingRecord&)> produce) {
  EncodedRecord encoded;
  for (const ChangeBatch& changes : output.changes) {
    View& view = views_[changes.view];
    if (!view.updates) continue;
    std::shared_ptr<arrow::RecordBatch> rows = RowsAfter(changes.rows, published);
    if (rows == nullptr) continue;
    if (view.encoder == nullptr) {
      view.encoder =
          std::make_unique<UpdateRecordEncoder>(project_, changes.view, output.task.topic);
    }
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      view.encoder->Encode(*rows, row, &encoded);
      RETURN_IF_ERROR(produce({.topic = view.topic,
                               .partition = output.task.partition.value(),
                               .key = encoded.key,
                               .value = encoded.value,
                               .headers = encoded.headers}));
    }
  }
  for (const DeadLetter& letter : output.dead_letters) {
    if (letter.offset <= published) continue;
    RecordHeaders headers = DeadLetterHeaders(letter);
    RETURN_IF_ERROR(produce({.topic = dead_letter_topic_,
                             .key = letter.key,
                             .value = letter.value,
                             .headers = headers,
                             .timestamp = letter.timestamp}));
  }
  return absl::OkStatus();
}

}  // namespace forebay
