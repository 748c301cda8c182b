// What is left of a key, place by place: looks only.
#ifndef FOREBAY_CLI_ERASURE_CHECK_H_
#define FOREBAY_CLI_ERASURE_CHECK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/erasure_scope.h"
#include "cli/erasure_wait.h"
#include "connectors/kafka/client_config.h"
#include "connectors/object_store/object_store.h"

namespace forebay {

enum class ErasureVerdict : uint8_t {
  kClean,
  kLeft,   // for an erasure to remove
  kLater,  // goes by itself, with a retention or when Kafka compacts a topic
  kBack,   // of a subject that came back after the erasure
  kUnseen  // cannot be looked at from here
};
const char* ErasureVerdictName(ErasureVerdict verdict);

struct ErasureFinding {
  std::string place;  // "state", "user_spend@1", "topic shop.user_spend.v1"
  int64_t found = 0;
  ErasureVerdict verdict = ErasureVerdict::kClean;
  std::string note;          // what was found, and what becomes of it
  std::string named_in_log;  // path of the table whose log has the key in statistics; else ""
};

struct ErasureCheckRequest {
  const LoadedProject& loaded;
  const ErasureScope& scope;
  std::shared_ptr<ObjectStore> warehouse;
  const KafkaConfig* kafka = nullptr;  // null: topics are not looked at
  const ErasedUpTo* up_to = nullptr;   // of an erasure that was just done; null: of none
  bool alone = false;                  // no worker of the project runs
};

// Errors of the broker, the store, and of tables that cannot be read.
absl::StatusOr<std::vector<ErasureFinding>> CheckErasure(const ErasureCheckRequest& request);

}  // namespace forebay

#endif  // FOREBAY_CLI_ERASURE_CHECK_H_
