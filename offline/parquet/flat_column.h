// A column chunk of a Parquet file, read page by page: all of it, as numbers or as codes into its
// distinct values, or only at certain rows. Nothing is decoded that nobody asked for: of pages
// without a wanted row not even the compression is undone, and of a page with a dictionary the
// values at wanted rows alone are looked up.
//
//   FlatColumn column(reader->RowGroup(0), 3);
//   column.GatherNumbers(rows, values.data(), valid.data());
//
// One pass over the chunk per object. Throws parquet::ParquetException, as the Parquet library
// does.
#ifndef FOREBAY_OFFLINE_PARQUET_FLAT_COLUMN_H_
#define FOREBAY_OFFLINE_PARQUET_FLAT_COLUMN_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "offline/parquet/hybrid_runs.h"

namespace parquet {
class ColumnDescriptor;
class DataPage;
class PageReader;
class RowGroupReader;
}  // namespace parquet

namespace forebay {

// A column as numbers of its values, which may repeat.
struct CodedColumn {
  static constexpr uint32_t kNull = UINT32_MAX;

  std::vector<uint32_t> codes;          // per row
  std::vector<int64_t> numbers;         // by code, where these are numbers
  std::vector<std::string_view> texts;  // likewise texts
  std::vector<std::vector<uint8_t>> owned;
};

class FlatColumn {
 public:
  // Whether a column can be read so: not nested, of int32, int64, doubles, booleans or byte arrays.
  static bool Takes(const parquet::ColumnDescriptor& column);
  static bool HoldsTexts(const parquet::ColumnDescriptor& column);

  // REQUIRES: Takes.
  FlatColumn(std::shared_ptr<parquet::RowGroupReader> group, int column);
  ~FlatColumn();

  int64_t rows() const { return rows_; }

  // Every row: a double as its bits, a boolean as 0 or 1; of a null the number is not said. Returns
  // whether there is a null; without one, `valid` is left as it was. REQUIRES: no texts.
  bool ReadNumbers(int64_t* numbers, std::vector<uint8_t>* valid);

  CodedColumn ReadCoded();

  // The values at `rows`, which ascend and may repeat: numbers[i] and valid[i] are of rows[i].
  // REQUIRES: no texts.
  void GatherNumbers(absl::Span<const uint32_t> rows, int64_t* numbers, uint8_t* valid);

  // Likewise; `take` gets i and the text, valid for the call, or null for a null. REQUIRES: texts.
  void GatherTexts(absl::Span<const uint32_t> rows,
                   absl::FunctionRef<void(size_t i, const std::string_view* text)> take);

 private:
  enum class Form { kWords, kHalfWords, kStreams, kCodes, kDecoded, kTexts };

  bool NextPage(absl::Span<const uint32_t> rows);
  void OpenPage(const parquet::DataPage& page);
  size_t ReadLevels(const uint8_t* data, size_t size);
  void OpenValues(const parquet::DataPage& page, const uint8_t* data, size_t size);
  void DecodePage(const parquet::DataPage& page, const uint8_t* data, size_t size);
  void TakeDictionary(const uint8_t* data, size_t size, int32_t values);
  static void ParseTexts(const uint8_t* data, size_t size, uint32_t count,
                         std::vector<std::string_view>* texts);

  bool IsValid(uint32_t row) const { return ((bits_[row / 64] >> (row % 64)) & 1) != 0; }
  // Of a valid row of the page, its number among those that are valid.
  uint32_t ValueOf(uint32_t row) const {
    return before_[row / 64] +
           __builtin_popcountll(bits_[row / 64] & ((uint64_t{1} << (row % 64)) - 1));
  }
  template <typename Take>
  void ForRows(absl::Span<const uint32_t> rows, Take take);
  template <typename Number>
  void GatherPage(absl::Span<const uint32_t> rows, int64_t* numbers, uint8_t* valid, Number number);

  std::shared_ptr<parquet::RowGroupReader> group_;
  const parquet::ColumnDescriptor* descriptor_;
  std::unique_ptr<parquet::PageReader> pages_;
  int64_t rows_;
  bool texts_;

  std::vector<uint8_t> dictionary_;          // its bytes, of texts
  std::vector<int64_t> dictionary_numbers_;  // by code
  std::vector<std::string_view> dictionary_texts_;

  // Of the page that is open.
  std::shared_ptr<void> page_;
  uint32_t page_begin_ = 0;  // its first row
  uint32_t page_rows_ = 0;
  uint32_t page_values_ = 0;  // not null
  uint32_t seen_ = 0;         // rows of pages opened or skipped
  bool nulls_ = false;
  std::vector<uint64_t> bits_;    // of rows with a value, where there are nulls
  std::vector<uint32_t> before_;  // how many of them are before each word
  Form form_ = Form::kWords;
  const uint8_t* data_ = nullptr;
  HybridRuns codes_;
  std::vector<int64_t> decoded_;
  std::vector<std::string_view> decoded_texts_;
  std::vector<uint8_t> decoded_bytes_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_PARQUET_FLAT_COLUMN_H_
