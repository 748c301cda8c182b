#include "offline/training_set/repeat_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "schemas/types/counted.h"

namespace forebay {
namespace {

absl::Status Differs(std::string_view what) {
  return absl::FailedPreconditionError(
      fmt::format("the set cannot be made again: {}; nothing is written", what));
}

}  // namespace

absl::Status CheckSameInputs(const std::vector<InputFile>& before,
                             const std::vector<InputFile>& now) {
  if (before.size() != now.size()) {
    return Differs(fmt::format("its labels were {}, and are {}",
                               Counted(before.size(), "file", "files"),
                               Counted(now.size(), "file", "files")));
  }
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].table_id != before[i].table_id)
      return Differs(fmt::format("labels {} are another table than before", now[i].path));
    if (now[i].version != before[i].version) {
      return Differs(fmt::format("labels {} are version {} of the table, and were {}", now[i].path,
                                 now[i].version.value_or(-1), before[i].version.value_or(-1)));
    }
    if (now[i].sha256 != before[i].sha256) {
      return Differs(
          fmt::format("labels {} are not what they were: {} bytes with SHA-256 {}, and "
                      "{} bytes with {} then",
                      now[i].path, now[i].bytes, now[i].sha256, before[i].bytes, before[i].sha256));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSameFeatures(const std::vector<TrainingSetSummary::Feature>& before,
                               const std::vector<TrainingSetSummary::Feature>& now) {
  for (size_t i = 0; i < std::max(before.size(), now.size()); ++i) {
    if (i >= now.size()) return Differs(fmt::format("there is no feature {} now", before[i].name));
    if (i >= before.size()) return Differs(fmt::format("there is a feature {} now", now[i].name));
    if (before[i].name == now[i].name && before[i].view == now[i].view &&
        before[i].type == now[i].type)
      continue;
    return Differs(fmt::format("feature number {} was {} of {}, {}, and is {} of {}, {}", i + 1,
                               before[i].name, before[i].view.ToString(), before[i].type,
                               now[i].name, now[i].view.ToString(), now[i].type));
  }
  return absl::OkStatus();
}

absl::Status CheckSameEvents(const std::vector<EventsRead>& before,
                             const std::vector<EventsRead>& now) {
  for (const EventsRead& then : before) {
    auto found = std::ranges::find(now, then.source, &EventsRead::source);
    if (found == now.end()) return Differs(fmt::format("no events of {} were read", then.source));
    if (found->archive_id != then.archive_id) {
      return Differs(fmt::format("the archive of {} is another table than before, or is not there",
                                 then.source));
    }
    if (found->files == then.files) continue;
    for (size_t i = 0; i < std::min(then.files.size(), found->files.size()); ++i) {
      if (found->files[i] == then.files[i]) continue;
      return Differs(
          fmt::format("of the files of {}, there is {} with {} bytes in the place of {} "
                      "with {}",
                      then.source, found->files[i].path, found->files[i].bytes, then.files[i].path,
                      then.files[i].bytes));
    }
    return Differs(fmt::format("the events of {} were in {}, and are in {}", then.source,
                               Counted(then.files.size(), "file", "files"),
                               Counted(found->files.size(), "file", "files")));
  }
  return absl::OkStatus();
}

absl::Status CheckSameOutputs(const std::vector<OutputFile>& before,
                              const std::vector<OutputFile>& now) {
  if (before.size() != now.size()) {
    return Differs(fmt::format("it was {}, and would be {}",
                               Counted(before.size(), "file", "files"),
                               Counted(now.size(), "file", "files")));
  }
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].sha256 == before[i].sha256) continue;
    return Differs(fmt::format(
        "what was {} ({}, {} bytes, SHA-256 {}) would be {}, {} bytes, {}: rows of a table were "
        "erased or rewritten since, or this is another version of forebay",
        before[i].path, Counted(before[i].rows, "row", "rows"), before[i].bytes, before[i].sha256,
        Counted(now[i].rows, "row", "rows"), now[i].bytes, now[i].sha256));
  }
  return absl::OkStatus();
}

}  // namespace forebay
