#include "connectors/kafka/dead_letter_record.h"

#include <string>

namespace forebay {

RecordHeaders DeadLetterHeaders(const DeadLetter& letter) {
  RecordHeaders headers = letter.headers;
  headers.emplace_back("__connect.errors.topic", letter.task.topic);
  headers.emplace_back("__connect.errors.partition", std::to_string(letter.task.partition.value()));
  headers.emplace_back("__connect.errors.offset", std::to_string(letter.offset.value()));
  headers.emplace_back("__connect.errors.stage",
                       letter.view.empty() ? "VALUE_CONVERTER" : "TRANSFORMATION");
  headers.emplace_back("__connect.errors.class.name", "forebay");
  headers.emplace_back("__connect.errors.exception.message", letter.detail);
  headers.emplace_back("forebay-reason", std::string(RejectReasonName(letter.reason)));
  if (!letter.view.empty()) {
    headers.emplace_back("forebay-view", letter.view);
    headers.emplace_back("forebay-view-version", std::to_string(letter.view_version));
  }
  return headers;
}

}  // namespace forebay
