#include "offline/history/key_in_file.h"

#include <arrow/api.h>

#include "engine/batch/take_rows.h"
#include "offline/delta/table_column.h"

namespace forebay {
namespace {

class Search {
 public:
  Search(const KeyInFile& wanted, PagedFile* file)
      : wanted_(wanted),
        file_(*file),
        hash_(file->FindColumn(kKeyHash)),
        time_(file->FindColumn(kEffectiveTime)) {}

  // Null: there are none. `looked` is set where a page was read.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> InGroup(int group, bool* looked) {
    RowRanges rows = {{0, file_.RowsOf(group)}};
    // The hashes first: of most row groups their bounds rule out all, and no page index is read.
    if (hash_ >= 0) rows = file_.MayHold(group, hash_, wanted_.key_hash, wanted_.key_hash);
    if (time_ >= 0 && !rows.empty()) {
      rows = Intersect(
          rows, file_.MayHold(group, time_, wanted_.key.times.from, wanted_.key.times.to - 1));
    }
    *looked = !rows.empty();
    if (hash_ >= 0 && !rows.empty()) {
      ARROW_ASSIGN_OR_RAISE(rows, OfThatHash(group, rows));
    }
    if (rows.empty()) return nullptr;
    ARROW_ASSIGN_OR_RAISE(auto found, file_.Read(group, ColumnsOfFile(), rows));
    return OfThatKey(found);
  }

 private:
  arrow::Result<RowRanges> OfThatHash(int group, const RowRanges& rows) {
    ARROW_ASSIGN_OR_RAISE(auto batch, file_.Read(group, {hash_}, rows));
    ARROW_ASSIGN_OR_RAISE(auto column,
                          AsTableColumn(batch->column(0), *arrow::field(kKeyHash, arrow::int64())));
    const int64_t* hashes = static_cast<const arrow::Int64Array&>(*column).raw_values();
    RowRanges same;
    for (const RowRange& range : rows) {
      for (int64_t row = range.begin; row < range.end; ++row) {
        if (*hashes++ == wanted_.key_hash) AppendRange({row, row + 1}, &same);
      }
    }
    return same;
  }

  // What the result, the key and the time need, as far as the file has it.
  std::vector<int> ColumnsOfFile() const {
    std::vector<bool> needed(file_.columns());
    auto need = [&](const std::string& name) {
      if (int column = file_.FindColumn(name); column >= 0) needed[column] = true;
    };
    for (const auto& field : wanted_.columns->fields()) need(field->name());
    for (const std::string& name : wanted_.key.columns) need(name);
    need(kEffectiveTime);
    std::vector<int> columns;
    for (int column = 0; column < file_.columns(); ++column) {
      if (needed[column]) columns.push_back(column);
    }
    return columns;
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> OfThatKey(
      const std::shared_ptr<arrow::RecordBatch>& found) const {
    ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> rows, FindRows(*found, wanted_.key));
    if (rows.empty()) return nullptr;
    ARROW_ASSIGN_OR_RAISE(auto columns, InColumns(*found, wanted_.columns));
    std::vector<RowOfBatch> taken;
    for (int64_t row : rows) taken.push_back({columns.get(), row});
    return TakeRows(columns, taken);
  }

  const KeyInFile& wanted_;
  PagedFile& file_;
  int hash_;
  int time_;
};

}  // namespace

arrow::Result<arrow::RecordBatchVector> FindKey(const KeyInFile& wanted, PagedFile* file,
                                                int64_t* groups) {
  Search search(wanted, file);
  arrow::RecordBatchVector found;
  for (int group = 0; group < file->row_groups(); ++group) {
    bool looked = false;
    ARROW_ASSIGN_OR_RAISE(auto rows, search.InGroup(group, &looked));
    *groups += looked ? 1 : 0;
    if (rows != nullptr) found.push_back(std::move(rows));
  }
  return found;
}

}  // namespace forebay
