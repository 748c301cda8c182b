// The bytes of a list: what the Scalar of a list feature points to.
//
//   std::string list;
//   AppendElement(int64_t{7}, &list);
//   ListReader elements(DataType::kInt64, list);
//   for (Scalar element; elements.Next(&element);) ...
//
// The elements in order, without a count or a gap: bool: one byte, 0 or 1; int64, double,
// timestamp: 8 bytes, little endian; string, bytes: 4 bytes of length, little endian, and the
// bytes. Aggregates may keep a list in their blobs, so this is a format on disk too: it never
// changes.
#ifndef FOREBAY_ENGINE_AGGREGATE_LIST_VALUE_H_
#define FOREBAY_ENGINE_AGGREGATE_LIST_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/aggregate/aggregate.h"
#include "schemas/types/data_type.h"

namespace forebay {

void AppendElement(bool value, std::string* list);
void AppendElement(int64_t value, std::string* list);  // also a timestamp
void AppendElement(double value, std::string* list);
void AppendElement(std::string_view value, std::string* list);  // string, bytes

// Points into the list.
class ListReader {
 public:
  ListReader(DataType element, std::string_view list) : element_(element), rest_(list) {}

  // The next element, never null. False at the end, and where what is left is no element.
  bool Next(Scalar* element);

  // Where the next element begins.
  size_t BytesLeft() const { return rest_.size(); }

 private:
  const DataType element_;
  std::string_view rest_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_LIST_VALUE_H_
