// Columns of entity keys, of labels and of tables, as bytes that compare equal where the keys do.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_KEY_COLUMN_H_
#define FOREBAY_OFFLINE_TRAINING_SET_KEY_COLUMN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace arrow {
class Array;
class DataType;
}  // namespace arrow

namespace forebay {

namespace v1 {
class Field;
}

// OK if a column of `type` can hold the key: text for STRING, any integer for INT64, a timestamp of
// any unit for TIMESTAMP, a boolean for BOOL; dictionaries of those. INVALID_ARGUMENT else.
absl::Status CheckKeyType(const v1::Field& key, const arrow::DataType& type);

// The text of string-like arrays, a null being "no view". Cheap to make, per array.
class KeyReader {
 public:
  // `parts`: one array per key field, of types that CheckKeyType takes, equally long; kept.
  explicit KeyReader(std::vector<std::shared_ptr<arrow::Array>> parts);
  ~KeyReader();
  KeyReader(KeyReader&&) noexcept;

  // The key of `row`, valid until the next call; false: a part of it is null.
  bool Read(int64_t row, std::string_view* key);

  // The same as states have it (EncodeKey).
  bool Encode(int64_t row, std::string* key);

 private:
  struct Part;
  std::vector<Part> parts_;
  std::string joined_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_KEY_COLUMN_H_
