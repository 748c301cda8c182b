#include "engine/task/archive_rows.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/batch/archive_batch.h"
#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using testing::ElementsAre;

// Columns user (the key) and amount.
v1::Project Payments(v1::DataType key_type, bool keyed = true) {
  v1::Project project;
  v1::Source& source = *project.add_sources();
  source.set_name("payments");
  source.set_topic("payments");
  source.set_archive(true);
  if (keyed) source.add_key("user");
  for (auto [name, type] : {std::pair("user", key_type), std::pair("amount", v1::INT64)}) {
    v1::Field& field = *source.add_schema();
    field.set_name(name);
    field.set_type(type);
  }
  return project;
}

std::shared_ptr<arrow::Array> Texts(const std::vector<const char*>& values) {
  arrow::StringBuilder builder;
  for (const char* value : values)
    EXPECT_TRUE((value == nullptr ? builder.AppendNull() : builder.Append(value)).ok());
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Numbers(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}

// Offsets 5, 6 and 9; the record keys are "k5", none, and "k9"; the second user is null.
EventBatch Batch(const TaskPlan& plan) {
  EventBatch batch;
  batch.columns = arrow::RecordBatch::Make(plan.event_schema, 3,
                                           {Texts({"ann", nullptr, "bob"}), Numbers({1, 2, 3})});
  batch.records = {{.offset = Offset(5), .timestamp = 50, .key = "k5"},
                   {.offset = Offset(6), .timestamp = 60},
                   {.offset = Offset(9), .timestamp = 90, .key = "k9"}};
  for (int64_t time : {51, 61, 91}) batch.event_times.emplace_back(time);
  for (int64_t time : {52, 62, 92}) batch.known_times.emplace_back(time);
  return batch;
}

template <typename Array>
std::vector<int64_t> ValuesOf(const arrow::RecordBatch& rows, const char* column) {
  std::vector<int64_t> values;
  const auto& array = static_cast<const Array&>(*rows.GetColumnByName(column));
  for (int64_t i = 0; i < array.length(); ++i) values.push_back(array.Value(i));
  return values;
}

int64_t HashOf(std::string_view key) { return KeyHash(HashedKey(key)); }

TEST(ArchiveRows, HaveTheColumnsOfTheSourceAndWhereTheyComeFrom) {
  v1::Project project = Payments(v1::STRING);
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  ASSERT_EQ(plans.size(), 1);  // though no view reads it
  const TaskPlan& plan = plans[0];
  EventBatch batch = Batch(plan);
  EventColumns columns(plan.computed, *plan.event_schema);
  columns.Evaluate(*batch.columns);
  auto rows =
      MakeArchiveRows(*plan.archive, batch, 0, PartitionId(3), &columns.keys(plan.archive->keys));
  ASSERT_TRUE(rows->ValidateFull().ok());
  EXPECT_TRUE(rows->schema()->Equals(*ArchiveSchema(project.sources(0))));
  EXPECT_TRUE(rows->GetColumnByName("user")->Equals(Texts({"ann", nullptr, "bob"})));
  EXPECT_TRUE(rows->GetColumnByName("amount")->Equals(Numbers({1, 2, 3})));
  EXPECT_THAT(ValuesOf<arrow::TimestampArray>(*rows, "_event_time"), ElementsAre(51, 61, 91));
  EXPECT_THAT(ValuesOf<arrow::TimestampArray>(*rows, "_known_time"), ElementsAre(52, 62, 92));
  EXPECT_THAT(ValuesOf<arrow::TimestampArray>(*rows, "_timestamp"), ElementsAre(50, 60, 90));
  EXPECT_THAT(ValuesOf<arrow::Int32Array>(*rows, "_source_partition"), ElementsAre(3, 3, 3));
  EXPECT_THAT(ValuesOf<arrow::Int64Array>(*rows, "_source_offset"), ElementsAre(5, 6, 9));
  const auto& keys = static_cast<const arrow::BinaryArray&>(*rows->GetColumnByName("_key"));
  EXPECT_EQ(keys.GetView(0), "k5");
  EXPECT_TRUE(keys.IsNull(1));
  EXPECT_EQ(keys.GetView(2), "k9");
  EXPECT_THAT(ValuesOf<arrow::Int64Array>(*rows, "_key_hash"),
              ElementsAre(HashOf("ann"), 0, HashOf("bob")));
  EXPECT_EQ(rows->schema()->field(DatedColumn(*rows->schema()))->name(), "_event_time");
  EXPECT_EQ(RowsAfter(rows, Offset(6))->num_rows(), 1);
}

TEST(ArchiveRows, MayBeginInTheMiddle) {
  v1::Project project = Payments(v1::STRING);
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  EventBatch batch = Batch(plans[0]);
  EventColumns columns(plans[0].computed, *plans[0].event_schema);
  columns.Evaluate(*batch.columns);
  const KeyColumn* keys = &columns.keys(plans[0].archive->keys);
  auto all = MakeArchiveRows(*plans[0].archive, batch, 0, PartitionId(3), keys);
  auto last = MakeArchiveRows(*plans[0].archive, batch, 2, PartitionId(3), keys);
  EXPECT_TRUE(last->Equals(*all->Slice(2)));
}

TEST(ArchiveRows, WithoutAKeyThatCanBeEncodedTheRecordsOwnIsHashed) {
  for (bool keyed : {false, true}) {
    v1::Project project = Payments(v1::DOUBLE, keyed);
    std::vector<TaskPlan> plans = PlanTasks(project).value();
    EXPECT_EQ(plans[0].archive->keys, ColumnsPlan::kNone);
  }
  v1::Project project = Payments(v1::STRING, /*keyed=*/false);
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  auto rows = MakeArchiveRows(*plans[0].archive, Batch(plans[0]), 0, PartitionId(0), nullptr);
  EXPECT_THAT(ValuesOf<arrow::Int64Array>(*rows, "_key_hash"),
              ElementsAre(HashOf("k5"), 0, HashOf("k9")));
}

}  // namespace
}  // namespace forebay
