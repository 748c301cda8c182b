#include "offline/parquet/flat_column.h"

#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/encoding.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace forebay {
namespace {

using parquet::Encoding;
using parquet::ParquetException;
using parquet::Type;

[[noreturn]] void EndsEarly() { throw ParquetException("a page ends before its last value"); }

uint32_t LittleEndian32(const uint8_t* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
int64_t NumberAt(const uint8_t* data, size_t i) {
  T value;
  std::memcpy(&value, data + i * sizeof value, sizeof value);
  return value;
}

// Byte b of value i is in the b-th of eight streams of `count` bytes.
int64_t StreamedAt(const uint8_t* data, size_t count, size_t i) {
  uint64_t value = 0;
  for (int b = 0; b < 8; ++b) value |= static_cast<uint64_t>(data[b * count + i]) << (8 * b);
  return static_cast<int64_t>(value);
}

size_t WidthOf(Type::type type) { return type == Type::INT32 ? 4 : 8; }

// The values of a page in an encoding that is read from its beginning.
template <typename DType>
std::vector<typename DType::c_type> DecodeAll(const parquet::DataPage& page,
                                              const parquet::ColumnDescriptor* descriptor,
                                              const uint8_t* data, size_t size, uint32_t count) {
  auto decoder = parquet::MakeTypedDecoder<DType>(page.encoding(), descriptor);
  decoder->SetData(static_cast<int>(count), data, static_cast<int>(size));
  std::vector<typename DType::c_type> values(count);
  if (decoder->Decode(values.data(), static_cast<int>(count)) != static_cast<int>(count))
    EndsEarly();
  return values;
}

}  // namespace

bool FlatColumn::Takes(const parquet::ColumnDescriptor& column) {
  if (column.max_repetition_level() > 0 || column.max_definition_level() > 1) return false;
  switch (column.physical_type()) {
    case Type::INT32:
    case Type::INT64:
    case Type::DOUBLE:
    case Type::BOOLEAN:
    case Type::BYTE_ARRAY:
      return true;
    default:
      return false;
  }
}

bool FlatColumn::HoldsTexts(const parquet::ColumnDescriptor& column) {
  return column.physical_type() == Type::BYTE_ARRAY;
}

FlatColumn::FlatColumn(std::shared_ptr<parquet::RowGroupReader> group, int column)
    : group_(std::move(group)),
      descriptor_(group_->metadata()->schema()->Column(column)),
      pages_(group_->GetColumnPageReader(column)),
      rows_(group_->metadata()->num_rows()),
      texts_(HoldsTexts(*descriptor_)) {}

FlatColumn::~FlatColumn() = default;

// The next page with one of `rows`, which are those from page_begin_ on; false: there is none.
bool FlatColumn::NextPage(absl::Span<const uint32_t> rows) {
  if (rows.empty()) return false;
  pages_->set_data_page_filter([this, wanted = rows.front()](const parquet::DataPageStats& page) {
    if (page.num_values < 0 || wanted - seen_ < static_cast<uint32_t>(page.num_values))
      return false;
    seen_ += page.num_values;
    return true;
  });
  while (std::shared_ptr<parquet::Page> page = pages_->NextPage()) {
    switch (page->type()) {
      case parquet::PageType::DICTIONARY_PAGE: {
        const auto& dictionary = static_cast<const parquet::DictionaryPage&>(*page);
        TakeDictionary(page->data(), page->size(), dictionary.num_values());
        break;
      }
      case parquet::PageType::DATA_PAGE:
      case parquet::PageType::DATA_PAGE_V2:
        page_ = page;
        OpenPage(static_cast<const parquet::DataPage&>(*page));
        return true;
      default:
        break;
    }
  }
  throw ParquetException("column " + descriptor_->path()->ToDotString() +
                         " has fewer rows than its row group");
}

void FlatColumn::OpenPage(const parquet::DataPage& page) {
  if (page.num_values() < 0 || page.num_values() > rows_ - static_cast<int64_t>(seen_)) {
    throw ParquetException("column " + descriptor_->path()->ToDotString() +
                           " has more rows than its row group");
  }
  page_begin_ = seen_;
  page_rows_ = page.num_values();
  seen_ += page_rows_;
  const uint8_t* data = page.data();
  size_t size = page.size();
  page_values_ = page_rows_;
  nulls_ = false;
  size_t levels = 0;
  if (page.type() == parquet::PageType::DATA_PAGE_V2) {
    const auto& v2 = static_cast<const parquet::DataPageV2&>(page);
    const size_t bytes = v2.definition_levels_byte_length();
    levels = v2.repetition_levels_byte_length() + bytes;
    if (levels > size) EndsEarly();
    if (bytes > 0) ReadLevels(data + levels - bytes, bytes);
  } else if (descriptor_->max_definition_level() > 0) {
    const auto& v1 = static_cast<const parquet::DataPageV1&>(page);
    if (v1.definition_level_encoding() != Encoding::RLE)
      throw ParquetException("definition levels in an encoding of old");
    if (size < 4 || LittleEndian32(data) > size - 4) EndsEarly();
    levels = 4 + ReadLevels(data + 4, LittleEndian32(data));
  }
  OpenValues(page, data + levels, size - levels);
}

size_t FlatColumn::ReadLevels(const uint8_t* data, size_t size) {
  HybridRuns levels(data, size, 1);
  if (levels.IsRunOf(1, page_rows_)) return size;
  std::vector<uint32_t> present(page_rows_);
  levels = HybridRuns(data, size, 1);
  levels.ReadAll(page_rows_, present.data());
  bits_.assign((page_rows_ + 63) / 64, 0);
  before_.resize(bits_.size());
  for (uint32_t row = 0; row < page_rows_; ++row)
    bits_[row / 64] |= static_cast<uint64_t>(present[row]) << (row % 64);
  page_values_ = 0;
  for (size_t word = 0; word < bits_.size(); ++word) {
    before_[word] = page_values_;
    page_values_ += __builtin_popcountll(bits_[word]);
  }
  nulls_ = page_values_ < page_rows_;
  return size;
}

void FlatColumn::OpenValues(const parquet::DataPage& page, const uint8_t* data, size_t size) {
  const Type::type type = descriptor_->physical_type();
  data_ = data;
  switch (page.encoding()) {
    case Encoding::PLAIN:
      if (type == Type::BYTE_ARRAY) {
        form_ = Form::kTexts;
        ParseTexts(data, size, page_values_, &decoded_texts_);
        return;
      }
      if (type == Type::BOOLEAN) break;
      form_ = type == Type::INT32 ? Form::kHalfWords : Form::kWords;
      if (size / WidthOf(type) < page_values_) EndsEarly();
      return;
    case Encoding::BYTE_STREAM_SPLIT:
      if (type == Type::INT32) break;
      form_ = Form::kStreams;
      if (size / 8 < page_values_) EndsEarly();
      return;
    case Encoding::PLAIN_DICTIONARY:
    case Encoding::RLE_DICTIONARY:
      form_ = Form::kCodes;
      if (size == 0 && page_values_ > 0) EndsEarly();
      codes_ = size == 0 ? HybridRuns() : HybridRuns(data + 1, size - 1, data[0]);
      return;
    default:
      break;
  }
  DecodePage(page, data, size);
}

void FlatColumn::DecodePage(const parquet::DataPage& page, const uint8_t* data, size_t size) {
  form_ = Form::kDecoded;
  switch (descriptor_->physical_type()) {
    case Type::INT32: {
      auto values = DecodeAll<parquet::Int32Type>(page, descriptor_, data, size, page_values_);
      decoded_.assign(values.begin(), values.end());
      break;
    }
    case Type::INT64:
      decoded_ = DecodeAll<parquet::Int64Type>(page, descriptor_, data, size, page_values_);
      break;
    case Type::DOUBLE: {
      auto values = DecodeAll<parquet::DoubleType>(page, descriptor_, data, size, page_values_);
      decoded_.resize(values.size());
      std::memcpy(decoded_.data(), values.data(), values.size() * sizeof(double));
      break;
    }
    case Type::BOOLEAN: {
      // Bits, as they are or in runs.
      const bool runs = page.encoding() == Encoding::RLE;
      if (!runs && page.encoding() != Encoding::PLAIN)
        throw ParquetException("booleans in " + parquet::EncodingToString(page.encoding()));
      decoded_.resize(page_values_);
      if (!runs) {
        if (size * 8 < page_values_) EndsEarly();
        for (uint32_t i = 0; i < page_values_; ++i) decoded_[i] = (data[i / 8] >> (i % 8)) & 1;
        break;
      }
      if (size < 4) EndsEarly();
      HybridRuns bits(data + 4, size - 4, 1);
      for (uint32_t i = 0; i < page_values_; ++i) decoded_[i] = bits.At(i);
      break;
    }
    default: {
      form_ = Form::kTexts;
      auto decoder =
          parquet::MakeTypedDecoder<parquet::ByteArrayType>(page.encoding(), descriptor_);
      decoder->SetData(static_cast<int>(page_values_), data, static_cast<int>(size));
      decoded_texts_.clear();
      decoded_bytes_.clear();
      // Some decoders reuse their memory from call to call: all of it is copied.
      std::vector<parquet::ByteArray> values(page_values_);
      if (decoder->Decode(values.data(), static_cast<int>(page_values_)) !=
          static_cast<int>(page_values_))
        EndsEarly();
      size_t bytes = 0;
      for (const parquet::ByteArray& value : values) bytes += value.len;
      decoded_bytes_.reserve(bytes);
      for (const parquet::ByteArray& value : values) {
        const auto* begin =
            reinterpret_cast<const char*>(decoded_bytes_.data() + decoded_bytes_.size());
        decoded_bytes_.insert(decoded_bytes_.end(), value.ptr, value.ptr + value.len);
        decoded_texts_.emplace_back(begin, value.len);
      }
    }
  }
}

void FlatColumn::TakeDictionary(const uint8_t* data, size_t size, int32_t values) {
  if (values < 0) throw ParquetException("a dictionary of less than no values");
  if (texts_) {
    dictionary_.assign(data, data + size);
    ParseTexts(dictionary_.data(), size, values, &dictionary_texts_);
    return;
  }
  const Type::type type = descriptor_->physical_type();
  if (type == Type::BOOLEAN) throw ParquetException("a dictionary of booleans");
  if (size / WidthOf(type) < static_cast<size_t>(values)) EndsEarly();
  dictionary_numbers_.resize(values);
  if (type == Type::INT32) {
    for (int32_t i = 0; i < values; ++i) dictionary_numbers_[i] = NumberAt<int32_t>(data, i);
  } else if (values > 0) {
    std::memcpy(dictionary_numbers_.data(), data, values * sizeof(int64_t));
  }
}

void FlatColumn::ParseTexts(const uint8_t* data, size_t size, uint32_t count,
                            std::vector<std::string_view>* texts) {
  if (count > size / 4) EndsEarly();
  texts->resize(count);
  for (std::string_view& text : *texts) {
    if (size < 4) EndsEarly();
    const uint32_t length = LittleEndian32(data);
    if (length > size - 4) EndsEarly();
    text = {reinterpret_cast<const char*>(data + 4), length};
    data += 4 + length;
    size -= 4 + length;
  }
}

// Calls take(first, count) for runs of `rows` that are in one page, which is open then.
template <typename Take>
void FlatColumn::ForRows(absl::Span<const uint32_t> rows, Take take) {
  for (size_t first = 0; first < rows.size();) {
    NextPage(rows.subspan(first));
    const size_t end =
        std::lower_bound(rows.begin() + first, rows.end(), page_begin_ + page_rows_) - rows.begin();
    take(first, end - first);
    first = end;
  }
}

template <typename Number>
void FlatColumn::GatherPage(absl::Span<const uint32_t> rows, int64_t* numbers, uint8_t* valid,
                            Number number) {
  if (!nulls_) {
    std::fill(valid, valid + rows.size(), 1);
    for (size_t i = 0; i < rows.size(); ++i) numbers[i] = number(rows[i] - page_begin_);
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t row = rows[i] - page_begin_;
    valid[i] = IsValid(row) ? 1 : 0;
    numbers[i] = IsValid(row) ? number(ValueOf(row)) : 0;
  }
}

void FlatColumn::GatherNumbers(absl::Span<const uint32_t> rows, int64_t* numbers, uint8_t* valid) {
  ForRows(rows, [&](size_t first, size_t count) {
    auto gather = [&](auto number) {
      GatherPage(rows.subspan(first, count), numbers + first, valid + first, number);
    };
    switch (form_) {
      case Form::kWords:
        return gather([this](uint32_t i) { return NumberAt<int64_t>(data_, i); });
      case Form::kHalfWords:
        return gather([this](uint32_t i) -> int64_t { return NumberAt<int32_t>(data_, i); });
      case Form::kStreams:
        return gather([this](uint32_t i) { return StreamedAt(data_, page_values_, i); });
      case Form::kDecoded:
        return gather([this](uint32_t i) { return decoded_[i]; });
      case Form::kCodes:
        return gather([this](uint32_t i) {
          const uint32_t code = codes_.At(i);
          if (code >= dictionary_numbers_.size())
            throw ParquetException("a value that its dictionary lacks");
          return dictionary_numbers_[code];
        });
      case Form::kTexts:
        throw ParquetException("texts where numbers were expected");
    }
  });
}

void FlatColumn::GatherTexts(absl::Span<const uint32_t> rows,
                             absl::FunctionRef<void(size_t i, const std::string_view* text)> take) {
  ForRows(rows, [&](size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      const uint32_t row = rows[i] - page_begin_;
      if (nulls_ && !IsValid(row)) {
        take(i, nullptr);
        continue;
      }
      const uint32_t value = nulls_ ? ValueOf(row) : row;
      const bool coded = form_ == Form::kCodes;
      const uint32_t place = coded ? codes_.At(value) : value;
      const std::vector<std::string_view>& texts = coded ? dictionary_texts_ : decoded_texts_;
      if (place >= texts.size()) throw ParquetException("a value that its dictionary lacks");
      take(i, &texts[place]);
    }
  });
}

bool FlatColumn::ReadNumbers(int64_t* numbers, std::vector<uint8_t>* valid) {
  bool any_null = false;
  for (int64_t done = 0; done < rows_; done += page_rows_) {
    const auto next = static_cast<uint32_t>(done);
    NextPage({&next, 1});
    int64_t* out = numbers + done;
    switch (form_) {
      case Form::kWords:
        if (page_values_ > 0) std::memcpy(out, data_, page_values_ * sizeof(int64_t));
        break;
      case Form::kHalfWords:
        for (uint32_t i = 0; i < page_values_; ++i) out[i] = NumberAt<int32_t>(data_, i);
        break;
      case Form::kStreams:
        for (uint32_t i = 0; i < page_values_; ++i) out[i] = StreamedAt(data_, page_values_, i);
        break;
      case Form::kDecoded:
        std::copy(decoded_.begin(), decoded_.end(), out);
        break;
      case Form::kCodes:
        for (uint32_t i = 0; i < page_values_; ++i) {
          const uint32_t code = codes_.At(i);
          if (code >= dictionary_numbers_.size())
            throw ParquetException("a value that its dictionary lacks");
          out[i] = dictionary_numbers_[code];
        }
        break;
      case Form::kTexts:
        throw ParquetException("texts where numbers were expected");
    }
    if (!nulls_) continue;
    if (!any_null) valid->assign(rows_, 1);
    any_null = true;
    // From the end, so that no value is overwritten before it has moved.
    uint32_t value = page_values_;
    for (uint32_t row = page_rows_; row-- > 0;) {
      (*valid)[done + row] = IsValid(row) ? 1 : 0;
      if (IsValid(row)) out[row] = out[--value];
    }
  }
  return any_null;
}

CodedColumn FlatColumn::ReadCoded() {
  CodedColumn column;
  column.codes.resize(rows_);
  uint32_t from_dictionary = 0;  // codes below are the dictionary's
  bool has_dictionary = false;
  for (int64_t done = 0; done < rows_; done += page_rows_) {
    const auto next = static_cast<uint32_t>(done);
    NextPage({&next, 1});
    uint32_t* codes = column.codes.data() + done;
    if (form_ == Form::kCodes) {
      if (!has_dictionary) {
        // Pages without a dictionary come after those with one.
        if (!column.numbers.empty() || !column.texts.empty())
          throw ParquetException("a dictionary after values without one");
        has_dictionary = true;
        column.numbers = dictionary_numbers_;
        column.texts = dictionary_texts_;
        from_dictionary = texts_ ? column.texts.size() : column.numbers.size();
      }
      codes_.ReadAll(page_values_, codes);
      if (std::any_of(codes, codes + page_values_,
                      [&](uint32_t code) { return code >= from_dictionary; }))
        throw ParquetException("a value that its dictionary lacks");
    } else if (texts_) {
      const auto first = static_cast<uint32_t>(column.texts.size());
      size_t bytes = 0;
      for (std::string_view text : decoded_texts_) bytes += text.size();
      std::vector<uint8_t> copy(bytes);
      uint8_t* to = copy.data();
      for (std::string_view text : decoded_texts_) {
        if (!text.empty()) std::memcpy(to, text.data(), text.size());
        column.texts.emplace_back(reinterpret_cast<const char*>(to), text.size());
        to += text.size();
      }
      column.owned.push_back(std::move(copy));
      for (uint32_t i = 0; i < page_values_; ++i) codes[i] = first + i;
    } else {
      const auto first = static_cast<uint32_t>(column.numbers.size());
      column.numbers.resize(first + page_values_);
      int64_t* out = column.numbers.data() + first;
      for (uint32_t i = 0; i < page_values_; ++i) {
        codes[i] = first + i;
        out[i] = form_ == Form::kWords       ? NumberAt<int64_t>(data_, i)
                 : form_ == Form::kHalfWords ? NumberAt<int32_t>(data_, i)
                 : form_ == Form::kStreams   ? StreamedAt(data_, page_values_, i)
                                             : decoded_[i];
      }
    }
    if (!nulls_) continue;
    uint32_t value = page_values_;
    for (uint32_t row = page_rows_; row-- > 0;)
      codes[row] = IsValid(row) ? codes[--value] : CodedColumn::kNull;
  }
  column.owned.push_back(std::move(dictionary_));
  return column;
}

}  // namespace forebay
