// A key in the statistics that other programs write into the log of a table: the least and greatest
// values of a file's columns. forebay writes none.
#ifndef FOREBAY_OFFLINE_ERASURE_KEY_BOUNDS_H_
#define FOREBAY_OFFLINE_ERASURE_KEY_BOUNDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"
#include "offline/erasure/erased_key.h"
#include "schemas/types/value.h"

namespace forebay {

class KeyBounds {
 public:
  explicit KeyBounds(const ErasedKey& key);

  // Whether bounds in the `stats` of an add action are a text of the key; of a key without any,
  // all of its parts.
  bool Name(const std::string& stats) const;

 private:
  const ErasedKey& key_;
  std::vector<Value> parts_;
};

// Takes the bounds out of the statistics of files that are not in `newest`, where they name the
// key: in commits and checkpoints, which else stay as they are. Safe beside writers. A commit that
// is rewritten is of another time to programs that take that of the file. After an error, repeat.
absl::Status ForgetBounds(ObjectStore* store, const std::string& table, const Snapshot& newest,
                          const ErasedKey& key);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_KEY_BOUNDS_H_
