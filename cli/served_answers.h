// Answers that are kept, from the read path to the log of what was served, with those of shadows.
#ifndef FOREBAY_CLI_SERVED_ANSWERS_H_
#define FOREBAY_CLI_SERVED_ANSWERS_H_

#include <atomic>
#include <cstdint>

#include "offline/served/served_log.h"
#include "online/serving/feature_reader.h"
#include "online/serving/served_answer.h"

namespace forebay {

// Thread-safe.
class ServedAnswers {
 public:
  explicit ServedAnswers(ServedLogOptions options) : log_(std::move(options)) {}

  // For the reader's constructor.
  KeepAnswer keeper() {
    return [this](ServedAnswer answer) { Take(std::move(answer)); };
  }

  // Writes what was taken; once nothing is answered any more.
  void Stop() { log_.Stop(); }

  ServedLog::Counts counts() const { return log_.counts(); }
  // Answers of shadows that there were none of.
  int64_t shadow_errors() const { return shadow_errors_; }

 private:
  void Take(ServedAnswer answer);
  void Write(const ServedAnswer& answer, const ServedLog::AddRow& add);

  std::atomic<int64_t> shadow_errors_{0};
  ServedLog log_;  // last: its thread uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CLI_SERVED_ANSWERS_H_
