#include "connectors/dead_letter/dead_letter_kind.h"

#include "fmt/format.h"
#include "schemas/types/shown_bytes.h"

namespace forebay {

std::string DescribeKind(const DeadLetterKind& kind) {
  std::string_view reason = RejectReasonName(kind.reason);
  return kind.view.empty() ? std::string(reason) : fmt::format("{} in view {}", reason, kind.view);
}

std::string DescribeLetter(const DeadLetter& letter) {
  return fmt::format("partition {}, offset {}, {}: {}", letter.task.partition.value(),
                     letter.offset.value(),
                     letter.key ? "key " + ShownBytes(*letter.key) : "no key", letter.detail);
}

}  // namespace forebay
