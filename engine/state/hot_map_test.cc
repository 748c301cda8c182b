// Which keys are here, and whether those are all that the store has.
#include "engine/state/hot_map.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay {
namespace {

constexpr uint64_t kHash = 7;

class HotMapTest : public testing::Test {
 protected:
  HotEntry* Insert(const HashedKey& key) {
    return hot_.Insert(key, KeyState(plan_), /*exists=*/true);
  }

  const ViewPlan plan_;
  HotMap hot_;
};

TEST_F(HotMapTest, KeysOfOneHashAreToldApart) {
  const HashedKey first("a", kHash), second("b", kHash), absent("c", kHash);
  EXPECT_EQ(hot_.PrefetchEntry(kHash), nullptr);
  EXPECT_EQ(hot_.FindFrom(nullptr, first), nullptr);
  HotEntry* of_first = Insert(first);
  HotEntry* of_second = Insert(second);
  HotEntry* had_it_first = hot_.PrefetchEntry(kHash);
  EXPECT_EQ(had_it_first, of_first);
  EXPECT_EQ(hot_.FindFrom(had_it_first, first), of_first);
  EXPECT_EQ(hot_.FindFrom(had_it_first, second), of_second);
  EXPECT_EQ(hot_.FindFrom(had_it_first, absent), nullptr);
  EXPECT_EQ(hot_.Find(second), of_second);
}

TEST_F(HotMapTest, OneThatCollidedTakesThePlaceOfTheFirst) {
  const HashedKey first("a", kHash), second("b", kHash), third("c", kHash);
  hot_.MarkDirty(Insert(first));
  hot_.MarkDirty(Insert(second));
  HotEntry* of_third = Insert(third);
  const auto found = [&](const HashedKey& key) { return hot_.Read(key, [](const HotEntry&) {}); };
  hot_.BeginCut(1, [](HotEntry&) {});
  hot_.AdvanceCut(10);
  hot_.MarkDirty(hot_.Find(third));
  hot_.Evict(/*durable_cut=*/1, /*budget=*/of_third->bytes);
  EXPECT_FALSE(found(first));
  EXPECT_FALSE(found(second));
  EXPECT_TRUE(found(third));
  EXPECT_EQ(hot_.PrefetchEntry(kHash), of_third);
  EXPECT_EQ(hot_.size(), 1u);
}

TEST_F(HotMapTest, HasAllUntilTheStoreHasMore) {
  Insert(HashedKey("a"));
  EXPECT_TRUE(hot_.has_all());
  hot_.StoreHasMore();
  EXPECT_FALSE(hot_.has_all());
}

TEST_F(HotMapTest, HasAllUntilAnEntryIsEvicted) {
  hot_.MarkDirty(Insert(HashedKey("a")));
  hot_.Evict(/*durable_cut=*/0, /*budget=*/0);
  EXPECT_TRUE(hot_.has_all());  // it is newer than the store, and stays
  hot_.BeginCut(1, [](HotEntry&) {});
  hot_.AdvanceCut(10);
  hot_.Evict(/*durable_cut=*/1, /*budget=*/0);
  EXPECT_EQ(hot_.size(), 0u);
  EXPECT_FALSE(hot_.has_all());
}

}  // namespace
}  // namespace forebay
