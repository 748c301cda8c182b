// Rows of change records as JSON objects, members in the order of the columns.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_OBJECT_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_OBJECT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "connectors/update_record/change_columns.h"

namespace forebay {

// Immutable, thread-safe.
class JsonObjectWriter {
 public:
  // An object of the first `count` of `fields`.
  JsonObjectWriter(const std::vector<ChangeField>& fields, size_t count);

  // Room that Write needs for the row, in bytes.
  size_t MaxSize(const RawColumns& columns, int64_t row) const;

  // Writes to `out` and returns the end.
  char* Write(const RawColumns& columns, int64_t row, char* out) const;

 private:
  struct Member {
    std::string label;  // `{"name":` or `,"name":`
    ColumnForm form;
    bool list;
  };
  std::vector<Member> members_;
  std::vector<size_t> texts_;  // the columns whose values have no bound, lists aside
  std::vector<size_t> lists_;
  size_t fixed_size_ = 1;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_JSON_OBJECT_H_
