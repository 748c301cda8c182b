// What objects of a catalog are called: "source/transactions", "view/user_spend@1",
// "service/fraud@3", "model/fraud@7", "alias/fraud@champion", "training_set/fraud_2026@1".
#ifndef FOREBAY_CATALOG_CATALOG_KEY_H_
#define FOREBAY_CATALOG_CATALOG_KEY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class CatalogObject;
}

// Of a model, an alias or a training set, which often have - and . that names of definitions lack:
// lower-case letters, digits, _ - and ., from a letter, at most kLongestCatalogName.
inline constexpr size_t kLongestCatalogName = 64;
bool IsCatalogName(std::string_view name);

std::string SourceKey(std::string_view name);
std::string EntityKey(std::string_view name);
std::string ViewKey(const ViewId& view);
std::string ServiceKey(std::string_view name, uint32_t version);
std::string ModelKey(std::string_view model, uint32_t version);
std::string AliasKey(std::string_view model, std::string_view alias);
std::string TrainingSetKey(std::string_view name, uint32_t version);

// Of the object itself; "" for one without contents.
std::string KeyOf(const v1::CatalogObject& object);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CATALOG_KEY_H_
