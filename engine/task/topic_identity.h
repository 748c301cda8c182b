// Whether a topic is still the one that it was. What was read of a topic, or published into it,
// says nothing of another one of the same name; and where partitions were added, keys live in other
// partitions than their history (S30). Decisions of facts alone.
//
//   RETURN_IF_ERROR(CheckSameTopic("transactions", role, stored, present, "the state of it"));
#ifndef FOREBAY_ENGINE_TASK_TOPIC_IDENTITY_H_
#define FOREBAY_ENGINE_TASK_TOPIC_IDENTITY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace forebay {

struct TaskPlan;

// What forebay does with a topic, and so what another one in its place means.
enum class TopicUse : uint8_t {
  kKeyedSource,  // views are computed by its partitions
  kSource,       // only forwarded from: its partitions may be anything
  kRepartition,
  kUpdates,
  kFiles,  // a source's, which stand for a topic
};

struct TopicRole {
  TopicUse use = TopicUse::kKeyedSource;
  std::string of;  // the name of the source; of an update topic, the view: "user_spend@1"

  bool operator==(const TopicRole&) const = default;
};

// The role of the topic, or of the files, that the tasks of `plan` read.
TopicRole RoleOf(const TaskPlan& plan);

struct TopicIdentity {
  std::string id;          // drawn when the topic is created; empty: not known
  int32_t partitions = 0;  // 0: not known

  bool operator==(const TopicIdentity&) const = default;
};

// Whether it is the topic that `known` was, and has more partitions by now.
bool HasGrown(const TopicIdentity& known, const TopicIdentity& present);

// FAILED_PRECONDITION: another topic, or another number of partitions; says what to do. `known_by`:
// who says what it was, as in "the state of transactions/3".
absl::Status CheckSameTopic(std::string_view topic, const TopicRole& role,
                            const TopicIdentity& known, const TopicIdentity& present,
                            std::string_view known_by);

// The status of a topic that is gone: as the other.
absl::Status TopicGone(std::string_view topic, const TopicRole& role, std::string_view known_by);

// What to do about a source's topic whose partitions have become more, for messages.
std::string AddedPartitionsAdvice(const TopicRole& source);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TOPIC_IDENTITY_H_
