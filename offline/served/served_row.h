// A row of the log of what was served: one entity of a request.
#ifndef FOREBAY_OFFLINE_SERVED_SERVED_ROW_H_
#define FOREBAY_OFFLINE_SERVED_SERVED_ROW_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "schemas/types/data_type.h"
#include "schemas/types/value.h"

namespace arrow {
class Schema;
}

namespace forebay {

// What the rows of a version of a service have; the same for all of them.
struct ServedColumns {
  struct Column {
    std::string name;
    DataType type;
  };
  std::string service;
  uint32_t version = 0;
  std::vector<std::string> views;  // "user_spend@1"
  std::vector<Column> keys;
  std::vector<Column> features;

  // Names and types: a version whose views were purged may come back with others.
  std::string Signature() const {
    std::string signature;
    for (const std::vector<Column>* columns : {&keys, &features}) {
      for (const Column& column : *columns)
        signature += column.name + ' ' + std::to_string(static_cast<int>(column.type)) + '\n';
    }
    return signature;
  }
};

struct ServedRow {
  std::string_view request_id;
  int64_t entity = 0;   // its place in the request
  int64_t time_us = 0;  // when it was answered
  std::optional<int64_t> at_us;
  std::string_view model;  // "": none was asked for, and what follows of models is nothing
  uint32_t model_version = 0;
  uint32_t shadow_of = 0;  // the version that was answered, where this one was not; else 0
  int64_t catalog_version = 0;
  absl::Span<const Value> keys;           // as the columns
  absl::Span<const Value* const> values;  // of the features
  absl::Span<const std::string_view> statuses;
};

// Columns of the table, `date` aside: docs/served_log.md.
std::shared_ptr<arrow::Schema> ServedSchema(const ServedColumns& columns);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SERVED_SERVED_ROW_H_
