#include "offline/delta/number_encoding.h"

#include <arrow/type.h>

namespace forebay {

void EncodeNumbers(const arrow::Field& column, ParquetEncoding encoding,
                   parquet::WriterProperties::Builder* properties) {
  parquet::Encoding::type chosen = parquet::Encoding::DELTA_BINARY_PACKED;
  switch (column.type()->id()) {
    case arrow::Type::DOUBLE:
      chosen = encoding == ParquetEncoding::kCompact ? parquet::Encoding::BYTE_STREAM_SPLIT
                                                     : parquet::Encoding::PLAIN;
      break;
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
      break;
    default:
      return;
  }
  properties->disable_dictionary(column.name());
  properties->encoding(column.name(), chosen);
}

}  // namespace forebay
