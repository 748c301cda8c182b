#include "schemas/definition/lookup.h"

#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

template <typename Items>
const typename Items::value_type* FindNamed(const Items& items, std::string_view name) {
  for (const auto& item : items) {
    if (item.name() == name) return &item;
  }
  return nullptr;
}

}  // namespace

const v1::Source* FindSource(const v1::Project& project, std::string_view name) {
  return FindNamed(project.sources(), name);
}

const v1::Entity* FindEntity(const v1::Project& project, std::string_view name) {
  return FindNamed(project.entities(), name);
}

const v1::FeatureService* FindService(const v1::Project& project, std::string_view name) {
  return FindNamed(project.feature_services(), name);
}

const v1::Feature* FindFeature(const v1::FeatureView& view, std::string_view name) {
  return FindNamed(view.features(), name);
}

const v1::Field* FindColumn(const v1::Source& source, std::string_view name) {
  return FindNamed(source.schema(), name);
}

bool HasFilesBeforeTopic(const v1::Source& source) {
  return source.has_batch() && !source.topic().empty() && !source.batch().feed();
}

}  // namespace forebay
