#include "connectors/kafka/update_part.h"

#include <fmt/format.h>

#include <utility>

#include "forebay/v1/definition.pb.h"

namespace forebay {

PublishedViews MakePublishedViews(const v1::Project& project, const TaskId& task,
                                  const RecordLimits& limits) {
  PublishedViews views;
  for (int i = 0; i < project.feature_views_size(); ++i) {
    const v1::FeatureView& definition = project.feature_views(i);
    PublishedView& view = views.emplace_back();
    view.name = definition.name();
    view.version = definition.version();
    if (definition.updates() == v1::FeatureView::OFF) continue;
    view.topic = UpdateTopic(project, i);
    view.encoder = std::make_unique<UpdateRecordEncoder>(project, i, task);
    view.most_payload = limits.Payload(view.topic);
  }
  return views;
}

WantedSteps WantedUpdates(const v1::FeatureView& view, bool at_once) {
  using Which = WantedSteps::Which;
  if (view.updates() == v1::FeatureView::OFF) return {};
  WantedSteps wanted{at_once ? Which::kNewestOfBatch : Which::kNewestOfCut};
  if (view.update_every() == v1::FeatureView::UPDATE_EVERY_CHANGE) wanted.which = Which::kEvery;
  wanted.expiry = view.update_expiry() == v1::FeatureView::ON;
  return wanted;
}

UpdatePart::UpdatePart(std::shared_ptr<const PublishedViews> views)
    : views_(std::move(views)), reviewed_(views_->size()) {
  for (size_t view = 0; view < views_->size(); ++view)
    updates_.push_back(std::make_shared<EncodedUpdates>());
}

void UpdatePart::Take(int view, const Change& change, const Scalar* features) {
  (*views_)[view].encoder->Append(change, features, updates_[view].get());
}

void UpdatePart::Review(TaskOutput* output) {
  for (size_t view = 0; view < updates_.size(); ++view) {
    if (updates_[view]->most_payload() > (*views_)[view].most_payload) RefuseLarge(view, output);
    reviewed_[view] = updates_[view]->size();
  }
}

void UpdatePart::RefuseLarge(size_t index, TaskOutput* output) const {
  const PublishedView& view = (*views_)[index];
  const EncodedUpdates& updates = *updates_[index];
  for (size_t i = reviewed_[index]; i < updates.size(); ++i) {
    EncodedUpdate update = updates[i];
    if (update.payload() <= view.most_payload) continue;
    DeadLetter& letter = output->dead_letters.emplace_back();
    letter.task = output->task;
    letter.offset = letter.position = updates.offset(i);
    letter.timestamp = updates.known_time(i).value();
    letter.key = std::string(update.key);
    letter.reason = RejectReason::kUpdateTooLarge;
    letter.view = view.name;
    letter.view_version = view.version;
    letter.detail = fmt::format(
        "the update has {} bytes with its key, and topic {} takes {}: it is not published; lookups "
        "and the table have it",
        update.payload(), view.topic, view.most_payload);
  }
}

size_t UpdatePart::bytes() const {
  size_t bytes = 0;
  for (const auto& updates : updates_) bytes += updates->capacity();
  return bytes;
}

}  // namespace forebay
