// Which versions of views a feature service takes: those that it was applied with, until it is
// pinned anew.
#ifndef FOREBAY_CATALOG_SERVICE_PINS_H_
#define FOREBAY_CATALOG_SERVICE_PINS_H_

#include <functional>
#include <string>
#include <vector>

#include "forebay/v1/definition.pb.h"
#include "schemas/types/view_id.h"

namespace forebay {

struct PinnedService {
  v1::FeatureService definition;
  // "user_spend stays at version 1; version 2 is there": what `--repin` would move.
  std::vector<std::string> stays;
  // Features that are asked for and that the version lacks which the service stays at.
  std::vector<std::string> lacking;
};

// `wanted`: as a definition says it, with the newest version of each view that it names without
// one. `applied`: as it was applied before. `find`: the definition of a version of a view; null:
// there is none, and the service moves.
PinnedService PinService(const v1::FeatureService& wanted, const v1::FeatureService& applied,
                         const std::function<const v1::FeatureView*(const ViewId&)>& find);

// Whether both answer the same features under the same names in the same order.
bool AnswerTheSame(const v1::FeatureService& a, const v1::FeatureService& b);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_SERVICE_PINS_H_
