// What the views of a source have in common is planned and evaluated once; what goes wrong in it
// is counted for each view that takes the batch.
#include "engine/task/event_columns.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

// For views "a", "b" and "c" of a user: what they read is in EventColumnsTest.
constexpr char kProject[] = R"pb(
  name: "shop"
  sources {
    name: "events"
    topic: "events"
    key: "user"
    schema { name: "user" type: STRING }
    schema { name: "i" type: INT64 }
    schema { name: "d" type: DOUBLE }
  }
  entities {
    name: "user"
    keys { name: "user" type: STRING }
  })pb";

constexpr char kRemainder[] = R"pb(
  type: INT64
  call {
    function: "modulo"
    arguments {
      type: INT64
      literal { int64_value: 10 }
    }
    arguments { type: INT64 column: "i" }
  })pb";

constexpr char kAboveOne[] = R"pb(
  type: BOOL
  call {
    function: "less"
    arguments {
      type: DOUBLE
      literal { double_value: 1 }
    }
    arguments { type: DOUBLE column: "d" }
  })pb";

v1::Expression Parse(const char* text) {
  v1::Expression expression;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &expression));
  return expression;
}

// "a" and "b" sum 10 % i filter (where d > 1), "c" sums d; "b" and "c" have `where: d > 1`.
class EventColumnsTest : public testing::Test {
 protected:
  EventColumnsTest() {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kProject, &project_));
    AddView("a");
    *AddView("b")->mutable_where() = Parse(kAboveOne);
    v1::FeatureView* c = AddView("c");
    *c->mutable_where() = Parse(kAboveOne);
    v1::Aggregate* sum = c->mutable_aggregates(0);
    sum->clear_filter();
    sum->mutable_arguments(0)->set_type(v1::DOUBLE);
    sum->mutable_arguments(0)->set_column("d");
    plans_ = PlanTasks(project_).value();
    columns_.emplace(plan().computed, *plan().event_schema);
    for (const ViewTaskPlan& view : plan().views) views_.emplace_back(view, *columns_);
  }

  // With one feature: sum(10 % i) filter (where d > 1), ever.
  v1::FeatureView* AddView(const std::string& name) {
    v1::FeatureView* view = project_.add_feature_views();
    view->set_name(name);
    view->set_version(1);
    view->set_source("events");
    view->set_entity("user");
    v1::Aggregate* sum = view->add_aggregates();
    sum->set_function("sum");
    *sum->add_arguments() = Parse(kRemainder);
    *sum->mutable_filter() = Parse(kAboveOne);
    v1::Feature* feature = view->add_features();
    feature->set_name("sum");
    feature->mutable_window()->set_kind(v1::Window::LIFETIME);
    return view;
  }

  const TaskPlan& plan() const { return plans_.front(); }

  void Evaluate(const std::vector<int64_t>& i, const std::vector<double>& d) {
    arrow::StringBuilder users;
    arrow::Int64Builder ints;
    arrow::DoubleBuilder doubles;
    EXPECT_TRUE(users.AppendValues(std::vector<std::string>(i.size(), "u1")).ok());
    EXPECT_TRUE(ints.AppendValues(i).ok());
    EXPECT_TRUE(doubles.AppendValues(d).ok());
    batch_ = arrow::RecordBatch::Make(plan().event_schema, static_cast<int64_t>(i.size()),
                                      {*users.Finish(), *ints.Finish(), *doubles.Finish()});
    columns_->Evaluate(*batch_);
  }

  v1::Project project_;
  std::vector<TaskPlan> plans_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::optional<EventColumns> columns_;
  std::vector<ViewColumns> views_;
};

TEST_F(EventColumnsTest, WhatViewsHaveInCommonIsThereOnce) {
  EXPECT_EQ(plan().computed.keys.size(), 1u);
  EXPECT_EQ(plan().computed.inputs.size(), 2u);
  Evaluate({1, 2}, {0, 2});
  for (ViewColumns& view : views_) view.Take();
  EXPECT_EQ(&views_[0].keys(), &views_[2].keys());
  EXPECT_EQ(views_[0].inputs()[0].argument, views_[1].inputs()[0].argument);
  EXPECT_EQ(views_[0].inputs()[0].reads, views_[1].inputs()[0].reads);
  EXPECT_NE(views_[0].inputs()[0].argument, views_[2].inputs()[0].argument);
}

TEST_F(EventColumnsTest, EachViewReadsItsOwn) {
  Evaluate({1, 3, 4}, {2, 1, 5});
  for (ViewColumns& view : views_) view.Take();
  EXPECT_TRUE(views_[0].Passes(1));
  for (size_t view : {1, 2}) {
    EXPECT_TRUE(views_[view].Passes(0));
    EXPECT_FALSE(views_[view].Passes(1));
  }
  for (size_t view : {0, 1}) {
    const InputColumn& input = views_[view].inputs()[0];
    EXPECT_EQ(input.argument->ints[2], 2);
    EXPECT_TRUE(input.Reads(0));
    EXPECT_FALSE(input.Reads(1));
  }
  EXPECT_EQ(views_[2].inputs()[0].argument->doubles[2], 5);
  EXPECT_TRUE(views_[2].inputs()[0].Reads(1));
}

TEST_F(EventColumnsTest, ErrorsAndNansCountForTheViewsThatTakeTheBatch) {
  Evaluate({0, 1}, {NAN, 2});
  for (ViewColumns& view : views_) view.Take();
  Evaluate({0, 0}, {2, NAN});
  views_[0].Take();
  EXPECT_EQ(views_[0].Errors(0), 3);
  EXPECT_EQ(views_[1].Errors(0), 1);
  EXPECT_EQ(views_[2].Errors(0), 0);
  EXPECT_EQ(views_[0].NanValues(0), 0);
  EXPECT_EQ(views_[2].NanValues(0), 1);
  EXPECT_FALSE(views_[2].inputs()[0].Reads(1));
}

TEST_F(EventColumnsTest, ABatchWithoutNullsIsReadWhole) {
  Evaluate({1, 2}, {1, 2});
  views_[2].Take();
  EXPECT_EQ(views_[2].inputs()[0].reads, nullptr);
}

}  // namespace
}  // namespace forebay
