// Tells the operator which keys were forgotten (S31): a line per task and erasure, once the sinks
// before it have what that made; after a crash perhaps again. It does not say which keys.
#ifndef FOREBAY_CLI_ERASURE_LOG_H_
#define FOREBAY_CLI_ERASURE_LOG_H_

#include "engine/batch/sink.h"

namespace forebay {

class ErasureLog final : public Sink {
 public:
  absl::StatusOr<Offset> Open(const TaskId& task) override { return Offset(-1); }
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_ERASURE_LOG_H_
