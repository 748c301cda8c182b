// Column types as definitions write them: "int64", "timestamp_ms".
#ifndef FOREBAY_SCHEMAS_DEFINITION_COLUMN_TYPE_H_
#define FOREBAY_SCHEMAS_DEFINITION_COLUMN_TYPE_H_

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

struct ColumnType {
  std::string_view name;
  v1::DataType type;
  v1::TimeEncoding encoding = v1::TIME_ENCODING_UNSPECIFIED;
};

// All that there are.
absl::Span<const ColumnType> ColumnTypes();

// Reads a map of column names to types into `fields`, in order. `what` names the map. Returns
// whether all of it could be read.
bool ReadColumns(const YamlNode* node, std::string_view what,
                 google::protobuf::RepeatedPtrField<v1::Field>* fields, Findings* findings);

// Null if there is none of that name.
const v1::Field* FindColumn(const google::protobuf::RepeatedPtrField<v1::Field>& fields,
                            std::string_view name);

std::vector<std::string> ColumnNames(const google::protobuf::RepeatedPtrField<v1::Field>& fields);

// "int64": how the type is written; "timestamp" for all encodings of it.
std::string_view TypeName(v1::DataType type);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_COLUMN_TYPE_H_
