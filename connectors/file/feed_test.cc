// What is sent of files into their topic: which rows, and as what.
#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "connectors/file/feed_cursor.h"
#include "connectors/file/row_record.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

using testing::HasSubstr;

// The numbers, from 0, of the rows of these ranks that are sent.
std::vector<int> SentOf(const std::vector<int64_t>& ranks, FeedCursor* cursor) {
  std::vector<int> sent;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (cursor->Take(ranks[i]).value()) sent.push_back(static_cast<int>(i));
  }
  return sent;
}

FeedPosition Resumed(const FeedCursor& cursor) {
  return FeedPosition::Parse(cursor.position().ToString()).value();
}

TEST(FeedCursor, GoesOnBehindTheLastRowSentAlsoAmongRowsOfOneTime) {
  FeedCursor first{FeedPosition()};
  EXPECT_EQ(SentOf({10, 20, 20}, &first), (std::vector<int>{0, 1, 2}));
  FeedCursor second(Resumed(first));
  EXPECT_EQ(SentOf({10, 20, 20, 20, 30}, &second), (std::vector<int>{3, 4}));
  EXPECT_EQ(second.sent(), 2);
  FeedCursor third(Resumed(second));
  EXPECT_EQ(SentOf({10, 20, 20, 20, 30}, &third), std::vector<int>());
  EXPECT_EQ(third.position().rows, 5);
}

TEST(FeedCursor, RowsThatAreGoneAreNotMissed) {
  FeedCursor first{FeedPosition()};
  SentOf({10, 20, 20}, &first);
  FeedCursor overwritten(Resumed(first));
  EXPECT_EQ(SentOf({40, 50}, &overwritten), (std::vector<int>{0, 1}));
}

TEST(FeedCursor, RefusesRowsThatCameLate) {
  FeedCursor first{FeedPosition()};
  SentOf({-10, 20, 20}, &first);
  FeedCursor second(Resumed(first));
  EXPECT_FALSE(second.Take(-10).value());
  absl::Status late = second.Take(15).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(late));
  EXPECT_THAT(std::string(late.message()), HasSubstr("than the 1 that were: some came late"));
}

TEST(FeedPosition, RefusesWhatIsNone) {
  for (const char* text : {"", "1 2", "1 2 3 4", "a b c", "1 2 3x"}) {
    EXPECT_TRUE(absl::IsDataLoss(FeedPosition::Parse(text).status())) << text;
  }
}

// One row of a source with a column of each type.
class RowRecordTest : public testing::Test {
 protected:
  RowRecordTest() {
    Add("k", v1::STRING, arrow::utf8());
    Add("n", v1::INT64, arrow::int64());
    Add("x", v1::DOUBLE, arrow::float64());
    Add("b", v1::BOOL, arrow::boolean());
    Add("raw", v1::BYTES, arrow::binary());
    const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    Add("ms", v1::TIMESTAMP, micros, v1::MILLISECONDS);
    Add("ns", v1::TIMESTAMP, micros, v1::NANOSECONDS);
    Add("text", v1::TIMESTAMP, micros, v1::RFC3339);
    source_.set_event_time("ms");
    plan_ = PlanOfRows(source_);
  }

  void Add(const std::string& name, v1::DataType type, const std::shared_ptr<arrow::DataType>& as,
           v1::TimeEncoding encoding = v1::TIME_ENCODING_UNSPECIFIED) {
    v1::Field& field = *source_.add_schema();
    field.set_name(name);
    field.set_type(type);
    field.set_time_encoding(encoding);
    fields_.push_back(arrow::field(name, as));
  }

  absl::StatusOr<std::string> Write(const std::vector<std::shared_ptr<arrow::Scalar>>& values) {
    arrow::ArrayVector columns;
    for (const auto& value : values)
      columns.push_back(arrow::MakeArrayFromScalar(*value, 1).ValueOrDie());
    RowRecord record(plan_);
    auto text = record.Value(*arrow::RecordBatch::Make(arrow::schema(fields_), 1, columns), 0);
    if (!text.ok()) return text.status();
    return std::string(*text);
  }

  std::vector<std::shared_ptr<arrow::Scalar>> Values(double x, int64_t ms) const {
    auto time = [&](int64_t at) {
      return std::make_shared<arrow::TimestampScalar>(at, fields_.back()->type());
    };
    return {arrow::MakeScalar("a\"b"),
            arrow::MakeScalar(std::numeric_limits<int64_t>::max()),
            arrow::MakeScalar(x),
            arrow::MakeScalar(true),
            std::make_shared<arrow::BinaryScalar>(arrow::Buffer::FromString("\x01\xff")),
            time(ms),
            time(1'500'000),
            time(1'000'001)};
  }

  v1::Source source_;
  arrow::FieldVector fields_;
  TaskPlan plan_;
};

TEST_F(RowRecordTest, IsAJsonObjectAsTheSchemaHasIt) {
  EXPECT_EQ(Write(Values(0.1, 2'000)).value(),
            R"({"k":"a\"b","n":9223372036854775807,"x":0.1,"b":true,"raw":"Af8=","ms":2,)"
            R"("ns":1500000000,"text":"1970-01-01T00:00:01.000001Z"})");
  std::vector<std::shared_ptr<arrow::Scalar>> nulls;
  for (const auto& field : fields_) nulls.push_back(arrow::MakeNullScalar(field->type()));
  EXPECT_EQ(Write(nulls).value(),
            R"({"k":null,"n":null,"x":null,"b":null,"raw":null,"ms":null,"ns":null,"text":null})");
}

TEST_F(RowRecordTest, RefusesWhatTheSchemaHasNoFormFor) {
  EXPECT_THAT(Write(Values(std::numeric_limits<double>::infinity(), 0)).status().ToString(),
              HasSubstr("column x is infinite"));
  EXPECT_THAT(Write(Values(0, 2'001)).status().ToString(),
              HasSubstr("column ms is 1970-01-01T00:00:00.002001Z, which is no whole number"));
}

}  // namespace
}  // namespace forebay
