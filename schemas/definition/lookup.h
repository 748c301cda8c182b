// Finds parts of a project by name, and says what they are. Null if there is none. Results point
// into the project. Views, which have versions, are found by schemas/definition/feature_names.h.
#ifndef FOREBAY_SCHEMAS_DEFINITION_LOOKUP_H_
#define FOREBAY_SCHEMAS_DEFINITION_LOOKUP_H_

#include <string_view>

namespace forebay {

namespace v1 {
class Entity;
class Feature;
class FeatureService;
class FeatureView;
class Field;
class Project;
class Source;
}  // namespace v1

const v1::Source* FindSource(const v1::Project& project, std::string_view name);
const v1::Entity* FindEntity(const v1::Project& project, std::string_view name);
const v1::FeatureService* FindService(const v1::Project& project, std::string_view name);

const v1::Feature* FindFeature(const v1::FeatureView& view, std::string_view name);
const v1::Field* FindColumn(const v1::Source& source, std::string_view name);

// Whether the source's events are in files up to somewhere (BatchSource.until_us, until_offsets),
// and from there on in its topic.
bool HasFilesBeforeTopic(const v1::Source& source);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_LOOKUP_H_
