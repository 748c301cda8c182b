#include "engine/aggregate/list_value.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

TEST(ListValue, HasTheDocumentedBytes) {
  std::string bools, ints, doubles, texts;
  AppendElement(true, &bools);
  AppendElement(false, &bools);
  AppendElement(int64_t{-2}, &ints);
  AppendElement(int64_t{1}, &ints);
  AppendElement(12.5, &doubles);
  AppendElement(std::string_view("ab"), &texts);
  AppendElement(std::string_view(), &texts);
  EXPECT_EQ(bools, std::string("\1\0", 2));
  EXPECT_EQ(ints, std::string("\xfe\xff\xff\xff\xff\xff\xff\xff\1\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(doubles, std::string("\0\0\0\0\0\0\x29\x40", 8));
  EXPECT_EQ(texts, std::string("\2\0\0\0ab\0\0\0\0", 10));
}

TEST(ListValue, ReadsBackInOrder) {
  std::string texts, doubles;
  for (std::string_view text : {"b", "", "a"}) AppendElement(text, &texts);
  for (double value : {-0.0, 1e300}) AppendElement(value, &doubles);
  EXPECT_EQ(ToValue(Scalar::List(texts), ListOf(DataType::kString)),
            Value(ValueList{std::string("b"), std::string(), std::string("a")}));
  EXPECT_EQ(ToValue(Scalar::List(doubles), ListOf(DataType::kDouble)),
            Value(ValueList{-0.0, 1e300}));
  EXPECT_EQ(ToValue(Scalar::List("\1"), ListOf(DataType::kBool)), Value(ValueList{true}));
}

TEST(ListValue, OfNoElementsIsNull) {
  EXPECT_TRUE(IsNull(ToValue(Scalar::List(""), ListOf(DataType::kInt64))));
}

TEST(ListValue, StopsWhereTheBytesAreNoElement) {
  struct Bad {
    DataType element;
    std::string bytes;
    size_t good;
  };
  const Bad cases[] = {{DataType::kInt64, std::string(15, '\0'), 1},
                       {DataType::kTimestamp, "1234567", 0},
                       {DataType::kDouble, std::string(9, '\0'), 1},
                       {DataType::kBool, std::string("\0\2", 2), 1},
                       {DataType::kString, std::string("\1\0\0\0a\2\0\0\0b", 10), 1},
                       {DataType::kBytes, std::string("\xff\xff\xff\xff", 4), 0},
                       {DataType::kBytes, "\1", 0}};
  for (const Bad& bad : cases) {
    ListReader elements(bad.element, bad.bytes);
    size_t count = 0;
    for (Scalar element; elements.Next(&element);) ++count;
    EXPECT_EQ(count, bad.good) << DataTypeName(bad.element);
    EXPECT_GT(elements.BytesLeft(), 0u) << DataTypeName(bad.element);
  }
}

}  // namespace
}  // namespace forebay
