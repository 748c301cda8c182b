// One value of one record, between its text and its column.
#ifndef FOREBAY_CONNECTORS_DECODE_FIELD_VALUE_H_
#define FOREBAY_CONNECTORS_DECODE_FIELD_VALUE_H_

#include <cstdint>
#include <string_view>

namespace forebay {

// Which member counts follows from the field's type. A view: its text lives as long as the reader
// says.
struct FieldValue {
  bool null = true;
  union {
    bool boolean;
    int64_t integer = 0;  // INT64, and TIMESTAMP in microseconds UTC
    double real;
  };
  union {
    std::string_view text = {};  // STRING, BYTES
    int64_t count;               // TIMESTAMP: as written, where `integer` is saturated
  };
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_FIELD_VALUE_H_
