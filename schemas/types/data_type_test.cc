#include "schemas/types/data_type.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay {
namespace {

constexpr DataType kScalars[] = {DataType::kBool,   DataType::kInt64, DataType::kDouble,
                                 DataType::kString, DataType::kBytes, DataType::kTimestamp};

TEST(DataType, AListIsNumberedAndNamedAfterItsElements) {
  EXPECT_EQ(static_cast<int>(ListOf(DataType::kTimestamp)), 22);
  for (DataType type : kScalars) {
    EXPECT_FALSE(IsList(type));
    EXPECT_TRUE(IsList(ListOf(type)));
    EXPECT_EQ(ElementType(ListOf(type)), type);
    EXPECT_EQ(DataTypeName(ListOf(type)), "list<" + std::string(DataTypeName(type)) + ">");
  }
}

TEST(DataType, OnlyScalarsAreRead) {
  for (DataType type : kScalars) {
    EXPECT_EQ(ParseDataType(DataTypeName(type)), type);
    EXPECT_EQ(ParseDataType(DataTypeName(ListOf(type))), std::nullopt);
  }
  EXPECT_EQ(ParseDataType("list"), std::nullopt);
}

}  // namespace
}  // namespace forebay
