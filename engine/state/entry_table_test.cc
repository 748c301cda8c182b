#include "engine/state/entry_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace forebay {
namespace {

// Few hashes, so that they lie in each other's way, at the end of the table too; and never entered.
TEST(EntryTable, IsAMap) {
  EntryTable table;
  std::map<uint64_t, HotEntry*> expected;
  std::mt19937_64 random(1);
  for (uintptr_t i = 1; i <= 100'000; ++i) {
    const uint64_t hash = random() % 40 + (random() % 4) * 1013;
    auto* entry = reinterpret_cast<HotEntry*>(16 * i);
    if (expected.contains(hash) && random() % 3 != 0) {
      table.Erase(hash);
      expected.erase(hash);
    } else if (expected.size() < random() % 120) {
      table.Set(hash, entry);
      expected[hash] = entry;
    }
    ASSERT_EQ(table.size(), expected.size());
    const uint64_t other = random() % 40 + (random() % 4) * 1013;
    ASSERT_EQ(table.Find(other), expected.contains(other) ? expected[other] : nullptr) << i;
  }
  std::multimap<HotEntry*, int> visited;
  table.ForEach([&](HotEntry* entry) { visited.emplace(entry, 0); });
  EXPECT_EQ(visited.size(), expected.size());
  for (const auto& [hash, entry] : expected) {
    EXPECT_EQ(table.Find(hash), entry);
    EXPECT_EQ(visited.count(entry), 1u);
  }
}

}  // namespace
}  // namespace forebay
