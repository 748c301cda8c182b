// A view and rows of change records for tests of the offline folders.
//
//   v1::Project project = TestProject();
//   auto rows = TestRows(project, {{.offset = 7, .key = "a", .effective_time = 70}});
#ifndef FOREBAY_OFFLINE_CHANGE_LOG_CHANGE_ROWS_H_
#define FOREBAY_OFFLINE_CHANGE_LOG_CHANGE_ROWS_H_

#include <arrow/api.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/batch/change_batch.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// Views "spend" and "visits", version 1, of entity "user" (key user_id): features total (double),
// events (int64, default 0) and last_country (string).
inline v1::Project TestProject() {
  v1::Project project;
  project.set_name("demo");
  v1::Entity* entity = project.add_entities();
  entity->set_name("user");
  v1::Field* key = entity->add_keys();
  key->set_name("user_id");
  key->set_type(v1::STRING);
  for (const char* name : {"spend", "visits"}) {
    v1::FeatureView* view = project.add_feature_views();
    view->set_name(name);
    view->set_version(1);
    view->set_source("transactions");
    view->set_entity("user");
    v1::Feature* total = view->add_features();
    total->set_name("total");
    total->set_type(v1::DOUBLE);
    v1::Feature* events = view->add_features();
    events->set_name("events");
    events->set_type(v1::INT64);
    events->mutable_default_value()->set_int64_value(0);
    v1::Feature* country = view->add_features();
    country->set_name("last_country");
    country->set_type(v1::STRING);
  }
  return project;
}

struct TestRow {
  int64_t offset = 0;
  std::string key;
  int64_t effective_time = 0;  // microseconds
  std::string op = "event";
  std::optional<double> total;
  int64_t events = 0;
  std::optional<std::string> country;
  int32_t ordinal = 0;
  std::optional<int64_t> key_hash = std::nullopt;  // where a test looks at hashes
};

inline std::shared_ptr<arrow::RecordBatch> TestRows(const v1::Project& project,
                                                    const std::vector<TestRow>& rows, int view = 0,
                                                    int partition = 0) {
  auto schema = ChangeSchema(project.feature_views(view), project.entities(0));
  auto builder = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
  for (const TestRow& row : rows) {
    (void)builder->GetFieldAs<arrow::StringBuilder>(0)->Append(row.key);
    if (row.total) {
      (void)builder->GetFieldAs<arrow::DoubleBuilder>(1)->Append(*row.total);
    } else {
      (void)builder->GetFieldAs<arrow::DoubleBuilder>(1)->AppendNull();
    }
    (void)builder->GetFieldAs<arrow::Int64Builder>(2)->Append(row.events);
    if (row.country) {
      (void)builder->GetFieldAs<arrow::StringBuilder>(3)->Append(*row.country);
    } else {
      (void)builder->GetFieldAs<arrow::StringBuilder>(3)->AppendNull();
    }
    for (int c = 4; c < 7; ++c) {
      (void)builder->GetFieldAs<arrow::TimestampBuilder>(c)->Append(row.effective_time);
    }
    (void)builder->GetFieldAs<arrow::StringBuilder>(7)->Append(row.op);
    (void)builder->GetFieldAs<arrow::Int64Builder>(8)->Append(
        row.key_hash.value_or(static_cast<int64_t>(std::hash<std::string>{}(row.key))));
    (void)builder->GetFieldAs<arrow::Int32Builder>(9)->Append(partition);
    (void)builder->GetFieldAs<arrow::Int64Builder>(10)->Append(row.offset);
    (void)builder->GetFieldAs<arrow::Int32Builder>(11)->Append(row.ordinal);
    (void)builder->GetFieldAs<arrow::Int32Builder>(12)->Append(1);
  }
  return builder->Flush().ValueOrDie();
}

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_CHANGE_LOG_CHANGE_ROWS_H_
