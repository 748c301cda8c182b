#include "engine/state/view_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <numeric>
#include <optional>

#include "absl/status/status.h"
#include "engine/aggregate/summary.h"
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

// A double as its bits.
Word Parameter(const v1::Aggregate& aggregate) {
  const v1::Literal& literal = aggregate.parameter();
  return literal.has_double_value() ? std::bit_cast<Word>(literal.double_value())
                                    : static_cast<Word>(literal.int64_value());
}

}  // namespace

class ViewPlan::Builder {
 public:
  explicit Builder(const v1::FeatureView& view) : view_(view) {}

  absl::StatusOr<ViewPlan> Build();

 private:
  // What a feature reads: an aggregate over a window.
  struct Reading {
    int window = 0;
    int input = 0;
    DataType argument = DataType::kBool;  // of a summary
    const AggregateFunctions* functions = nullptr;
    Word parameter = 0;
    int slot = 0;  // of the window's level
  };
  // A partial in the making.
  struct Slot {
    int input = 0;
    const AggregateFunctions* functions = nullptr;  // of the first aggregate that it is for
    DataType argument = DataType::kBool;            // of a summary
    SummaryParts parts = 0;
    Word parameter = 0;
  };

  absl::Status AddInputs();
  absl::Status AddReading(const v1::Feature& feature);
  int WindowIndex(const Window& window);
  void AddLevels();
  int SlotIndex(const Reading& reading, std::vector<Slot>* slots);
  void LayOutTiles(const std::vector<Slot>& slots, TileLevel* level);
  void AddFeature(int column);
  Scalar DefaultOf(const v1::Literal& literal);

  const v1::FeatureView& view_;
  ViewPlan plan_;
  std::vector<Reading> readings_;         // one per feature
  std::vector<std::vector<Slot>> slots_;  // of each level
};

// Expressions are equal if they say the same: the parsed forms are compared.
absl::Status ViewPlan::Builder::AddInputs() {
  std::vector<std::string> known;
  for (int i = 0; i < view_.aggregates_size(); ++i) {
    v1::Aggregate input;
    *input.mutable_arguments() = view_.aggregates(i).arguments();
    if (view_.aggregates(i).has_filter()) *input.mutable_filter() = view_.aggregates(i).filter();
    ASSIGN_OR_RETURN(const AggregateFunctions* functions, Functions(view_.aggregates(i)));
    std::string text = input.SerializeAsString() + (functions->takes_nulls ? "with nulls" : "");
    auto at = std::find(known.begin(), known.end(), text);
    plan_.input_of_aggregate_.push_back(static_cast<int>(at - known.begin()));
    if (at != known.end()) continue;
    known.push_back(std::move(text));
    plan_.inputs_.push_back({i, functions->takes_nulls});
  }
  return absl::OkStatus();
}

absl::Status ViewPlan::Builder::AddReading(const v1::Feature& feature) {
  auto index = static_cast<int>(feature.aggregate());
  const v1::Aggregate& aggregate = view_.aggregates(index);
  Reading& reading = readings_.emplace_back();
  ASSIGN_OR_RETURN(reading.functions, Functions(aggregate));
  reading.window = WindowIndex(MakeWindow(feature.window()));
  reading.input = plan_.input_of_aggregate_[index];
  if (aggregate.arguments_size() > 0)
    reading.argument = static_cast<DataType>(aggregate.arguments(0).type());
  reading.parameter = Parameter(aggregate);
  return absl::OkStatus();
}

int ViewPlan::Builder::WindowIndex(const Window& window) {
  std::vector<WindowPlan>& windows = plan_.windows_;
  auto at = std::find_if(windows.begin(), windows.end(),
                         [&](const WindowPlan& known) { return known.window == window; });
  if (at == windows.end()) {
    int64_t stay = window.kind == Window::Kind::kLifetime ? Window::kNever : window.Leaves(0);
    WindowPlan plan;
    plan.window = window;
    plan.stay = stay;
    at = windows.insert(at, std::move(plan));
  }
  return static_cast<int>(at - windows.begin());
}

void ViewPlan::Builder::AddLevels() {
  std::vector<TileLevel>& levels = plan_.levels_;
  for (const WindowPlan& window : plan_.windows_) {
    auto same = [&](const TileLevel& level) { return level.hop == window.window.hop; };
    if (std::none_of(levels.begin(), levels.end(), same))
      levels.emplace_back().hop = window.window.hop;
  }
  std::sort(levels.begin(), levels.end(), [](const TileLevel& a, const TileLevel& b) {
    return (a.hop == 0 ? Window::kNever : a.hop) > (b.hop == 0 ? Window::kNever : b.hop);
  });
  for (size_t i = 0; i < plan_.windows_.size(); ++i) {
    WindowPlan& window = plan_.windows_[i];
    auto level = std::find_if(levels.begin(), levels.end(), [&](const TileLevel& level) {
      return level.hop == window.window.hop;
    });
    window.level = static_cast<int>(level - levels.begin());
    level->windows.push_back(static_cast<int>(i));
    level->stay = std::max(level->stay, window.stay);
    if (window.window.kind != Window::Kind::kLifetime) level->boundaries.push_back(window.stay);
    if (window.window.kind == Window::Kind::kTumbling) level->boundaries.push_back(0);
  }
}

// Aggregates of one input share a partial if it is a summary of both, or means the same for both.
int ViewPlan::Builder::SlotIndex(const Reading& reading, std::vector<Slot>* slots) {
  const AggregateFunctions& functions = *reading.functions;
  auto shared = [&](const Slot& slot) {
    if (slot.input != reading.input) return false;
    if (functions.summary != SummaryValue::kNone)
      return slot.functions->summary != SummaryValue::kNone;
    return slot.functions->update == functions.update && slot.functions->merge == functions.merge &&
           slot.parameter == reading.parameter;
  };
  auto at = std::find_if(slots->begin(), slots->end(), shared);
  if (at == slots->end()) {
    at = slots->insert(at, {reading.input, &functions, reading.argument, 0, reading.parameter});
  }
  at->parts |= PartsOf(functions.summary);
  return static_cast<int>(at - slots->begin());
}

void ViewPlan::Builder::LayOutTiles(const std::vector<Slot>& slots, TileLevel* level) {
  for (const Slot& slot : slots) level->blobs += slot.functions->blobs;
  if (level->blobs > 0) level->words = TileLevel::kBlobs + 1;
  int blob = 0;
  for (const Slot& slot : slots) {
    TileSlot& tile = level->slots.emplace_back();
    tile.functions = slot.functions->summary == SummaryValue::kNone
                         ? *slot.functions
                         : SummaryFunctions(slot.argument, slot.parts, SummaryValue::kCount);
    tile.input = slot.input;
    tile.parameter = slot.parameter;
    tile.word = level->words;
    tile.blob = blob;
    level->words += tile.functions.words;
    blob += tile.functions.blobs;
  }
}

void ViewPlan::Builder::AddFeature(int column) {
  const Reading& reading = readings_[column];
  WindowPlan& window = plan_.windows_[reading.window];
  const SummaryValue value = reading.functions->summary;
  auto partial =
      std::find_if(window.partials.begin(), window.partials.end(), [&](const PartialPlan& known) {
        return known.slot == reading.slot && known.readings[value] == PartialReadings::kNowhere;
      });
  if (partial == window.partials.end()) {
    partial = window.partials.emplace(partial);
    partial->slot = reading.slot;
  }
  if (reading.functions->read != nullptr) {
    partial->readings[value] = column;
  } else {
    partial->features.push_back({column, reading.functions->finalize});
  }
  window.columns.push_back(column);
  plan_.defaults_.push_back(DefaultOf(view_.features(column).default_value()));
}

Scalar ViewPlan::Builder::DefaultOf(const v1::Literal& literal) {
  switch (literal.value_case()) {
    case v1::Literal::kBoolValue:
      return Scalar::Bool(literal.bool_value());
    case v1::Literal::kInt64Value:
      return Scalar::Int64(literal.int64_value());
    case v1::Literal::kDoubleValue:
      return Scalar::Double(literal.double_value());
    case v1::Literal::kStringValue:
      plan_.default_strings_.push_back(std::make_unique<std::string>(literal.string_value()));
      return Scalar::String(*plan_.default_strings_.back());
    case v1::Literal::VALUE_NOT_SET:
      break;
  }
  return Scalar::Null();
}

absl::StatusOr<ViewPlan> ViewPlan::Builder::Build() {
  plan_.emit_every_ = view_.emit_every_us();
  plan_.feature_count_ = view_.features_size();
  RETURN_IF_ERROR(AddInputs());
  for (const v1::Feature& feature : view_.features()) RETURN_IF_ERROR(AddReading(feature));
  AddLevels();
  slots_.resize(plan_.levels_.size());
  for (Reading& reading : readings_)
    reading.slot = SlotIndex(reading, &slots_[plan_.windows_[reading.window].level]);
  for (size_t i = 0; i < slots_.size(); ++i) LayOutTiles(slots_[i], &plan_.levels_[i]);
  plan_.count_words_ = (plan_.levels_.size() + 1) / 2;
  plan_.head_words_ = plan_.count_words_ + (plan_.emit_every_ > 0 ? 1 : 0);
  for (const TileLevel& level : plan_.levels_) {
    plan_.event_words_ += level.words;
    plan_.boundary_grid_ = std::gcd(plan_.boundary_grid_, level.hop);
  }
  for (int column = 0; column < view_.features_size(); ++column) AddFeature(column);
  for (WindowPlan& window : plan_.windows_) {
    window.scratch_word = plan_.scratch_words_;
    window.scratch_blob = plan_.scratch_blobs_;
    plan_.scratch_words_ += plan_.levels_[window.level].words;
    plan_.scratch_blobs_ += plan_.levels_[window.level].blobs;
  }
  return std::move(plan_);
}

absl::StatusOr<ViewPlan> ViewPlan::Make(const v1::FeatureView& view) {
  return Builder(view).Build();
}

}  // namespace forebay
