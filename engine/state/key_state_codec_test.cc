#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/state/key_state.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

ViewPlan PlanOf(const std::string& text) {
  v1::FeatureView view;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &view));
  return ViewPlan::Make(view).value();
}

ViewPlan LastTexts(int n) {
  return PlanOf(R"(
    features { name: "s" type: STRING_LIST window { kind: SAWTOOTH size_us: 600 hop_us: 60 } }
    aggregates {
      function: "last_n" arguments { type: STRING column: "s" } type: STRING_LIST
      parameter { int64_value: )" +
                std::to_string(n) + " } }");
}

// Three texts in two tiles.
std::string Stored(const ViewPlan& plan) {
  const std::string_view texts[] = {"abc", "", "d"};
  Vector column{DataType::kString, 3};
  column.strings = texts;
  const InputColumn input{&column};
  TileStarts tiles(plan);
  KeyState state(plan);
  const int64_t event_times[] = {0, 59, 60};
  for (int row = 0; row < 3; ++row) {
    tiles.MoveTo(event_times[row]);
    state.Apply({event_times[row], row, row, {&input, 1}, &tiles}, 100 + row);
  }
  std::string bytes;
  state.Encode(&bytes);
  return bytes;
}

Value LastTextsAt(const ViewPlan& plan, const KeyState& state, int64_t t) {
  Finalizer finalizer(plan);
  Scalar feature;
  finalizer.Finalize(state, t, &feature);
  return ToValue(feature, ListOf(DataType::kString));
}

TEST(KeyStateCodec, ListsComeBack) {
  ViewPlan plan = LastTexts(2);
  std::string stored = Stored(plan), again;
  absl::StatusOr<KeyState> state = KeyState::Decode(plan, stored);
  ASSERT_TRUE(state.ok()) << state.status();
  state->Encode(&again);
  EXPECT_EQ(again, stored);
  EXPECT_EQ(LastTextsAt(plan, *state, 200), Value(ValueList{std::string(), std::string("d")}));
}

// What a bad disk leaves is refused, or is a list like any other; nothing reads beyond it.
TEST(KeyStateCodec, DamagedListsAreDataLoss) {
  ViewPlan plan = LastTexts(2);
  const std::string stored = Stored(plan);
  size_t form = stored.find('\1', stored.size() - 90);
  int refused = 0;
  for (size_t at = form; at < stored.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = stored;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      absl::StatusOr<KeyState> state = KeyState::Decode(plan, bytes);
      if (state.ok()) {
        LastTextsAt(plan, *state, 200);
      } else {
        EXPECT_EQ(state.status().code(), absl::StatusCode::kDataLoss) << state.status();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100);
  for (size_t size = form; size < stored.size(); ++size)
    EXPECT_FALSE(KeyState::Decode(plan, stored.substr(0, size)).ok()) << size;
}

// The constant is part of what the state means (S4), and each keeps its own partial.
TEST(ViewPlan, TellsConstantsApart) {
  ViewPlan plan = PlanOf(R"(
    aggregates {
      function: "last_n" arguments { type: INT64 column: "x" } parameter { int64_value: 2 }
    }
    aggregates {
      function: "last_n" arguments { type: INT64 column: "x" } parameter { int64_value: 3 }
    }
    features { aggregate: 0 window { kind: LIFETIME } }
    features { aggregate: 1 window { kind: LIFETIME } })");
  ASSERT_EQ(plan.levels()[0].slots.size(), 2u);
  EXPECT_EQ(plan.levels()[0].slots[0].parameter, 2u);
  EXPECT_EQ(plan.levels()[0].slots[1].parameter, 3u);
  EXPECT_EQ(plan.inputs().size(), 1u);
}

}  // namespace
}  // namespace forebay
