// The encoding of numbers in Parquet files, of tables and of training sets. Why these:
// docs/formats/offline_table.md.
#ifndef FOREBAY_OFFLINE_DELTA_NUMBER_ENCODING_H_
#define FOREBAY_OFFLINE_DELTA_NUMBER_ENCODING_H_

#include <parquet/properties.h>

#include "schemas/types/parquet_encoding.h"

namespace arrow {
class Field;
}

namespace forebay {

// Sets the encoding of a column of doubles, integers or timestamps, without a dictionary. Columns
// of other types are left as they are.
void EncodeNumbers(const arrow::Field& column, ParquetEncoding encoding,
                   parquet::WriterProperties::Builder* properties);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_NUMBER_ENCODING_H_
