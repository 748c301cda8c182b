// Files of models in the warehouse, named after what is in them: models/artifacts/<SHA-256>.
#ifndef FOREBAY_CATALOG_ARTIFACT_STORE_H_
#define FOREBAY_CATALOG_ARTIFACT_STORE_H_

#include <filesystem>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/catalog.pb.h"

namespace forebay {

// Uploads a file in pieces, so that some of it is in memory at a time; nothing, where the warehouse
// has one of the same bytes. NOT_FOUND, FAILED_PRECONDITION: it cannot be read, or changed
// meanwhile; else errors of the store.
absl::StatusOr<v1::Artifact> UploadArtifact(const std::filesystem::path& file,
                                            ObjectStore* warehouse);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_ARTIFACT_STORE_H_
