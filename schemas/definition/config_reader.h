// forebay.yaml -> ProjectConfig, and the page that describes it.
#ifndef FOREBAY_SCHEMAS_DEFINITION_CONFIG_READER_H_
#define FOREBAY_SCHEMAS_DEFINITION_CONFIG_READER_H_

#include <filesystem>
#include <string>

#include "schemas/definition/config.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// Reads the root of forebay.yaml in `folder`. What could not be read keeps its default, and a
// finding. `${NAME}` in values is replaced by the environment's value, `$${` gives "${".
ProjectConfig ReadConfig(const YamlNode& root, const std::filesystem::path& folder,
                         Findings* findings);

// docs/configuration.md, whole.
std::string ConfigurationPage();

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_CONFIG_READER_H_
