// Training sets in the catalog: by name and version, with how they were made.
#ifndef FOREBAY_CLI_REGISTERED_SET_H_
#define FOREBAY_CLI_REGISTERED_SET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schemas/definition/project.h"

namespace forebay {

// INVALID_ARGUMENT: no set can be called so.
absl::Status CheckSetName(const std::string& name);

// Puts a set into the catalog as the next version of `name`, with the text of its manifest. Returns
// what it is called: "fraud_2026@3". REQUIRES: CheckSetName is OK.
absl::StatusOr<std::string> RegisterTrainingSet(const LoadedProject& loaded,
                                                const std::string& folder, const std::string& name,
                                                const std::string& manifest_path);

// The text of the manifest of one that is registered ("fraud_2026@3"), or else of a file.
// NOT_FOUND: there is neither.
absl::StatusOr<std::string> ReadManifestText(const LoadedProject& loaded,
                                             const std::string& id_or_path);

}  // namespace forebay

#endif  // FOREBAY_CLI_REGISTERED_SET_H_
