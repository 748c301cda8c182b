// What a project left outside its own folder: in the state folder, the warehouse and Kafka.
#ifndef FOREBAY_CLI_LEFTOVERS_H_
#define FOREBAY_CLI_LEFTOVERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "catalog/catalog_log.h"
#include "connectors/kafka/admin.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "engine/task/topic_identity.h"
#include "schemas/definition/project.h"
#include "schemas/types/table_id.h"
#include "schemas/types/view_id.h"

namespace forebay {

// Where to look. The loaded project outlives it.
struct Places {
  const v1::Project& project;
  const ProjectConfig& config;
  std::shared_ptr<ObjectStore> warehouse;
  CatalogLog catalog;
  KafkaConfig kafka;
  std::unique_ptr<KafkaAdmin> admin;  // null: the project has no broker that outlives its worker
};

// `kafka`: false for a project that was only run with the embedded broker. DEADLINE_EXCEEDED: no
// broker answers.
absl::StatusOr<Places> OpenPlaces(const LoadedProject& loaded, bool kafka);

struct ViewLeftovers {
  bool ran = false;    // the state folder says so
  bool known = false;  // to the catalog
  int64_t keys = 0;    // in the state
  int tasks = 0;       // that have state of it
  int unflushed = 0;   // tasks whose change logs have rows of it
  bool table = false;  // in the warehouse
  bool update_topic = false;
  std::vector<std::string> positions;  // keys in the positions topic

  bool empty() const;
};

struct ArchiveLeftovers {
  int tasks = 0;       // whose state says that they made rows for it
  int unflushed = 0;   // tasks whose change logs have rows of it
  bool table = false;  // in the warehouse

  bool empty() const { return tasks == 0 && unflushed == 0 && !table; }
};

struct Leftovers {
  // Of every view that is declared, asked for, or known from what it left.
  std::map<ViewId, ViewLeftovers> views;
  std::map<std::string, ArchiveLeftovers> archives;  // likewise, by the name of the source
  std::vector<TaskId> tasks;                         // with a folder in the state folder
  absl::Status unreadable;          // why something of it could not be looked at, if so
  std::vector<std::string> topics;  // of no single view; never one that a source reads
  bool group = false;
  bool catalog = false;  // there is one
  // Topics of sources that have more partitions than when they were first read, with how many that
  // were. Kept in the positions topic, which then is not among `topics`: what is built anew meets
  // keys that live in other partitions than their history.
  std::map<std::string, TopicIdentity> grown;
  std::vector<std::string> positions;  // of a positions topic that is kept: keys that are to go

  bool empty() const;  // nothing at all
};

// Looks only, so that it may run beside a worker. `asked`: views and archives to look for by name,
// whether or not they are declared or known.
absl::StatusOr<Leftovers> FindLeftovers(const Places& places, const std::set<TableId>& asked);

}  // namespace forebay

#endif  // FOREBAY_CLI_LEFTOVERS_H_
