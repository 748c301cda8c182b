#include "engine/task/step_outlet.h"

#include "forebay/v1/definition.pb.h"

namespace forebay {

StepOutlet::StepOutlet(const ViewTaskPlan& plan)
    : view_(plan.view),
      emits_(plan.steps == Steps::kEmitted),
      updates_on_every_step_(plan.definition->updates() == v1::FeatureView::ON &&
                             plan.definition->update_every() ==
                                 v1::FeatureView::UPDATE_EVERY_CHANGE),
      updates_on_expiry_(plan.definition->update_expiry() == v1::FeatureView::ON),
      tiles_(plan.tiles),
      finalizer_(plan.tiles),
      features_(plan.tiles.feature_count()),
      newest_(plan.tiles) {}

void StepOutlet::Connect(const TaskOutput& output) {
  every_.clear();
  every_expiry_ = false;
  newest_taker_ = {};
  for (const auto& [sink, part] : output.parts) {
    WantedSteps wanted = sink->Wants(view_);
    if (wanted.which == WantedSteps::Which::kNone) continue;
    if (wanted.which != WantedSteps::Which::kEvery) {
      newest_taker_ = {part.get(), wanted};
      continue;
    }
    every_.push_back({part.get(), wanted});
    every_expiry_ = every_expiry_ || wanted.expiry;
  }
}

void StepOutlet::Add(HotEntry* entry, const Change& change) {
  const bool expiry = change.op == ChangeOp::kExpire;
  if (!every_.empty() && (!expiry || every_expiry_)) GiveEvery(*entry, change);
  if (newest_taker_.part == nullptr || (expiry && !newest_taker_.wanted.expiry)) return;
  newest_.Add(entry, change);
  // The state goes on before the next step of this kind.
  if (emits_) newest_.Keep(*entry, &finalizer_);
}

void StepOutlet::GiveEvery(const HotEntry& entry, const Change& change) {
  const Scalar* features = tiles_.defaults().data();
  if (change.op != ChangeOp::kDelete) {
    finalizer_.Finalize(entry.state, change.effective_time, features_.data());
    features = features_.data();
  }
  const bool expiry = change.op == ChangeOp::kExpire;
  if (updates_on_every_step_ && (!expiry || updates_on_expiry_)) ++updates_;
  for (const Taker& taker : every_) {
    if (!expiry || taker.wanted.expiry) taker.part->Take(view_, change, features);
  }
}

void StepOutlet::GiveNewest(WantedSteps::Which which) {
  if (newest_taker_.part == nullptr || newest_taker_.wanted.which != which) return;
  newest_.Drain(&finalizer_, [this](const Change& change, const Scalar* features) {
    newest_taker_.part->Take(view_, change, features);
    ++updates_;
  });
}

}  // namespace forebay
