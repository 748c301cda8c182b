// What the values of a view depend on: a version must not change in it (S4).
//
//   std::string now = ViewFingerprint(project, view);
//   if (now != kept) return ChangedUnderVersion(view, kept, now, "its offline table");
#ifndef FOREBAY_SCHEMAS_DEFINITION_VIEW_FINGERPRINT_H_
#define FOREBAY_SCHEMAS_DEFINITION_VIEW_FINGERPRINT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class FeatureView;
class Project;
}  // namespace v1

// A line of text: for each part of the definition its name and the XXH3-64 of what it says. Names
// nothing that values do not depend on: not the outputs that are on, nor what only decides which
// records are let in: max_future, and columns that the view does not read. REQUIRES: the view's source and entity are in the project.
std::string ViewFingerprint(const v1::Project& project, const v1::FeatureView& view);

// The names of the parts in which two fingerprints differ.
std::vector<std::string> ChangedParts(std::string_view before, std::string_view now);

// FAILED_PRECONDITION: what changed in the view since `made`, which says what there is of it ("its
// offline table"), and what to do.
absl::Status ChangedUnderVersion(const ViewId& view, std::string_view before, std::string_view now,
                                 std::string_view made);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_VIEW_FINGERPRINT_H_
