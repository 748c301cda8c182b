#include "engine/state/view_plan.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

Window MakeWindow(const v1::Window& window) {
  switch (window.kind()) {
    case v1::Window::SAWTOOTH:
      return {Window::Kind::kSawtooth, window.size_us(), window.hop_us()};
    case v1::Window::TUMBLING:
      return {Window::Kind::kTumbling, window.size_us(), window.size_us()};
    default:
      return {};
  }
}

bool Same(const Window& a, const Window& b) {
  return a.kind == b.kind && a.size == b.size && a.hop == b.hop;
}

absl::StatusOr<const AggregateFunctions*> Functions(const v1::Aggregate& aggregate) {
  std::optional<DataType> argument;
  if (aggregate.arguments_size() > 0)
    argument = static_cast<DataType>(aggregate.arguments(0).type());
  const AggregateFunctions* functions = FindAggregate(aggregate.function(), argument);
  if (functions == nullptr) {
    return absl::InternalError(
        fmt::format("no aggregate {}({}), though the definition was accepted", aggregate.function(),
                    argument ? DataTypeName(*argument) : "*"));
  }
  return functions;
}

// What stored state depends on: not names of features nor services.
uint64_t Fingerprint(const v1::FeatureView& view) {
  std::string text = view.where().SerializeAsString();
  for (const v1::Aggregate& aggregate : view.aggregates()) {
    v1::Aggregate meaning = aggregate;
    meaning.clear_sql();
    text += '\n' + meaning.SerializeAsString();
  }
  for (const v1::Feature& feature : view.features()) {
    text += fmt::format("\n{} {} ", feature.name(), feature.aggregate()) +
            feature.window().SerializeAsString();
  }
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace

int ViewPlan::AddLevel(const Window& window) {
  for (size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].hop == window.hop) return static_cast<int>(i);
  }
  levels_.emplace_back().hop = window.hop;
  return static_cast<int>(levels_.size()) - 1;
}

int ViewPlan::AddSlot(int level, int aggregate, const AggregateFunctions* functions) {
  TileLevel& tiles = levels_[level];
  for (size_t i = 0; i < tiles.slots.size(); ++i) {
    if (tiles.slots[i].aggregate == aggregate) return static_cast<int>(i);
  }
  tiles.slots.push_back({functions, aggregate, tiles.words, tiles.blobs});
  tiles.words += functions->words;
  tiles.blobs += functions->blobs;
  return static_cast<int>(tiles.slots.size()) - 1;
}

absl::StatusOr<ViewPlan> ViewPlan::Make(const v1::FeatureView& view) {
  ViewPlan plan;
  plan.feature_count_ = view.features_size();
  plan.fingerprint_ = Fingerprint(view);
  for (int column = 0; column < view.features_size(); ++column) {
    const v1::Feature& feature = view.features(column);
    const v1::Aggregate& aggregate = view.aggregates(static_cast<int>(feature.aggregate()));
    ASSIGN_OR_RETURN(const AggregateFunctions* functions, Functions(aggregate));
    Window window = MakeWindow(feature.window());
    auto at = std::find_if(plan.windows_.begin(), plan.windows_.end(),
                           [&](const WindowPlan& known) { return Same(known.window, window); });
    if (at == plan.windows_.end()) {
      int level = plan.AddLevel(window);
      plan.levels_[level].windows.push_back(static_cast<int>(plan.windows_.size()));
      int64_t stay = window.kind == Window::Kind::kLifetime ? Window::kNever : window.Leaves(0);
      plan.levels_[level].stay = std::max(plan.levels_[level].stay, stay);
      plan.windows_.push_back({.window = window, .level = level});
      at = plan.windows_.end() - 1;
    }
    Scalar value;
    switch (feature.default_value().value_case()) {
      case v1::Literal::kBoolValue:
        value = Scalar::Bool(feature.default_value().bool_value());
        break;
      case v1::Literal::kInt64Value:
        value = Scalar::Int64(feature.default_value().int64_value());
        break;
      case v1::Literal::kDoubleValue:
        value = Scalar::Double(feature.default_value().double_value());
        break;
      case v1::Literal::kStringValue:
        plan.default_strings_.push_back(
            std::make_unique<std::string>(feature.default_value().string_value()));
        value = Scalar::String(*plan.default_strings_.back());
        break;
      case v1::Literal::VALUE_NOT_SET:
        break;
    }
    int slot = plan.AddSlot(at->level, static_cast<int>(feature.aggregate()), functions);
    at->features.push_back({column, slot, value});
    plan.defaults_.push_back(value);
  }
  for (WindowPlan& window : plan.windows_) {
    window.scratch_word = plan.scratch_words_;
    window.scratch_blob = plan.scratch_blobs_;
    plan.scratch_words_ += plan.levels_[window.level].words;
    plan.scratch_blobs_ += plan.levels_[window.level].blobs;
  }
  return plan;
}

}  // namespace forebay
