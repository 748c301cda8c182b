#include "offline/training_set/view_joins.h"

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/data_file.h"
#include "offline/training_set/exact_rows.h"
#include "offline/training_set/label_index.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/data_type.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Of so many keys' hashes, some row group of a large table holds none.
constexpr size_t kFewKeys = 10'000;

// Bytes of a label while rows are found: its slot, its key's entry, and what building them takes.
constexpr int64_t kIndexBytes = 96;
// Of a row group that a thread reads: codes, times and ranges of its rows, a page, a dictionary.
constexpr int64_t kThreadBytes = int64_t{24} << 20;
// Of the program itself.
constexpr int64_t kProgramBytes = int64_t{64} << 20;

// Of a value that waits to be written, as it is and as it is encoded.
int64_t ValueBytes(const v1::Feature& feature) {
  const auto type = static_cast<DataType>(feature.type());
  if (IsList(type)) return 400;
  return type == DataType::kString || type == DataType::kBytes ? 120 : 20;
}

// Null: the views are not recomputed.
const EventsRead* FindEvents(const TrainingSetRequest& request, const std::string& source) {
  auto read = std::ranges::find(request.events, source, &EventsRead::source);
  return read == request.events.end() ? nullptr : &*read;
}

}  // namespace

ViewJoins::ViewJoins(const TrainingSetRequest& request, const std::vector<AskedView>& views,
                     const Labels& labels, JoinThreads& threads)
    : request_(request), views_(views), labels_(labels), threads_(threads) {}

absl::StatusOr<std::unique_ptr<ViewJoins>> ViewJoins::Make(const v1::Project& project,
                                                           const TrainingSetRequest& request,
                                                           const std::vector<AskedView>& views,
                                                           const Labels& labels,
                                                           JoinThreads& threads,
                                                           std::vector<std::string>* warnings) {
  std::unique_ptr<ViewJoins> joins(new ViewJoins(request, views, labels, threads));
  RETURN_IF_ERROR(joins->Budget());
  RETURN_IF_ERROR(joins->FindRows(project, warnings));
  return joins;
}

absl::Status ViewJoins::Budget() {
  const auto labels = static_cast<int64_t>(labels_.times.size());
  labels_at_once_ = std::max<int64_t>(labels, 1);
  if (request_.memory_bytes == 0) return absl::OkStatus();
  int64_t row_bytes = 0;
  for (const AskedView& view : views_) {
    for (int feature : view.features) row_bytes += ValueBytes(view.view->features(feature));
  }
  const auto own = static_cast<int64_t>(sizeof(KnownTime) + views_.size() * sizeof(RowRef));
  const int64_t always = kProgramBytes + kThreadBytes * static_cast<int64_t>(threads_.count()) +
                         arrow::util::TotalBufferSize(*labels_.table) + labels * own;
  const int64_t finding = always + labels * kIndexBytes;
  const int64_t reading = always + kRowGroupRows * row_bytes;
  if (const int64_t least = std::max(finding, reading); least > request_.memory_bytes) {
    return absl::ResourceExhaustedError(fmt::format(
        "--memory {} is too little for {}: at least {} are needed; give more, or make several "
        "training sets of fewer labels",
        FormatByteSize(request_.memory_bytes), Counted(labels, "label", "labels"),
        ShowByteSize(least)));
  }
  const int64_t groups = (request_.memory_bytes - always) / (kRowGroupRows * row_bytes);
  labels_at_once_ = std::min(labels_at_once_, groups * kRowGroupRows);
  return absl::OkStatus();
}

absl::Status ViewJoins::FindRows(const v1::Project& project, std::vector<std::string>* warnings) {
  struct EntityLabels {
    LabelIndex index;
    std::optional<std::vector<int64_t>> key_hashes;
  };
  std::map<std::string, EntityLabels> labels_of_entity;
  for (const AskedView& asked : views_) {
    auto it = labels_of_entity.find(asked.entity->name());
    if (it == labels_of_entity.end()) {
      EntityLabels of_entity{LabelIndex(labels_, *asked.entity, threads_),
                             HashesOfKeys(labels_, *asked.entity, kFewKeys)};
      it = labels_of_entity.emplace(asked.entity->name(), std::move(of_entity)).first;
      if (const int64_t nulls = it->second.index.null_keys(); nulls > 0) {
        warnings->push_back(
            fmt::format("{} a null in the key of entity {}: their features have their defaults",
                        Counted(nulls, "label has", "labels have"), asked.entity->name()));
      }
    }
    const EntityLabels& of_entity = it->second;
    ViewId id{asked.view->name(), asked.view->version()};
    auto bounds = request_.bounds.find(id);
    joins_.push_back(std::make_unique<PointInTimeJoin>(
        labels_, of_entity.index,
        JoinedView{.view = asked.view,
                   .entity = asked.entity,
                   .features = asked.features,
                   .key_hashes = of_entity.key_hashes,
                   .bounds = bounds == request_.bounds.end() ? std::nullopt
                                                             : std::optional(bounds->second)},
        threads_));
    ExactRequest exact{project.name(), id, asked.index, asked.entity, request_.states};
    ASSIGN_OR_RETURN(JoinedTable joined,
                     JoinTable(request_.warehouse,
                               {.project = project.name(),
                                .view = id,
                                .version = request_.VersionOf(id),
                                .labels = &labels_,
                                .key_hashes = of_entity.key_hashes,
                                .progress = request_.progress,
                                .exact = request_.states == nullptr ? nullptr : &exact,
                                .events = FindEvents(request_, asked.view->source()),
                                .warnings = warnings},
                               joins_.back().get()));
    tables_.push_back(std::move(joined));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::shared_ptr<arrow::Array>>> ViewJoins::Values(int64_t first,
                                                                             int64_t labels) {
  std::vector<std::shared_ptr<arrow::Array>> values;
  for (size_t view = 0; view < views_.size(); ++view) {
    if (tables_[view].lease)
      tables_[view].lease->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
    ASSIGN_OR_RETURN(auto of_view, joins_[view]->Values(first, labels));
    const std::vector<int>& outputs = views_[view].outputs;
    for (size_t c = 0; c < of_view.size(); ++c) {
      values.resize(std::max<size_t>(values.size(), outputs[c] + 1));
      values[outputs[c]] = std::move(of_view[c]);
    }
  }
  return values;
}

std::vector<TrainingSetSummary::View> ViewJoins::Summaries() const {
  std::vector<TrainingSetSummary::View> summaries;
  for (size_t view = 0; view < views_.size(); ++view) {
    summaries.push_back(tables_[view].summary);
    summaries.back().matched = joins_[view]->matched();
    summaries.back().reads = joins_[view]->reads();
  }
  return summaries;
}

}  // namespace forebay
