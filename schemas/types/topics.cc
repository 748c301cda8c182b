#include "schemas/types/topics.h"

#include "fmt/format.h"

namespace forebay {

std::string UpdateTopic(std::string_view project, std::string_view view, uint32_t version) {
  return fmt::format("{}.{}.v{}", project, view, version);
}

std::string DeadLetterTopic(std::string_view project) {
  return fmt::format("{}.dead-letter", project);
}

std::string PositionsTopic(std::string_view project) {
  return fmt::format("{}.positions", project);
}

std::string RepartitionTopic(std::string_view project, std::string_view source,
                             std::string_view entity) {
  return fmt::format("{}.{}.by.{}", project, source, entity);
}

std::string BatchTopic(std::string_view source) { return std::string(source) + ".batch"; }

std::string BatchTopic(std::string_view source, std::string_view entity) {
  return std::string(source) + ".by." + std::string(entity) + ".batch";
}

bool IsBatchTopic(std::string_view topic) { return topic.ends_with(".batch"); }

}  // namespace forebay
