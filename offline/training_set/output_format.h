// The formats of training sets, and what columns they hold.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_OUTPUT_FORMAT_H_
#define FOREBAY_OFFLINE_TRAINING_SET_OUTPUT_FORMAT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/parquet_encoding.h"

namespace arrow {
class Table;
}

namespace forebay {

enum class OutputFormat : uint8_t { kParquet, kCsv, kDelta };

// As --out-format names them.
struct NamedOutputFormat {
  std::string_view name;
  OutputFormat format;
};
inline constexpr std::array<NamedOutputFormat, 3> kOutputFormats = {
    {{"parquet", OutputFormat::kParquet},
     {"csv", OutputFormat::kCsv},
     {"delta", OutputFormat::kDelta}}};

// "parquet".
std::string_view OutputFormatName(OutputFormat format);

// Of the columns of Parquet files.
enum class OutputCompression : uint8_t { kSnappy, kZstd, kNone };

// As --compression names them.
struct NamedOutputCompression {
  std::string_view name;
  OutputCompression compression;
};
inline constexpr std::array<NamedOutputCompression, 3> kOutputCompressions = {
    {{"snappy", OutputCompression::kSnappy},
     {"zstd", OutputCompression::kZstd},
     {"none", OutputCompression::kNone}}};

// How Parquet files are written.
struct ParquetLayout {
  ParquetEncoding encoding = ParquetEncoding::kCompatible;
  OutputCompression compression = OutputCompression::kSnappy;
};

// By the ending of a file's name; nullopt: it does not tell.
std::optional<OutputFormat> FormatOfPath(std::string_view path);

// The columns of labels as an output has them. In compatible Parquet, nanoseconds become
// microseconds where that loses nothing; of those that stay, a sentence goes to `warnings`. Delta
// and CSV hold fewer types: small integers become larger ones, and so on; INVALID_ARGUMENT names a
// column whose values have no like there.
absl::StatusOr<std::shared_ptr<arrow::Table>> AsOutputColumns(std::shared_ptr<arrow::Table> labels,
                                                              OutputFormat format,
                                                              ParquetEncoding encoding,
                                                              std::vector<std::string>* warnings);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_OUTPUT_FORMAT_H_
