// How far the rows of files are in the topic that they are fed into, by partition: which of them
// are to be sent.
//
//   FeedCursor cursor(held);                             // as FeedPosition::Parse read it
//   ASSIGN_OR_RETURN(bool sends, cursor.Take(rank));     // of each row, in order
//   ... cursor.position() ...                            // to be kept with what was sent
//
// Files may be added, written anew in other files, or be gone, as those of a table are: a position
// says up to which known time rows were sent, and how many of that time. Not thread-safe.
#ifndef FOREBAY_CONNECTORS_FILE_FEED_CURSOR_H_
#define FOREBAY_CONNECTORS_FILE_FEED_CURSOR_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace forebay {

struct FeedPosition {
  int64_t rows = 0;                                    // that were sent
  int64_t rank = std::numeric_limits<int64_t>::min();  // of the last of them (MergedFiles)
  int64_t at_rank = 0;                                 // how many have that

  // "<rows> <rank> <at_rank>", decimal.
  std::string ToString() const;
  // DATA_LOSS: it is no such text.
  static absl::StatusOr<FeedPosition> Parse(std::string_view text);
};

class FeedCursor {
 public:
  explicit FeedCursor(FeedPosition held) : held_(held), position_(held) {}

  // Whether the next row, of this rank, is to be sent; then the position is behind it. REQUIRES:
  // ranks do not descend. FAILED_PRECONDITION: more rows are known before the last one sent than
  // were sent: some came late.
  absl::StatusOr<bool> Take(int64_t rank);

  const FeedPosition& position() const { return position_; }
  int64_t sent() const { return position_.rows - held_.rows; }

 private:
  const FeedPosition held_;
  FeedPosition position_;
  int64_t before_ = 0;   // rows seen of lower ranks than what is held
  int64_t at_rank_ = 0;  // likewise of its rank
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_FEED_CURSOR_H_
