#include "connectors/key_check/key_places.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

KeyPlace At(int32_t partition, int64_t offset) { return {PartitionId(partition), Offset(offset)}; }

TEST(KeyPlaces, AKeyInAnotherPartitionIsToldWithWhereItWasLast) {
  KeyPlaces places;
  EXPECT_EQ(places.See(7, At(0, 1)), std::nullopt);
  EXPECT_EQ(places.See(7, At(0, 2)), std::nullopt);
  EXPECT_EQ(places.See(7, At(3, 0)), At(0, 2));
  EXPECT_EQ(places.See(7, At(3, 1)), std::nullopt);
  EXPECT_EQ(places.See(7, At(0, 9)), At(3, 1));
}

TEST(KeyPlaces, KeysOfOneSlotAreToldApart) {
  KeyPlaces places;
  EXPECT_EQ(places.See(5, At(0, 1)), std::nullopt);
  EXPECT_EQ(places.See(5 + KeyPlaces::kSize, At(1, 1)), std::nullopt);
  EXPECT_EQ(places.See(5, At(1, 2)), std::nullopt) << "it was forgotten";
}

TEST(KeyPlaces, TheHashZeroIsAKeyLikeAnyOther) {
  KeyPlaces places;
  EXPECT_EQ(places.See(0, At(1, 4)), std::nullopt);
  EXPECT_EQ(places.See(0, At(2, 5)), At(1, 4));
}

}  // namespace
}  // namespace forebay
