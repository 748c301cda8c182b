#include "engine/batch/take_rows.h"

#include <arrow/api.h>

#include <vector>

namespace forebay {
namespace {

// Neighbours of one batch.
struct Run {
  const arrow::RecordBatch* batch;
  int64_t begin;
  int64_t length;
};

std::vector<Run> RunsOf(absl::Span<const RowOfBatch> rows) {
  std::vector<Run> runs;
  for (const RowOfBatch& row : rows) {
    if (!runs.empty() && runs.back().batch == row.batch &&
        runs.back().begin + runs.back().length == row.row) {
      ++runs.back().length;
    } else {
      runs.push_back({row.batch, row.row, 1});
    }
  }
  return runs;
}

// Aborts when memory is out, as all else does that allocates.
std::shared_ptr<arrow::Array> TakeColumn(const std::vector<Run>& runs, int column, int64_t rows,
                                         const std::shared_ptr<arrow::DataType>& type) {
  std::unique_ptr<arrow::ArrayBuilder> builder = arrow::MakeBuilder(type).ValueOrDie();
  arrow::Status status = builder->Reserve(rows);
  for (const Run& run : runs) {
    if (!status.ok()) break;
    status = builder->AppendArraySlice(arrow::ArraySpan(*run.batch->column_data(column)), run.begin,
                                       run.length);
  }
  if (!status.ok()) status.Abort();
  return builder->Finish().ValueOrDie();
}

}  // namespace

std::shared_ptr<arrow::RecordBatch> TakeRows(const std::shared_ptr<arrow::RecordBatch>& like,
                                             absl::Span<const RowOfBatch> rows) {
  std::vector<Run> runs = RunsOf(rows);
  auto count = static_cast<int64_t>(rows.size());
  if (count == like->num_rows() &&
      (count == 0 || (runs.size() == 1 && runs[0].batch == like.get())))
    return like;
  arrow::ArrayVector columns;
  for (int c = 0; c < like->num_columns(); ++c) {
    columns.push_back(TakeColumn(runs, c, count, like->schema()->field(c)->type()));
  }
  return arrow::RecordBatch::Make(like->schema(), count, std::move(columns));
}

}  // namespace forebay
