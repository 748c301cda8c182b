#include "engine/task/stored_views.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "forebay/v1/state.pb.h"

namespace forebay {
namespace {

struct MapDelta final : StateDelta {
  void Put(std::string_view, std::string_view) override { FAIL() << "nothing is to be put"; }
  void Delete(std::string_view key) override { deletes.emplace_back(key); }
  void Purge(std::string_view) override {}
  void SetMeta(std::string_view bytes) override { meta = bytes; }

  std::vector<std::string> deletes;
  std::string meta;
};

// Fails every commit after the first `commits`.
class MapStore final : public StateStore {
 public:
  absl::StatusOr<std::optional<std::string>> ReadMeta() const override { return meta; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view) const override {
    return absl::UnimplementedError("Get");
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view>) const override {
    return absl::UnimplementedError("MultiGet");
  }
  absl::Status Scan(
      const std::function<absl::Status(std::string_view, std::string_view)>& visit) const override {
    for (const auto& [key, value] : states) {
      if (absl::Status status = visit(key, value); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  std::unique_ptr<StateDelta> NewDelta(size_t) const override {
    return std::make_unique<MapDelta>();
  }
  absl::Status Commit(StateDelta& changes) override {
    if (commits-- == 0) return absl::UnavailableError("killed");
    const auto& delta = static_cast<MapDelta&>(changes);
    for (const std::string& key : delta.deletes) states.erase(key);
    meta = delta.meta;
    return absl::OkStatus();
  }

  std::optional<std::string> meta;
  std::map<std::string, std::string> states;
  int commits = 1'000;
};

std::string KeyOf(uint32_t number, const std::string& key) {
  std::string prefix(4, '\0');
  for (int i = 0; i < 4; ++i) prefix[i] = static_cast<char>(number >> (24 - 8 * i));
  return prefix + key;
}

const ViewId kSpend{"spend", 1};
const ViewId kVisits{"visits", 1};
constexpr int64_t kKeys = 250'000;  // of spend, more than go in one write

v1::TaskMeta Meta() {
  v1::TaskMeta meta;
  meta.set_format_version(3);
  meta.set_position(70);
  meta.set_next_view_id(259);
  for (const auto& [view, number] : {std::pair(kSpend, 258), std::pair(kVisits, 2)}) {
    v1::StoredView& stored = *meta.add_views();
    stored.set_name(view.name);
    stored.set_version(view.version);
    stored.set_id(number);
    stored.set_position(70);
  }
  return meta;
}

MapStore TwoViews() {
  MapStore store;
  store.meta = Meta().SerializeAsString();
  for (int64_t i = 0; i < kKeys; ++i) store.states[KeyOf(258, std::to_string(i))] = "tiles";
  store.states[KeyOf(2, "u1")] = "tiles";
  return store;
}

TEST(StoredViews, CountTheirKeys) {
  auto keys = CountStoredKeys(TwoViews());
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(*keys, (std::map<ViewId, int64_t>{{kSpend, kKeys}, {kVisits, 1}}));
}

TEST(StoredViews, AreForgottenWithTheirKeysAndOthersStay) {
  MapStore store = TwoViews();
  EXPECT_EQ(ForgetViews({kSpend, {"spend", 2}}, &store).value(), kKeys);
  EXPECT_EQ(store.states, (std::map<std::string, std::string>{{KeyOf(2, "u1"), "tiles"}}));
  v1::TaskMeta left = Meta();
  left.mutable_views()->DeleteSubrange(0, 1);
  EXPECT_EQ(*store.meta, left.SerializeAsString());
}

TEST(StoredViews, AreForgottenByTheSecondCallWhereTheFirstWasInterrupted) {
  MapStore store = TwoViews();
  store.commits = 1;
  EXPECT_FALSE(ForgetViews({kSpend}, &store).ok());
  EXPECT_FALSE(CountStoredKeys(store)->contains(kSpend)) << "left keys must not pass for a state";
  int64_t left = static_cast<int64_t>(store.states.size()) - 1;
  EXPECT_GT(left, 0);
  store.commits = 1'000;
  EXPECT_EQ(ForgetViews({kSpend}, &store).value(), left);
  EXPECT_EQ(store.states.size(), 1u);
}

TEST(StoredViews, OfANewStoreAreNoneAndItStaysNew) {
  MapStore store;
  EXPECT_EQ(ForgetViews({kSpend}, &store).value(), 0);
  EXPECT_EQ(store.meta, std::nullopt);
  EXPECT_TRUE(CountStoredKeys(store)->empty());
}

}  // namespace
}  // namespace forebay
