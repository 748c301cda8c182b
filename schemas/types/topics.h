// The names of the topics that forebay owns (S26, S29). A name is part of the format.
#ifndef FOREBAY_SCHEMAS_TYPES_TOPICS_H_
#define FOREBAY_SCHEMAS_TYPES_TOPICS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace forebay {

// "<project>.<view>.v<version>"
std::string UpdateTopic(std::string_view project, std::string_view view, uint32_t version);

// "<project>.dead-letter"
std::string DeadLetterTopic(std::string_view project);

// "<project>.positions"
std::string PositionsTopic(std::string_view project);

// "<project>.<source>.by.<entity>"
std::string RepartitionTopic(std::string_view project, std::string_view source,
                             std::string_view entity);

// What the tasks that read the files of a source are called by, in place of a topic:
// "<source>.batch"; those that partition them by an entity: "<source>.by.<entity>.batch".
std::string BatchTopic(std::string_view source);
std::string BatchTopic(std::string_view source, std::string_view entity);
// Whether it may be one of these.
bool IsBatchTopic(std::string_view topic);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_TOPICS_H_
