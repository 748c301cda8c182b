// Shows a Delta table as an Iceberg table: metadata for the same data files, beside them.
//
//   std::string location = IcebergLocation(warehouse_uri, "offline/user_spend/v1").value();
//   IcebergExport done = ExportToIceberg(store.get(), "offline/user_spend/v1", location).value();
//   // done.metadata: "file:///warehouse/offline/user_spend/v1/metadata/v1.metadata.json"
//
// Each call makes a snapshot of the newest Delta version, after those of versions that were
// exported before; nothing where that version has one. The Delta table is not touched. Safe beside
// writers and other exporters: `v<N>.metadata.json` is put if it is absent. Snapshots of versions
// whose data files are no longer all there are taken out.
#ifndef FOREBAY_OFFLINE_ICEBERG_ICEBERG_EXPORT_H_
#define FOREBAY_OFFLINE_ICEBERG_ICEBERG_EXPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "schemas/types/store_uri.h"

namespace forebay {

struct IcebergExport {
  int64_t snapshot_id = 0;
  int64_t delta_version = 0;
  bool is_new = false;    // the snapshot was made by this call
  std::string operation;  // of the snapshot: append, replace, overwrite, delete
  int64_t files = 0;
  int64_t rows = 0;
  int64_t expired = 0;   // snapshots that were taken out
  std::string metadata;  // URI of the newest metadata
};

// What the folder of a table is called in metadata: an absolute URI.
absl::StatusOr<std::string> IcebergLocation(const StoreUri& warehouse, const std::string& table);

// NOT_FOUND: there is no Delta table. FAILED_PRECONDITION: it is not partitioned by `date` alone,
// or another program wrote to what was exported. DATA_LOSS: a data file, or the log, is damaged.
absl::StatusOr<IcebergExport> ExportToIceberg(ObjectStore* store, const std::string& table,
                                              const std::string& location);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ICEBERG_ICEBERG_EXPORT_H_
