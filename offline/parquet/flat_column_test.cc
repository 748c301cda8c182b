#include "offline/parquet/flat_column.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace forebay {
namespace {

using Text = std::optional<std::string>;
using Number = std::optional<int64_t>;

struct Layout {
  std::shared_ptr<arrow::DataType> type;
  parquet::Encoding::type encoding;  // RLE_DICTIONARY: a dictionary, which may overflow
  parquet::ParquetDataPageVersion pages;
  arrow::Compression::type codec;
  double nulls;  // their share
  int64_t distinct;
};

std::string Describe(const Layout& layout) {
  return layout.type->ToString() + " " + parquet::EncodingToString(layout.encoding) +
         (layout.pages == parquet::ParquetDataPageVersion::V1 ? " v1 " : " v2 ") +
         arrow::util::Codec::GetCodecAsString(layout.codec) + " nulls " +
         std::to_string(layout.nulls) + " distinct " + std::to_string(layout.distinct);
}

// A column with the values that went into it, numbers as FlatColumn gives them.
struct Column {
  std::shared_ptr<arrow::Array> array;
  std::vector<Number> numbers;
  std::vector<Text> texts;
};

Column RandomColumn(const Layout& layout, int64_t rows, std::mt19937_64* random) {
  Column column;
  auto builder = arrow::MakeBuilder(layout.type).ValueOrDie();
  for (int64_t row = 0; row < rows; ++row) {
    const bool null = std::uniform_real_distribution<double>()(*random) < layout.nulls;
    const int64_t value = static_cast<int64_t>((*random)() % layout.distinct) - 3;
    if (null) {
      EXPECT_TRUE(builder->AppendNull().ok());
      column.numbers.emplace_back();
      column.texts.emplace_back();
      continue;
    }
    arrow::Status status;
    switch (layout.type->id()) {
      case arrow::Type::INT32:
        status = static_cast<arrow::Int32Builder&>(*builder).Append(static_cast<int32_t>(value));
        column.numbers.emplace_back(static_cast<int32_t>(value));
        break;
      case arrow::Type::INT64:
        status = static_cast<arrow::Int64Builder&>(*builder).Append(value * 1'000'003);
        column.numbers.emplace_back(value * 1'000'003);
        break;
      case arrow::Type::DOUBLE: {
        const double real = static_cast<double>(value) / 7;
        status = static_cast<arrow::DoubleBuilder&>(*builder).Append(real);
        column.numbers.emplace_back(std::bit_cast<int64_t>(real));
        break;
      }
      case arrow::Type::BOOL:
        status = static_cast<arrow::BooleanBuilder&>(*builder).Append(value % 2 == 0);
        column.numbers.emplace_back(value % 2 == 0 ? 1 : 0);
        break;
      default: {
        std::string text(value % 5 + 5, static_cast<char>('a' + (value + 3) % 26));
        if (value % 11 == 0) text.clear();
        text += value % 11 == 0 ? "" : std::to_string(value);
        status = static_cast<arrow::StringBuilder&>(*builder).Append(text);
        column.texts.emplace_back(text);
      }
    }
    EXPECT_TRUE(status.ok());
  }
  column.array = builder->Finish().ValueOrDie();
  return column;
}

std::shared_ptr<arrow::Buffer> WriteFile(const Layout& layout, const Column& column) {
  parquet::WriterProperties::Builder properties;
  properties.compression(layout.codec)->data_page_version(layout.pages)->data_pagesize(700);
  properties.write_batch_size(64)->enable_page_checksum();
  if (layout.encoding == parquet::Encoding::RLE_DICTIONARY) {
    properties.enable_dictionary()->dictionary_pagesize_limit(2000);
  } else {
    properties.disable_dictionary()->encoding(layout.encoding);
  }
  auto table = arrow::Table::Make(arrow::schema({arrow::field("c", layout.type)}), {column.array});
  auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 1 << 20,
                                         properties.build())
                  .ok());
  return out->Finish().ValueOrDie();
}

std::unique_ptr<parquet::ParquetFileReader> Open(std::shared_ptr<arrow::Buffer> bytes) {
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(false);  // damage must get past them
  return parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes),
                                          properties);
}

std::vector<Number> AllNumbers(parquet::ParquetFileReader& file) {
  FlatColumn column(file.RowGroup(0), 0);
  std::vector<int64_t> numbers(column.rows());
  std::vector<uint8_t> valid;
  const bool nulls = column.ReadNumbers(numbers.data(), &valid);
  std::vector<Number> all;
  for (size_t row = 0; row < numbers.size(); ++row)
    all.push_back(nulls && valid[row] == 0 ? Number() : Number(numbers[row]));
  return all;
}

std::vector<Number> NumbersAt(parquet::ParquetFileReader& file, const std::vector<uint32_t>& rows) {
  FlatColumn column(file.RowGroup(0), 0);
  std::vector<int64_t> numbers(rows.size());
  std::vector<uint8_t> valid(rows.size(), 2);
  column.GatherNumbers(rows, numbers.data(), valid.data());
  std::vector<Number> all;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_LE(valid[i], 1);
    all.push_back(valid[i] == 0 ? Number() : Number(numbers[i]));
  }
  return all;
}

std::vector<Text> TextsAt(parquet::ParquetFileReader& file, const std::vector<uint32_t>& rows) {
  FlatColumn column(file.RowGroup(0), 0);
  std::vector<Text> all(rows.size());
  column.GatherTexts(rows, [&](size_t i, const std::string_view* text) {
    if (text != nullptr) all[i] = std::string(*text);
  });
  return all;
}

template <typename Value>
std::vector<Value> Picked(const std::vector<Value>& values, const std::vector<uint32_t>& rows) {
  std::vector<Value> picked;
  for (uint32_t row : rows) picked.push_back(values[row]);
  return picked;
}

std::vector<uint32_t> RandomRows(size_t rows, std::mt19937_64* random) {
  std::vector<uint32_t> picked;
  // Near each other, so that there are pages without any; some twice.
  for (int run = 0; run < 3 && rows > 0; ++run) {
    const size_t first = (*random)() % rows;
    for (int i = 0; i < 20; ++i) picked.push_back((first + (*random)() % 30) % rows);
  }
  std::sort(picked.begin(), picked.end());
  return picked;
}

std::vector<Layout> Layouts() {
  using parquet::Encoding;
  const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::vector<Encoding::type>>>
      kinds = {
          {arrow::int32(),
           {Encoding::PLAIN, Encoding::RLE_DICTIONARY, Encoding::DELTA_BINARY_PACKED,
            Encoding::BYTE_STREAM_SPLIT}},
          {arrow::int64(),
           {Encoding::PLAIN, Encoding::RLE_DICTIONARY, Encoding::DELTA_BINARY_PACKED,
            Encoding::BYTE_STREAM_SPLIT}},
          {arrow::float64(),
           {Encoding::PLAIN, Encoding::RLE_DICTIONARY, Encoding::BYTE_STREAM_SPLIT}},
          {arrow::boolean(), {Encoding::PLAIN, Encoding::RLE}},
          {arrow::utf8(),
           {Encoding::PLAIN, Encoding::RLE_DICTIONARY, Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY}},
      };
  std::vector<Layout> layouts;
  for (const auto& [type, encodings] : kinds) {
    for (Encoding::type encoding : encodings) {
      for (auto pages :
           {parquet::ParquetDataPageVersion::V1, parquet::ParquetDataPageVersion::V2}) {
        for (double nulls : {0.0, 0.3, 1.0}) {
          for (int64_t distinct : {1, 40, 100'000}) {
            auto codec = layouts.size() % 2 == 0 ? arrow::Compression::ZSTD
                                                 : arrow::Compression::UNCOMPRESSED;
            layouts.push_back({type, encoding, pages, codec, nulls, distinct});
          }
        }
      }
    }
  }
  return layouts;
}

TEST(FlatColumn, GivesWhatWasWrittenInEveryLayout) {
  std::mt19937_64 random(1);
  for (const Layout& layout : Layouts()) {
    SCOPED_TRACE(Describe(layout));
    const auto rows = static_cast<int64_t>(random() % 3000);
    Column column = RandomColumn(layout, rows, &random);
    auto file = Open(WriteFile(layout, column));
    const bool texts = layout.type->id() == arrow::Type::STRING;
    if (rows == 0) continue;
    ASSERT_TRUE(FlatColumn::Takes(*file->metadata()->schema()->Column(0)));
    std::vector<uint32_t> picked = RandomRows(rows, &random);
    if (texts) {
      EXPECT_EQ(TextsAt(*file, picked), Picked(column.texts, picked));
    } else {
      EXPECT_EQ(AllNumbers(*file), column.numbers);
      EXPECT_EQ(NumbersAt(*file, picked), Picked(column.numbers, picked));
    }
    FlatColumn all(file->RowGroup(0), 0);
    CodedColumn coded = all.ReadCoded();
    ASSERT_EQ(static_cast<int64_t>(coded.codes.size()), rows);
    for (int64_t row = 0; row < rows; ++row) {
      const uint32_t code = coded.codes[row];
      if (texts) {
        EXPECT_EQ(code == CodedColumn::kNull ? Text() : Text(coded.texts.at(code)),
                  column.texts[row]);
      } else {
        EXPECT_EQ(code == CodedColumn::kNull ? Number() : Number(coded.numbers.at(code)),
                  column.numbers[row]);
      }
    }
    if (HasFailure()) return;
  }
}

TEST(FlatColumn, LeavesNestedColumnsAlone) {
  auto list = arrow::list(arrow::int64());
  auto builder = arrow::MakeBuilder(list).ValueOrDie();
  ASSERT_TRUE(builder->AppendEmptyValue().ok());
  Column column{.array = builder->Finish().ValueOrDie()};
  Layout layout{list,
                parquet::Encoding::PLAIN,
                parquet::ParquetDataPageVersion::V1,
                arrow::Compression::UNCOMPRESSED,
                0,
                1};
  auto file = Open(WriteFile(layout, column));
  EXPECT_FALSE(FlatColumn::Takes(*file->metadata()->schema()->Column(0)));
}

// Whatever bytes there are: an exception or some values, never more.
TEST(FlatColumn, SurvivesDamage) {
  std::mt19937_64 random(2);
  int refused = 0;
  for (Layout layout : Layouts()) {
    layout.codec = arrow::Compression::UNCOMPRESSED;
    Column column = RandomColumn(layout, 500, &random);
    std::shared_ptr<arrow::Buffer> bytes = WriteFile(layout, column);
    for (int i = 0; i < 8; ++i) {
      std::string damaged = bytes->ToString();
      // Not the footer, which is the library's to read.
      const size_t pages = damaged.size() / 2;
      for (int flip = 0; flip < 3; ++flip)
        damaged[4 + random() % (pages - 4)] = static_cast<char>(random());
      try {
        auto file = Open(arrow::Buffer::FromString(damaged));
        const bool texts = layout.type->id() == arrow::Type::STRING;
        std::vector<uint32_t> picked = RandomRows(500, &random);
        if (texts) {
          TextsAt(*file, picked);
        } else {
          NumbersAt(*file, picked);
          AllNumbers(*file);
        }
        FlatColumn(file->RowGroup(0), 0).ReadCoded();
      } catch (const std::exception&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace forebay
