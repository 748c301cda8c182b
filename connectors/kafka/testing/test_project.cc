#include "connectors/kafka/testing/test_project.h"

#include <arrow/api.h>

#include <cstdlib>

namespace forebay {
namespace {

// Tests only: a builder that fails is a bug of the test.
void Check(const arrow::Status& status) {
  if (!status.ok()) std::abort();
}

std::shared_ptr<arrow::Array> Finish(arrow::ArrayBuilder& builder) {
  std::shared_ptr<arrow::Array> array;
  Check(builder.Finish(&array));
  return array;
}

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> Column(Builder&& builder, const std::vector<TestRow>& rows,
                                     Value value) {
  for (const TestRow& row : rows) Check(builder.Append(value(row)));
  return Finish(builder);
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
  v1::Feature& feature = *view.add_features();
  feature.set_name("count");
  feature.set_type(v1::INT64);
  return project;
}

ChangeBatch TestChanges(const TaskId& task, const std::vector<TestRow>& rows) {
  v1::Project project = TestProject();
  auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  auto* pool = arrow::default_memory_pool();
  auto times = [&] {
    return Column(arrow::TimestampBuilder(time, pool), rows,
                  [](const TestRow& row) { return row.offset * 1'000'000; });
  };
  int64_t previous = -1;
  int32_t ordinal = 0;
  auto next_ordinal = [&](const TestRow& row) {
    ordinal = row.offset == previous ? ordinal + 1 : 0;
    previous = row.offset;
    return ordinal;
  };
  std::vector<std::shared_ptr<arrow::Array>> columns = {
      Column(arrow::StringBuilder(), rows, [](const TestRow& row) { return row.user; }),
      Column(arrow::Int64Builder(), rows, [](const TestRow& row) { return row.count; }),
      times(),
      times(),
      times(),
      Column(arrow::StringBuilder(), rows, [](const TestRow& row) { return row.op; }),
      Column(arrow::Int64Builder(), rows, [](const TestRow&) { return 7; }),
      Column(arrow::Int32Builder(), rows, [&](const TestRow&) { return task.partition.value(); }),
      Column(arrow::Int64Builder(), rows, [](const TestRow& row) { return row.offset; }),
      Column(arrow::Int32Builder(), rows, next_ordinal),
      Column(arrow::Int32Builder(), rows, [](const TestRow&) { return 1; }),
  };
  auto schema = ChangeSchema(project.feature_views(0), project.entities(0));
  return {0, arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), columns)};
}

TaskOutput TestOutput(const TaskId& task, int64_t position, const std::vector<TestRow>& rows) {
  TaskOutput output{.task = task, .position = Offset(position), .clock = KnownTime(0)};
  if (!rows.empty()) output.changes.push_back(TestChanges(task, rows));
  return output;
}

}  // namespace forebay
