// All objects of a catalog as of one version of it. Immutable and shared; a newer one shares with
// an older one what did not change.
#ifndef FOREBAY_CATALOG_CATALOG_STATE_H_
#define FOREBAY_CATALOG_CATALOG_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace forebay {

namespace v1 {
class CatalogCheckpoint;
class CatalogCommit;
class CatalogObject;
}  // namespace v1

class CatalogState {
 public:
  // By catalog_key.h.
  using Objects = std::map<std::string, std::shared_ptr<const v1::CatalogObject>, std::less<>>;

  // Of a project that has no catalog yet: version 0, no objects.
  CatalogState();
  ~CatalogState();

  int64_t version() const;
  // The commit that made it, without its changes.
  const v1::CatalogCommit& commit() const { return *commit_; }
  const Objects& objects() const { return objects_; }
  // Null: there is none.
  const v1::CatalogObject* Find(std::string_view key) const;

  // DATA_LOSS: `commit` is not that of the next version, or an object has another key than its own.
  absl::StatusOr<std::shared_ptr<const CatalogState>> With(const v1::CatalogCommit& commit) const;

  static absl::StatusOr<std::shared_ptr<const CatalogState>> Of(v1::CatalogCheckpoint checkpoint);
  v1::CatalogCheckpoint ToCheckpoint() const;

 private:
  CatalogState(const CatalogState&);

  std::unique_ptr<v1::CatalogCommit> commit_;
  Objects objects_;
};

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CATALOG_STATE_H_
