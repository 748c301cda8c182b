// A Parquet file of which only the pages are read that hold certain rows, as its page index tells.
// Of a file without one, whole column chunks are.
//
//   ARROW_ASSIGN_OR_RAISE(auto file, PagedFile::Open(arrow_file, ReadCost::OfDisk()));
//   int hash = file->FindColumn("_key_hash");
//   RowRanges rows = file->MayHold(group, hash, 42, 42);
//   ARROW_ASSIGN_OR_RAISE(auto hashes, file->Read(group, {hash}, rows));
//
// Pages are compared with their checksums, where they have some. Not thread-safe. Throws
// parquet::ParquetException, as the Parquet library does.
#ifndef FOREBAY_OFFLINE_HISTORY_PAGED_FILE_H_
#define FOREBAY_OFFLINE_HISTORY_PAGED_FILE_H_

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "offline/history/byte_ranges.h"
#include "offline/history/row_range.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace parquet {
class FileMetaData;
class ParquetFileReader;
class RowGroupPageIndexReader;
}  // namespace parquet

namespace forebay {

class TailFile;

class PagedFile {
 public:
  static arrow::Result<std::unique_ptr<PagedFile>> Open(
      std::shared_ptr<arrow::io::RandomAccessFile> file, const ReadCost& cost);
  ~PagedFile();

  int row_groups() const;
  int64_t RowsOf(int group) const;

  // Of top-level columns; -1: there is none of that name.
  int FindColumn(const std::string& name) const;
  int columns() const { return static_cast<int>(leaves_.size()); }
  const std::string& NameOf(int column) const { return leaves_[column].name; }

  // The least and greatest value of a column of integers, or of timestamps in microseconds, in a
  // row group; nullopt: the file does not tell.
  std::optional<std::pair<int64_t, int64_t>> BoundsOf(int group, int column) const;

  // The rows of a row group that may have a value from `least` to `greatest`, as far as the bounds
  // of the row group and of its pages tell.
  RowRanges MayHold(int group, int column, int64_t least, int64_t greatest);

  // These rows, as columns of the types that the file says.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Read(int group,
                                                          const std::vector<int>& columns,
                                                          const RowRanges& rows);

  int64_t pages_read() const { return pages_read_; }  // of data; a chunk without an index is one
  int64_t requests() const;                           // to the file
  int64_t bytes_read() const;

 private:
  struct Column {
    std::string name;
    std::vector<int> leaves;  // columns of the Parquet schema
  };
  struct ChunkPart;

  PagedFile() = default;
  parquet::RowGroupPageIndexReader* PageIndex(int group);
  std::optional<int64_t> MicrosPerUnit(int column) const;
  ChunkPart PlanChunk(int group, int leaf, const RowRanges& rows, bool whole);

  std::shared_ptr<TailFile> file_;
  ReadCost cost_;
  std::unique_ptr<parquet::ParquetFileReader> reader_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::vector<Column> leaves_;
  int index_group_ = -1;  // of which `index_` is
  std::shared_ptr<parquet::RowGroupPageIndexReader> index_;
  int64_t pages_read_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_PAGED_FILE_H_
