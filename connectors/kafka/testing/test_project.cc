#include "connectors/kafka/testing/test_project.h"

#include <memory>
#include <utility>

#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"

namespace forebay {
namespace {

ChangeOp OpNamed(const std::string& name) {
  if (name == "delete") return ChangeOp::kDelete;
  return name == "expire" ? ChangeOp::kExpire : ChangeOp::kEvent;
}

}  // namespace

v1::Project TestProject() {
  v1::Project project;
  project.set_name("shop");
  v1::Source& source = *project.add_sources();
  source.set_name("transactions");
  source.set_topic("transactions");
  source.add_key("user_id");
  v1::Entity& entity = *project.add_entities();
  entity.set_name("user");
  v1::Field& key = *entity.add_keys();
  key.set_name("user_id");
  key.set_type(v1::STRING);
  v1::FeatureView& view = *project.add_feature_views();
  view.set_name("user_spend");
  view.set_version(1);
  view.set_source("transactions");
  view.set_entity("user");
  view.set_update_every(v1::FeatureView::UPDATE_EVERY_CHANGE);
  view.set_update_headers(v1::FeatureView::HEADERS_ALL);
  v1::Feature& feature = *view.add_features();
  feature.set_name("count");
  feature.set_type(v1::INT64);
  return project;
}

void TakeSteps(const std::vector<TestRow>& rows, int view, SinkPart* part) {
  Change change{.offset = -1};
  for (const TestRow& row : rows) {
    const int64_t time = row.offset * 1'000'000;
    change = {.key = HashedKey(row.user),
              .effective_time = time,
              .event_time = time,
              .known_time = time,
              .op = OpNamed(row.op),
              .offset = row.offset,
              .ordinal = row.offset == change.offset ? change.ordinal + 1 : 0};
    const Scalar count = Scalar::Int64(row.count);
    part->Take(view, change, &count);
  }
}

void AddSteps(Sink& sink, const std::vector<TestRow>& rows, int view, TaskOutput* output) {
  if (output->parts.empty()) {
    std::unique_ptr<SinkPart> part = sink.Prepare(output->task);
    if (part == nullptr) return;
    output->parts.emplace_back(&sink, std::move(part));
  }
  if (sink.Wants(view).which == WantedSteps::Which::kNone) return;
  SinkPart& part = *output->parts.front().second;
  TakeSteps(rows, view, &part);
  part.Review(output);
}

TaskOutput TestOutput(Sink& sink, const TaskId& task, int64_t position,
                      const std::vector<TestRow>& rows, int view) {
  TaskOutput output{.task = task, .position = Offset(position), .clock = KnownTime(0)};
  AddSteps(sink, rows, view, &output);
  return output;
}

}  // namespace forebay
