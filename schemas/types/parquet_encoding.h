// How numbers lie in the Parquet files that forebay writes.
#ifndef FOREBAY_SCHEMAS_TYPES_PARQUET_ENCODING_H_
#define FOREBAY_SCHEMAS_TYPES_PARQUET_ENCODING_H_

#include <cstdint>

namespace forebay {

enum class ParquetEncoding : uint8_t {
  kCompatible,  // every reader takes the files as it is set up by default, Spark's too
  kCompact,     // doubles as BYTE_STREAM_SPLIT: smaller where values hardly repeat
};

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_PARQUET_ENCODING_H_
