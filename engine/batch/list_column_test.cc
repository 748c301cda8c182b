#include "engine/batch/list_column.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "engine/aggregate/list_value.h"
#include "engine/batch/arrow_type.h"

namespace forebay {
namespace {

// Of each type, three elements.
std::vector<std::pair<DataType, std::string>> Lists() {
  std::string bools, ints, doubles, texts;
  for (bool value : {true, false, true}) AppendElement(value, &bools);
  for (int64_t value : {-1, 0, 1 << 30}) AppendElement(value, &ints);
  for (double value : {-0.0, 1e300, 12.5}) AppendElement(value, &doubles);
  for (std::string_view value : {"a", "", "\xff"}) AppendElement(value, &texts);
  return {{DataType::kBool, bools},   {DataType::kInt64, ints},  {DataType::kDouble, doubles},
          {DataType::kString, texts}, {DataType::kBytes, texts}, {DataType::kTimestamp, ints}};
}

TEST(ListColumn, GivesBackWhatWasAppended) {
  for (const auto& [element, list] : Lists()) {
    auto builder = arrow::MakeBuilder(ArrowType(ListOf(element))).ValueOrDie();
    ASSERT_TRUE(builder->AppendNull().ok());
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(AppendList(element, list, builder.get()).ok());
    std::shared_ptr<arrow::Array> column = builder->Finish().ValueOrDie();
    ASSERT_TRUE(HoldsLists(*column->type(), element));
    std::string read = "what was there";
    ReadList(*column->Slice(1), 1, element, &read);
    EXPECT_EQ(read, list) << DataTypeName(element);
  }
}

TEST(ListColumn, ReadsWhatOtherProgramsWrite) {
  arrow::LargeListBuilder builder(arrow::default_memory_pool(),
                                  std::make_shared<arrow::LargeStringBuilder>());
  auto* values = static_cast<arrow::LargeStringBuilder*>(builder.value_builder());
  ASSERT_TRUE(builder.Append().ok());
  ASSERT_TRUE(values->Append("a").ok());
  ASSERT_TRUE(values->AppendNull().ok());
  ASSERT_TRUE(values->Append("b").ok());
  std::shared_ptr<arrow::Array> column = builder.Finish().ValueOrDie();
  ASSERT_TRUE(HoldsLists(*column->type(), DataType::kString));
  std::string read, wanted;
  for (std::string_view text : {"a", "b"}) AppendElement(text, &wanted);
  ReadList(*column, 0, DataType::kString, &read);
  EXPECT_EQ(read, wanted);
}

TEST(ListColumn, OfAnotherTypeIsNone) {
  EXPECT_FALSE(HoldsLists(*arrow::int64(), DataType::kInt64));
  EXPECT_FALSE(HoldsLists(*arrow::list(arrow::int32()), DataType::kInt64));
  EXPECT_FALSE(HoldsLists(*arrow::list(arrow::int64()), DataType::kTimestamp));
  EXPECT_FALSE(HoldsLists(*arrow::list(arrow::int64()), DataType::kString));
  EXPECT_FALSE(HoldsLists(*arrow::list(arrow::utf8()), DataType::kDouble));
}

}  // namespace
}  // namespace forebay
