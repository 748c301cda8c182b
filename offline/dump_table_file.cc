#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>
#include <parquet/statistics.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

#include "connectors/object_store/durable_file.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/actions.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/json_arrow.h"
#include "offline/dump.h"
#include "offline/row_text.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

// JSON within JSON as what it is, for the eye.
void Unwrap(Json* action, const char* kind, const char* member) {
  if (!action->contains(kind) || !(*action)[kind].is_object()) return;
  Json& of_kind = (*action)[kind];
  if (!of_kind.contains(member) || !of_kind[member].is_string()) return;
  Json inner = Json::parse(of_kind[member].get<std::string>(), nullptr, false);
  if (!inner.is_discarded()) of_kind[member] = std::move(inner);
}

void PrintAction(Json action, std::ostream* out) {
  Unwrap(&action, "add", "stats");
  Unwrap(&action, "metaData", "schemaString");
  *out << action.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

absl::Status DumpCommit(const std::string& text, const std::string& where, std::ostream* out) {
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = std::min(text.find('\n', begin), text.size());
    Json action = Json::parse(text.begin() + begin, text.begin() + end, nullptr, false);
    if (action.is_object()) PrintAction(std::move(action), out);
    begin = end + 1;
  }
  auto actions = ParseCommit(text);
  if (actions.ok()) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{} is damaged: {}", where, std::string(actions.status().message())));
}

arrow::Status ForEachBatch(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                           const std::function<void(const arrow::RecordBatch&)>& print) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(file));
  reader->set_batch_size(1024);
  ARROW_ASSIGN_OR_RAISE(auto batches, reader->GetRecordBatchReader());
  while (true) {
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(batches->ReadNext(&rows));
    if (rows == nullptr) return arrow::Status::OK();
    print(*rows);
  }
}

void PrintActions(const arrow::RecordBatch& rows, std::ostream* out) {
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    Json action = Json::object();
    for (int c = 0; c < rows.num_columns(); ++c) {
      Json value = ToJson(*rows.column(c), row);
      if (!value.is_null()) action[rows.schema()->field(c)->name()] = std::move(value);
    }
    PrintAction(std::move(action), out);
  }
}

void PrintRows(const arrow::RecordBatch& rows, std::ostream* out) {
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::string line = "{";
    AppendJsonCells(rows, row, &line);
    *out << line << "}\n";
  }
}

Json Bounds(const parquet::ColumnChunkMetaData& chunk) {
  auto statistics = chunk.statistics();
  if (statistics == nullptr) return nullptr;
  Json json = {{"nulls", statistics->HasNullCount() ? Json(statistics->null_count()) : Json()}};
  if (statistics->HasMinMax() && statistics->physical_type() == parquet::Type::INT64) {
    const auto& bounds = static_cast<const parquet::Int64Statistics&>(*statistics);
    json["least"] = bounds.min();
    json["greatest"] = bounds.max();
  } else if (statistics->HasMinMax()) {
    json["least"] = parquet::FormatStatValue(statistics->physical_type(), statistics->EncodeMin());
    json["greatest"] =
        parquet::FormatStatValue(statistics->physical_type(), statistics->EncodeMax());
  }
  return json;
}

void PrintColumn(const parquet::ColumnChunkMetaData& chunk, int64_t pages, int group,
                 const parquet::ColumnDescriptor& column, std::ostream* out) {
  Json encodings = Json::array();
  for (parquet::Encoding::type encoding : chunk.encodings())
    encodings.push_back(parquet::EncodingToString(encoding));
  Json line = {{"row_group", group},
               {"column", column.path()->ToDotString()},
               {"field_id", column.schema_node()->field_id()},
               {"type", parquet::TypeToString(column.physical_type())},
               {"logical_type", column.logical_type()->ToString()},
               {"codec", arrow::util::Codec::GetCodecAsString(chunk.compression())},
               {"encodings", encodings},
               {"values", chunk.num_values()},
               {"bytes", chunk.total_compressed_size()},
               {"uncompressed_bytes", chunk.total_uncompressed_size()},
               {"indexed_pages", pages},
               {"statistics", Bounds(chunk)}};
  *out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

void PrintFooter(const std::shared_ptr<arrow::io::RandomAccessFile>& file, const std::string& path,
                 std::ostream* out) {
  auto reader = parquet::ParquetFileReader::Open(file);
  auto metadata = reader->metadata();
  auto index = reader->GetPageIndexReader();
  *out << Json{{"file", path},
               {"rows", metadata->num_rows()},
               {"row_groups", metadata->num_row_groups()},
               {"columns", metadata->num_columns()},
               {"created_by", metadata->created_by()},
               {"footer_bytes", metadata->size()}}
       << "\n";
  for (int group = 0; group < metadata->num_row_groups(); ++group) {
    auto rows = metadata->RowGroup(group);
    *out << Json{{"row_group", group},
                 {"rows", rows->num_rows()},
                 {"uncompressed_bytes", rows->total_byte_size()}}
         << "\n";
    auto of_group = index == nullptr ? nullptr : index->RowGroup(group);
    for (int c = 0; c < rows->num_columns(); ++c) {
      auto places = of_group == nullptr ? nullptr : of_group->GetOffsetIndex(c);
      const auto pages =
          static_cast<int64_t>(places == nullptr ? 0 : places->page_locations().size());
      PrintColumn(*rows->ColumnChunk(c), pages, group, *metadata->schema()->Column(c), out);
    }
  }
}

absl::Status DumpParquet(const ObjectStore& store, const std::string& name, bool footer,
                         std::ostream* out) {
  ASSIGN_OR_RETURN(auto file, OpenArrowFile(store, name));
  std::string what;
  try {
    if (footer) {
      PrintFooter(file, store.Describe(name), out);
      return absl::OkStatus();
    }
    auto print = name.ends_with(".checkpoint.parquet") ? PrintActions : PrintRows;
    arrow::Status status =
        ForEachBatch(file, [&](const arrow::RecordBatch& rows) { print(rows, out); });
    if (status.ok()) return absl::OkStatus();
    what = status.message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return absl::DataLossError(fmt::format("{} is damaged: {}", store.Describe(name), what));
}

}  // namespace

absl::Status DumpFile(const std::string& path, bool footer, std::ostream* out) {
  if (path.ends_with(".log") && !footer) return DumpSegment(path, out);
  const std::string folder = path.find('/') == std::string::npos ? "." : FolderOf(path);
  const std::string name = path.substr(path.rfind('/') + 1);
  std::shared_ptr<ObjectStore> store = OpenObjectStore(StoreUri::Folder(folder));
  if (path.ends_with(".parquet")) return DumpParquet(*store, name, footer, out);
  if (!path.ends_with(".json") || footer) {
    return absl::InvalidArgumentError(fmt::format(
        "'{}' has the name of no file of a table or change log{}: expected a commit (.json), a "
        "checkpoint or data file (.parquet), or a segment (.log)",
        path, footer ? " with a footer" : ""));
  }
  ASSIGN_OR_RETURN(std::string text, store->Get(name));
  return DumpCommit(text, store->Describe(name), out);
}

}  // namespace forebay
