#include "connectors/file/feed_cursor.h"

#include <sstream>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "schemas/types/time.h"

namespace forebay {

std::string FeedPosition::ToString() const { return fmt::format("{} {} {}", rows, rank, at_rank); }

absl::StatusOr<FeedPosition> FeedPosition::Parse(std::string_view text) {
  FeedPosition position;
  std::istringstream in{std::string(text)};
  if (in >> position.rows >> position.rank >> position.at_rank && in.eof()) return position;
  return absl::DataLossError(fmt::format("'{}' is no position of fed files", text));
}

absl::StatusOr<bool> FeedCursor::Take(int64_t rank) {
  const int64_t sent_before = held_.rows - held_.at_rank;
  if (rank < held_.rank) {
    if (++before_ <= sent_before) return false;
    return absl::FailedPreconditionError(
        fmt::format("more rows are known before {}, up to where they were fed, than the {} that "
                    "were: some came late",
                    FormatTime(held_.rank), sent_before));
  }
  if (rank == held_.rank && ++at_rank_ <= held_.at_rank) return false;
  position_.at_rank = rank == position_.rank ? position_.at_rank + 1 : 1;
  position_.rank = rank;
  ++position_.rows;
  return true;
}

}  // namespace forebay
