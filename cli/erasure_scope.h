// What of a project concerns a key of an entity: tables, tasks, topics.
//
//   ASSIGN_OR_RETURN(ErasureScope scope, FindErasureScope(loaded, warehouse, "user", {"u7"}));
#ifndef FOREBAY_CLI_ERASURE_SCOPE_H_
#define FOREBAY_CLI_ERASURE_SCOPE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "engine/task/task_plan.h"
#include "schemas/definition/project.h"
#include "schemas/types/table_id.h"
#include "schemas/types/view_id.h"

namespace forebay {

struct ErasureScope {
  // A table that can hold rows of the key.
  struct Table {
    TableId id;
    std::string topic;  // whose tasks write it; empty: none does any more
  };
  // A repartition topic of the entity.
  struct Repartition {
    std::string topic;
    std::string source_topic;
  };
  // A view of the entity, as it is declared.
  struct View {
    ViewId id;
    std::string topic;  // whose tasks compute it
    bool updates = false;
  };

  const v1::Entity* entity = nullptr;
  std::string key;       // as EncodeKey makes it
  std::string key_text;  // as Kafka records have it
  std::vector<Table> tables;
  std::vector<std::string> served;  // paths of tables of what was served that can hold the key
  std::vector<View> views;
  std::vector<Repartition> repartitions;
  // Whose partitions get the control record: those that feed the views, and those that are archived
  // with the key's columns.
  std::vector<std::string> source_topics;
};

// The loaded project outlives it. `words`: the key, as in AssignKeyWords. INVALID_ARGUMENT: there
// is no such entity, or the words are no key of it. Errors of the store.
absl::StatusOr<ErasureScope> FindErasureScope(const LoadedProject& loaded,
                                              const std::shared_ptr<ObjectStore>& warehouse,
                                              const std::string& entity,
                                              const std::vector<std::string>& words);

}  // namespace forebay

#endif  // FOREBAY_CLI_ERASURE_SCOPE_H_
