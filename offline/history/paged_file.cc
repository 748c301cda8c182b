#include "offline/history/paged_file.h"

#include <arrow/api.h>
#include <arrow/array/concatenate.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/statistics.h>

#include <algorithm>

#include "offline/history/tail_file.h"

namespace forebay {
namespace {

using arrow::io::ReadRange;

parquet::ReaderProperties Checked(int64_t footer_bytes) {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  properties.set_footer_read_size(footer_bytes);
  return properties;
}

// Where a chunk begins: with its dictionary, if it has one.
int64_t StartOf(const parquet::ColumnChunkMetaData& chunk) {
  int64_t start = chunk.data_page_offset();
  if (chunk.has_dictionary_page() && chunk.dictionary_page_offset() > 0)
    start = std::min(start, chunk.dictionary_page_offset());
  return start;
}

// Of lists, whose number only their pages tell: more than any chunk has, so that all are read.
constexpr int64_t kManyValues = int64_t{1} << 40;

int64_t Scaled(int64_t value, int64_t micros_per_unit) {
  if (micros_per_unit > 0) return value * micros_per_unit;
  return value / 1000 - (value % 1000 < 0 ? 1 : 0);  // of nanoseconds, floored
}
constexpr int64_t kNanoseconds = 0;

}  // namespace

// What is read of a column chunk.
struct PagedFile::ChunkPart {
  int leaf = 0;
  std::vector<ReadRange> bytes;  // dictionary, then pages; in order
  RowRanges rows;                // of those pages
  int64_t values = 0;            // at most
  int64_t pages = 0;
  bool dictionary = false;  // bytes[0]
  int64_t size() const {
    int64_t size = 0;
    for (const ReadRange& range : bytes) size += range.length;
    return size;
  }
};

namespace {

// The parts of the chunks of a row group that were read, as a Parquet file in memory with one row
// group: what the Parquet library decodes as it does any other.
class NarrowedFile {
 public:
  explicit NarrowedFile(const parquet::FileMetaData& whole, int group)
      : whole_(whole), group_(whole.RowGroup(group)) {
    parts_.resize(whole.num_columns());
    bytes_ = "PAR1";
  }

  struct Part {
    int64_t start = 0;
    int64_t dictionary_size = 0;
    int64_t size = 0;
    int64_t values = 0;
  };

  // Adds a column's part: the dictionary, if there is one, and pages.
  void Add(int leaf, const std::vector<std::shared_ptr<arrow::Buffer>>& pieces, bool dictionary,
           int64_t values) {
    Part& part = parts_[leaf];
    part.start = static_cast<int64_t>(bytes_.size());
    part.values = values;
    if (dictionary) part.dictionary_size = pieces[0]->size();
    for (const auto& piece : pieces) bytes_ += std::string_view(*piece);
    part.size = static_cast<int64_t>(bytes_.size()) - part.start;
  }

  arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> Open() {
    parquet::ArrowReaderProperties properties;
    properties.set_pre_buffer(false);
    properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    parquet::arrow::FileReaderBuilder builder;
    auto metadata = Metadata();
    ARROW_RETURN_NOT_OK(builder.Open(arrow::io::BufferReader::FromString(std::move(bytes_)),
                                     Checked(parquet::kDefaultFooterReadSize),
                                     std::move(metadata)));
    return builder.properties(properties)->Build();
  }

 private:
  // Without the Arrow schema that its writer left: columns have the types that Parquet says.
  std::shared_ptr<parquet::FileMetaData> Metadata() const {
    // Most columns have one codec; paths are slow to look up.
    parquet::WriterProperties::Builder properties;
    std::optional<arrow::Compression::type> common;
    for (int leaf = 0; leaf < whole_.num_columns(); ++leaf) {
      if (parts_[leaf].size == 0) continue;
      const arrow::Compression::type codec = group_->ColumnChunk(leaf)->compression();
      if (!common) {
        common = codec;
        properties.compression(codec);
      } else if (codec != *common) {
        properties.compression(whole_.schema()->Column(leaf)->path(), codec);
      }
    }
    auto file = parquet::FileMetaDataBuilder::Make(whole_.schema(), properties.build());
    parquet::RowGroupMetaDataBuilder* group = file->AppendRowGroup();
    int64_t rows = 0;
    for (const Part& part : parts_) {
      const int64_t data = part.start + part.dictionary_size;
      group->NextColumnChunk()->Finish(part.values, part.dictionary_size > 0 ? part.start : 0,
                                       /*index_page_offset=*/-1, data, part.size, part.size,
                                       part.dictionary_size > 0, /*dictionary_fallback=*/false, {},
                                       {});
      rows = std::max(rows, part.values);
    }
    group->set_num_rows(rows);
    group->Finish(static_cast<int64_t>(bytes_.size()));
    return file->Finish();
  }

  const parquet::FileMetaData& whole_;
  std::unique_ptr<parquet::RowGroupMetaData> group_;
  std::vector<Part> parts_;  // by leaf
  std::string bytes_;
};

// Of a column whose next rows are `from`, in order: those that are `wanted`.
arrow::Result<std::shared_ptr<arrow::Array>> PickRows(parquet::arrow::ColumnReader* column,
                                                      const RowRanges& from,
                                                      const RowRanges& wanted) {
  arrow::ArrayVector picked;
  size_t next = 0;
  auto read = [&](int64_t rows, bool keep) -> arrow::Status {
    while (rows > 0) {
      std::shared_ptr<arrow::ChunkedArray> chunks;
      ARROW_RETURN_NOT_OK(column->NextBatch(rows, &chunks));
      if (chunks == nullptr || chunks->length() == 0)
        return arrow::Status::IOError("a page has fewer rows than its index says");
      rows -= chunks->length();
      if (keep) picked.insert(picked.end(), chunks->chunks().begin(), chunks->chunks().end());
    }
    return arrow::Status::OK();
  };
  for (const RowRange& range : from) {
    int64_t at = range.begin;
    for (; next < wanted.size() && wanted[next].begin < range.end; ++next) {
      ARROW_RETURN_NOT_OK(read(wanted[next].begin - at, /*keep=*/false));
      ARROW_RETURN_NOT_OK(read(wanted[next].size(), /*keep=*/true));
      at = wanted[next].end;
    }
    if (next == wanted.size()) break;  // what follows need not be decoded
    ARROW_RETURN_NOT_OK(read(range.end - at, /*keep=*/false));
  }
  if (picked.size() == 1) return picked[0];
  return arrow::Concatenate(picked);
}

}  // namespace

PagedFile::~PagedFile() = default;

arrow::Result<std::unique_ptr<PagedFile>> PagedFile::Open(
    std::shared_ptr<arrow::io::RandomAccessFile> file, const ReadCost& cost) {
  std::unique_ptr<PagedFile> paged(new PagedFile);
  paged->cost_ = cost;
  ARROW_ASSIGN_OR_RAISE(paged->file_, TailFile::Open(std::move(file), cost.tail));
  paged->reader_ = parquet::ParquetFileReader::Open(paged->file_, Checked(cost.tail));
  paged->metadata_ = paged->reader_->metadata();
  const parquet::SchemaDescriptor& schema = *paged->metadata_->schema();
  paged->leaves_.resize(schema.group_node()->field_count());
  for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
    const parquet::schema::Node* root = schema.GetColumnRoot(leaf);
    Column& column = paged->leaves_[schema.group_node()->FieldIndex(*root)];
    column.name = root->name();
    column.leaves.push_back(leaf);
  }
  return paged;
}

int64_t PagedFile::requests() const { return file_->requests(); }
int64_t PagedFile::bytes_read() const { return file_->bytes(); }

int PagedFile::row_groups() const { return metadata_->num_row_groups(); }

int64_t PagedFile::RowsOf(int group) const { return metadata_->RowGroup(group)->num_rows(); }

int PagedFile::FindColumn(const std::string& name) const {
  auto named = [&](const Column& column) { return column.name == name; };
  auto it = std::find_if(leaves_.begin(), leaves_.end(), named);
  return it == leaves_.end() ? -1 : static_cast<int>(it - leaves_.begin());
}

// Of columns whose bounds are 64-bit integers; nullopt: they are others.
std::optional<int64_t> PagedFile::MicrosPerUnit(int column) const {
  const std::vector<int>& leaves = leaves_[column].leaves;
  const parquet::ColumnDescriptor* leaf = metadata_->schema()->Column(leaves[0]);
  if (leaves.size() > 1 || leaf->max_repetition_level() > 0 ||
      leaf->physical_type() != parquet::Type::INT64) {
    return std::nullopt;
  }
  const auto& type = leaf->logical_type();
  if (type == nullptr || type->is_none()) return 1;
  if (type->is_int())
    return static_cast<const parquet::IntLogicalType&>(*type).is_signed() ? std::optional(1)
                                                                          : std::nullopt;
  if (!type->is_timestamp()) return std::nullopt;
  switch (static_cast<const parquet::TimestampLogicalType&>(*type).time_unit()) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return 1000;
    case parquet::LogicalType::TimeUnit::MICROS:
      return 1;
    default:
      return kNanoseconds;
  }
}

std::optional<std::pair<int64_t, int64_t>> PagedFile::BoundsOf(int group, int column) const {
  std::optional<int64_t> unit = MicrosPerUnit(column);
  if (!unit) return std::nullopt;
  auto statistics =
      metadata_->RowGroup(group)->ColumnChunk(leaves_[column].leaves[0])->statistics();
  if (statistics == nullptr || !statistics->HasMinMax()) return std::nullopt;
  const auto& bounds = static_cast<const parquet::Int64Statistics&>(*statistics);
  return std::pair(Scaled(bounds.min(), *unit), Scaled(bounds.max(), *unit));
}

// Null where the group has none.
parquet::RowGroupPageIndexReader* PagedFile::PageIndex(int group) {
  if (group == index_group_) return index_.get();
  index_group_ = group;
  index_ = nullptr;
  auto of_file = reader_->GetPageIndexReader();
  if (of_file != nullptr) index_ = of_file->RowGroup(group);
  return index_.get();
}

RowRanges PagedFile::MayHold(int group, int column, int64_t least, int64_t greatest) {
  const int64_t rows = RowsOf(group);
  const RowRanges all = {{0, rows}};
  std::optional<int64_t> unit = MicrosPerUnit(column);
  if (!unit) return all;
  if (auto bounds = BoundsOf(group, column);
      bounds && (bounds->first > greatest || bounds->second < least)) {
    return {};
  }
  parquet::RowGroupPageIndexReader* index = PageIndex(group);
  if (index == nullptr) return all;
  const int leaf = leaves_[column].leaves[0];
  auto values = std::dynamic_pointer_cast<parquet::Int64ColumnIndex>(index->GetColumnIndex(leaf));
  auto places = index->GetOffsetIndex(leaf);
  if (values == nullptr || places == nullptr) return all;
  const auto& pages = places->page_locations();
  if (values->min_values().size() != pages.size()) return all;
  RowRanges found;
  for (size_t page = 0; page < pages.size(); ++page) {
    if (values->null_pages()[page] || Scaled(values->min_values()[page], *unit) > greatest ||
        Scaled(values->max_values()[page], *unit) < least) {
      continue;
    }
    const int64_t end = page + 1 < pages.size() ? pages[page + 1].first_row_index : rows;
    AppendRange({pages[page].first_row_index, end}, &found);
  }
  return found;
}

PagedFile::ChunkPart PagedFile::PlanChunk(int group, int leaf, const RowRanges& rows, bool whole) {
  auto row_group = metadata_->RowGroup(group);
  auto chunk = row_group->ColumnChunk(leaf);
  const bool lists = metadata_->schema()->Column(leaf)->max_repetition_level() > 0;
  const int64_t start = StartOf(*chunk);
  ChunkPart part{.leaf = leaf};
  parquet::RowGroupPageIndexReader* index = whole ? nullptr : PageIndex(group);
  auto places = index == nullptr ? nullptr : index->GetOffsetIndex(leaf);
  if (places == nullptr || places->page_locations().empty()) {
    part.bytes = {{start, chunk->total_compressed_size()}};
    part.rows = {{0, row_group->num_rows()}};
    part.values = chunk->num_values();
    part.pages = 1;
    return part;
  }
  const auto& pages = places->page_locations();
  part.dictionary = pages[0].offset > start;
  if (part.dictionary) part.bytes.push_back({start, pages[0].offset - start});
  for (size_t page = 0; page < pages.size(); ++page) {
    const int64_t end =
        page + 1 < pages.size() ? pages[page + 1].first_row_index : row_group->num_rows();
    const RowRange of_page = {pages[page].first_row_index, end};
    if (Intersect(rows, {of_page}).empty()) continue;
    part.bytes.push_back({pages[page].offset, pages[page].compressed_page_size});
    AppendRange(of_page, &part.rows);
    ++part.pages;
  }
  part.values = lists ? kManyValues : CountRows(part.rows);
  return part;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> PagedFile::Read(int group,
                                                                   const std::vector<int>& columns,
                                                                   const RowRanges& rows) {
  std::vector<ChunkPart> parts;  // of all leaves
  std::vector<ReadRange> ranges;
  for (int column : columns) {
    const std::vector<int>& leaves = leaves_[column].leaves;
    for (int leaf : leaves) {
      // The pages of several leaves of one column do not begin at the same rows.
      parts.push_back(PlanChunk(group, leaf, rows, /*whole=*/leaves.size() > 1));
      ranges.insert(ranges.end(), parts.back().bytes.begin(), parts.back().bytes.end());
      pages_read_ += parts.back().pages;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto buffers, ReadByteRanges(file_.get(), ranges, cost_));
  NarrowedFile narrowed(*metadata_, group);
  auto buffer = buffers.begin();
  for (const ChunkPart& part : parts) {
    const auto end = buffer + static_cast<int64_t>(part.bytes.size());
    narrowed.Add(part.leaf, {buffer, end}, part.dictionary, part.values);
    buffer = end;
  }
  ARROW_ASSIGN_OR_RAISE(auto reader, narrowed.Open());
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  size_t next = 0;  // of `parts`
  for (int column : columns) {
    std::unique_ptr<parquet::arrow::ColumnReader> values;
    ARROW_RETURN_NOT_OK(reader->GetColumn(column, &values));
    ARROW_ASSIGN_OR_RAISE(auto array, PickRows(values.get(), parts[next].rows, rows));
    fields.push_back(schema->field(column));
    arrays.push_back(std::move(array));
    next += leaves_[column].leaves.size();
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), CountRows(rows),
                                  std::move(arrays));
}

}  // namespace forebay
