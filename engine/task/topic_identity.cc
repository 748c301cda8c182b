#include "engine/task/topic_identity.h"

#include <fmt/format.h>

#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

constexpr std::string_view kResetAll =
    "remove what the project left with `forebay reset --all`, and start again";

std::string RecreatedAdvice(const TopicRole& role) {
  switch (role.use) {
    case TopicUse::kKeyedSource:
    case TopicUse::kSource:
      return fmt::format(
          "Nothing is guessed: to build all anew from the records of the new topic, {}; to keep "
          "what was made of the old one, run under another project name",
          kResetAll);
    case TopicUse::kRepartition:
      return fmt::format(
          "The records that source {} had forwarded are not in it. Nothing is guessed: to forward "
          "them again, as far back as the source's topic reaches, {}",
          role.of, kResetAll);
    case TopicUse::kUpdates:
      return fmt::format(
          "What was published before is not in it. Nothing is guessed: to build the view and "
          "publish all again, as far back as its source's topic reaches, run `forebay reset {}`, "
          "or give the view a new version; then start again",
          role.of);
    case TopicUse::kFiles:
      break;
  }
  return "";
}

std::string RepartitionedAdvice(const TopicRole& role) {
  switch (role.use) {
    case TopicUse::kKeyedSource:
    case TopicUse::kSource:
      return AddedPartitionsAdvice(role);
    case TopicUse::kRepartition:
      return fmt::format(
          "It is to have as many as the topic of source {}, and forebay creates it so: {}", role.of,
          kResetAll);
    case TopicUse::kUpdates:
      return fmt::format(
          "It is to have as many as the topic that feeds it, and forebay creates it so: run "
          "`forebay reset {}`, or give the view a new version; then start again",
          role.of);
    case TopicUse::kFiles:
      break;
  }
  return "";
}

absl::Status CheckSameFiles(const TopicRole& role, const TopicIdentity& known,
                            const TopicIdentity& present, std::string_view known_by) {
  std::string what;
  if (!known.id.empty() && known.id != present.id) {
    what = "are not those that they were: some were written again, added or taken away";
  } else if (known.partitions > 0 && known.partitions != present.partitions) {
    what = fmt::format("are read in {} partitions, and were in {}", present.partitions,
                       known.partitions);
  } else {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(fmt::format(
      "the files of source {} {}, as {} knows. Nothing is guessed: put them back as they were; or, "
      "to build the features of the files as they are, declare another source for them, with new "
      "versions of the views, or remove all that was made with `forebay reset --all`, and start "
      "again",
      role.of, what, known_by));
}

std::string_view NameOf(TopicUse use) {
  switch (use) {
    case TopicUse::kRepartition:
      return "repartition topic";
    case TopicUse::kUpdates:
      return "update topic";
    default:
      return "topic";
  }
}

}  // namespace

TopicRole RoleOf(const TaskPlan& plan) {
  if (plan.files) return {TopicUse::kFiles, plan.source->name()};
  TopicUse use = plan.views.empty() ? TopicUse::kSource : TopicUse::kKeyedSource;
  return {plan.repartition ? TopicUse::kRepartition : use, plan.source->name()};
}

bool HasGrown(const TopicIdentity& known, const TopicIdentity& present) {
  return !known.id.empty() && known.id == present.id && known.partitions > 0 &&
         present.partitions > known.partitions;
}

absl::Status CheckSameTopic(std::string_view topic, const TopicRole& role,
                            const TopicIdentity& known, const TopicIdentity& present,
                            std::string_view known_by) {
  if (role.use == TopicUse::kFiles) return CheckSameFiles(role, known, present, known_by);
  if (!known.id.empty() && !present.id.empty() && known.id != present.id) {
    return absl::FailedPreconditionError(fmt::format(
        "{} {} was deleted and created again: its id is {}, and {} knows one with id "
        "{}. {}",
        NameOf(role.use), topic, present.id, known_by, known.id, RecreatedAdvice(role)));
  }
  bool counted = known.partitions > 0 && present.partitions > 0;
  if (!counted || known.partitions == present.partitions) return absl::OkStatus();
  if (present.partitions < known.partitions) {  // none are ever taken away
    return absl::FailedPreconditionError(fmt::format(
        "{} {} was deleted and created again: it has {} partitions, and {} knows one with {}. {}",
        NameOf(role.use), topic, present.partitions, known_by, known.partitions,
        RecreatedAdvice(role)));
  }
  return absl::FailedPreconditionError(
      fmt::format("{} {} has {} partitions, and {} knows it with {}. {}", NameOf(role.use), topic,
                  present.partitions, known_by, known.partitions, RepartitionedAdvice(role)));
}

absl::Status TopicGone(std::string_view topic, const TopicRole& role, std::string_view known_by) {
  bool source = role.use == TopicUse::kKeyedSource || role.use == TopicUse::kSource;
  return absl::FailedPreconditionError(fmt::format(
      "{} {} was deleted: {} knows it, and the broker does not. {}{}", NameOf(role.use), topic,
      known_by,
      source ? fmt::format("To do without it, take source {} out of the definitions. ", role.of)
             : "",
      RecreatedAdvice(role)));
}

std::string AddedPartitionsAdvice(const TopicRole& source) {
  if (source.use != TopicUse::kKeyedSource) {
    return fmt::format(
        "What was made by its old partitions fits no more. No view is computed by them (forebay "
        "partitions the records again for each entity), so all can be built anew: {}",
        kResetAll);
  }
  return fmt::format(
      "Its keys now live in other partitions than their history, and a task sees one partition: "
      "built anew as it is, features would count a part of a key's events. Either say `key: none` "
      "of source {}: then forebay partitions the records again for each entity. Or write all its "
      "records, oldest first and with their timestamps, into a new topic, created with as many "
      "partitions as are wanted, and let source {} name that one. Then {}",
      source.of, source.of, kResetAll);
}

}  // namespace forebay
