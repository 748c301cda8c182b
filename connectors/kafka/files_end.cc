#include "connectors/kafka/files_end.h"

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/counted.h"

namespace forebay {

absl::Status CheckUntilOffsets(const v1::Source& source, int32_t partitions) {
  const int offsets = source.batch().until_offsets_size();
  if (offsets == 0 || offsets == partitions) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "source {}: `until` of its files names {}, and topic {} has {}: name one for each, of "
      "partition 0 first",
      source.name(), Counted(offsets, "offset", "offsets"), source.topic(),
      Counted(partitions, "partition", "partitions")));
}

std::optional<Offset> EndOfFiles(const v1::Source& source, const TaskId& task) {
  const auto& offsets = source.batch().until_offsets();
  const int32_t partition = task.partition.value();
  if (partition >= offsets.size()) return std::nullopt;
  return Offset(offsets[partition]);
}

absl::Status CheckNothingBetween(const v1::Source& source, const TaskId& task, Offset end,
                                 const TaskReading& reading, const PartitionBounds& bounds) {
  if (end > bounds.next) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: by `until`, the files of source {} have what comes before offset {}, and the "
        "partition ends at offset {}: they cannot have what was never there. Is it the topic that "
        "they were made of, and was it not made anew since? Set `until` to the offset of the first "
        "record of each partition that the files do not have, remove what the project left with "
        "`forebay reset --all`, and run `forebay backfill` anew",
        task.ToString(), source.name(), end.value(), bounds.next.value()));
  }
  if (reading.least && *reading.least + 1 < end) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: what was computed of the topic goes up to offset {}, and by `until` the files of "
        "source {} have what comes before offset {}: the records between would be missing in it. "
        "Let a worker read up to there first, with `until` as it was",
        task.ToString(), reading.least->value(), source.name(), end.value()));
  }
  if (reading.position || bounds.oldest <= end) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{}: the files of source {} end before offset {}, and the oldest record that the topic keeps "
      "is at offset {}: what came between is in neither. Let files have it, and set `until` to "
      "offsets that the topic reaches back to; then remove what the project left with `forebay "
      "reset --all`, and run `forebay backfill` anew",
      task.ToString(), source.name(), end.value(), bounds.oldest.value()));
}

}  // namespace forebay
