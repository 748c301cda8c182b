#include "connectors/update_record/step_text.h"

#include "forebay/v1/definition.pb.h"
#include "schemas/types/json.h"

namespace forebay {

std::string FeatureTexts(const v1::FeatureView& view, const Scalar* features) {
  std::string texts;
  for (int i = 0; i < view.features_size(); ++i) {
    const auto type = static_cast<DataType>(view.features(i).type());
    if (i > 0) texts += '\n';
    AppendJsonValue(ToValue(features[i], type), type, &texts);
  }
  return texts;
}

StepText StepTextOf(const v1::FeatureView& view, const Change& change, const Scalar* features) {
  StepText step{.op = change.op,
                .effective_time = change.effective_time,
                .event_time = change.event_time,
                .known_time = change.known_time,
                .offset = Offset(change.offset),
                .ordinal = change.ordinal};
  if (step.live()) step.features = FeatureTexts(view, features);
  return step;
}

}  // namespace forebay
