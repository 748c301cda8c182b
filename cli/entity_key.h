// The key of an entity as a person gives it on a command line.
//
//   forebay get user_spend u7
//   forebay history pair_spend merchant=m1 user_id=u7
#ifndef FOREBAY_CLI_ENTITY_KEY_H_
#define FOREBAY_CLI_ENTITY_KEY_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/value.h"

namespace forebay {

namespace v1 {
class Entity;
class Field;
}  // namespace v1

// The text of each of `columns`, by its name. `words`: values in the order of the columns, or
// column=value. INVALID_ARGUMENT: one too many, or one that is missing.
absl::StatusOr<std::map<std::string, std::string>> AssignKeyWords(
    const std::vector<const v1::Field*>& columns, const std::vector<std::string>& words);

// The value that `text` is for a column of its type. INVALID_ARGUMENT: none.
absl::StatusOr<Value> ParseKeyText(const v1::Field& column, const std::string& text);

// The parts of a key of the entity, as EncodeKey takes them. Errors of both.
absl::StatusOr<std::vector<Value>> ParseEntityKey(const v1::Entity& entity,
                                                  const std::vector<std::string>& words);

}  // namespace forebay

#endif  // FOREBAY_CLI_ENTITY_KEY_H_
