#include "engine/task/newest_steps.h"

#include <algorithm>
#include <utility>

namespace forebay {
namespace {

// How far ahead the states of keys come from memory; their entries twice as far.
constexpr size_t kAhead = 8;

bool HasText(const Scalar& scalar) { return !scalar.null && scalar.text_size > 0; }

}  // namespace

void NewestSteps::Add(HotEntry* entry, const Change& change) {
  if (entry->step != 0) {
    ++coalesced_;
    if (kept_bytes_ > 0) steps_[entry->step - 1].kept = nullptr;
  }
  steps_.push_back({change, entry, nullptr});
  entry->step = static_cast<uint32_t>(steps_.size());
}

void NewestSteps::Keep(const HotEntry& entry, Finalizer* finalizer) {
  if (entry.step == 0) return;
  Step& step = steps_[entry.step - 1];
  if (step.kept != nullptr || step.change.op == ChangeOp::kDelete) return;
  const Scalar* features = FeaturesOf(step, finalizer);
  auto kept = std::make_unique<Kept>();
  kept->features.assign(features, features + plan_.feature_count());
  for (const Scalar& scalar : kept->features) {
    if (HasText(scalar)) kept->texts += scalar.string_value();
  }
  const char* text = kept->texts.data();
  for (Scalar& scalar : kept->features) {
    if (HasText(scalar)) scalar.text = std::exchange(text, text + scalar.text_size);
  }
  kept_bytes_ += sizeof(Kept) + kept->features.size() * sizeof(Scalar) + kept->texts.size();
  step.kept = std::move(kept);
}

const Scalar* NewestSteps::FeaturesOf(const Step& step, Finalizer* finalizer) {
  if (step.change.op == ChangeOp::kDelete) return plan_.defaults().data();
  if (step.kept != nullptr) return step.kept->features.data();
  finalizer->Finalize(step.entry->state, step.change.effective_time, features_.data());
  return features_.data();
}

void NewestSteps::Drain(
    Finalizer* finalizer,
    absl::FunctionRef<void(const Change& change, const Scalar* features)> visit) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (i + 2 * kAhead < steps_.size()) Prefetch(steps_[i + 2 * kAhead].entry);
    if (i + kAhead < steps_.size() && IsNewest(i + kAhead))
      steps_[i + kAhead].entry->state.Prefetch();
    if (!IsNewest(i)) continue;
    const Step& step = steps_[i];
    step.entry->step = 0;
    visit(step.change, FeaturesOf(step, finalizer));
  }
  steps_.clear();
  kept_bytes_ = 0;
}

}  // namespace forebay
