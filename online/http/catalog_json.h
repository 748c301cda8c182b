// Objects of a catalog as the pages under /v1/catalog answer them; the shapes are in open_api.h.
#ifndef FOREBAY_ONLINE_HTTP_CATALOG_JSON_H_
#define FOREBAY_ONLINE_HTTP_CATALOG_JSON_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace forebay {

namespace v1 {
class About;
class CatalogCommit;
class CatalogObject;
}  // namespace v1

// "view" of "view/user_spend@1", and "user_spend@1".
std::string_view KindInKey(std::string_view key);
std::string_view NameInKey(std::string_view key);

// 0: objects of its kind have no versions.
uint32_t VersionOf(const v1::CatalogObject& object);
// "building", "live", "disabled" or "retired"; "": objects of its kind have no state.
std::string StateOf(const v1::CatalogObject& object);
// Of what has one; an empty one of others.
const v1::About& AboutOf(const v1::CatalogObject& object);

// What it is called, how it is, and what is said of it: the same fields for all kinds.
nlohmann::ordered_json SummaryJson(const v1::CatalogObject& object);

// That, and what it is made of: fields by kind.
nlohmann::ordered_json ObjectJson(const v1::CatalogObject& object);

// Without its changes.
nlohmann::ordered_json CommitJson(const v1::CatalogCommit& commit);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_CATALOG_JSON_H_
