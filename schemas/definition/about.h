// What people say of an object: the keys that every object may have.
#ifndef FOREBAY_SCHEMAS_DEFINITION_ABOUT_H_
#define FOREBAY_SCHEMAS_DEFINITION_ABOUT_H_

#include <utility>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/map_reader.h"

namespace forebay::definition {

// `description`, `owner`, `tags` and `deprecated` of the object that `map` declares.
v1::About ReadAbout(const MapReader& map, Findings* findings);

// Sets it where anything is said.
template <typename Definition>
void ReadAboutOf(const MapReader& map, Definition* definition, Findings* findings) {
  v1::About about = ReadAbout(map, findings);
  if (about.ByteSizeLong() > 0) *definition->mutable_about() = std::move(about);
}

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_ABOUT_H_
