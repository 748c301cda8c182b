// Evaluates SQL expressions over a table, for comparison with another engine:
//
//   evaluate rows.arrow expressions.txt values.arrow [rows per batch]
//
// rows.arrow: an Arrow IPC file of boolean, int64, float64, utf8, binary and timestamp[us] columns.
// expressions.txt: one a line. values.arrow: one column per expression, named e0, e1, ..., whose
// field metadata has "errors", the rows with a run-time error. Exit code 1 with a message if an
// expression is not accepted.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "arrow/io/file.h"
#include "arrow/ipc/reader.h"
#include "arrow/ipc/writer.h"
#include "engine/expression/program.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "schemas/sql/sql.h"
#include "schemas/types/data_type.h"

namespace forebay {
namespace {

[[noreturn]] void Stop(const std::string& message) {
  std::cerr << message << "\n";
  std::exit(1);
}

void Check(const arrow::Status& status) {
  if (!status.ok()) Stop(status.ToString());
}

template <typename T>
T Take(arrow::Result<T> result) {
  Check(result.status());
  return *std::move(result);
}

std::shared_ptr<arrow::DataType> StoredType(DataType type) {
  switch (type) {
    case DataType::kBool:
      return arrow::boolean();
    case DataType::kInt64:
      return arrow::int64();
    case DataType::kDouble:
      return arrow::float64();
    case DataType::kString:
      return arrow::utf8();
    case DataType::kBytes:
      return arrow::binary();
    case DataType::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
  }
  return nullptr;
}

v1::DataType DeclaredType(const arrow::DataType& stored) {
  for (const DataType type : {DataType::kBool, DataType::kInt64, DataType::kDouble,
                              DataType::kString, DataType::kBytes, DataType::kTimestamp}) {
    if (StoredType(type)->id() == stored.id()) return static_cast<v1::DataType>(type);
  }
  Stop("a column is of an unknown type: " + stored.ToString());
}

void Append(const Vector& values, int64_t row, arrow::ArrayBuilder* builder) {
  if (!values.IsValid(row)) return Check(builder->AppendNull());
  switch (values.type) {
    case DataType::kBool:
      return Check(static_cast<arrow::BooleanBuilder*>(builder)->Append(values.bools[row] != 0));
    case DataType::kInt64:
      return Check(static_cast<arrow::Int64Builder*>(builder)->Append(values.ints[row]));
    case DataType::kTimestamp:
      return Check(static_cast<arrow::TimestampBuilder*>(builder)->Append(values.ints[row]));
    case DataType::kDouble:
      return Check(static_cast<arrow::DoubleBuilder*>(builder)->Append(values.doubles[row]));
    case DataType::kString:
    case DataType::kBytes:
      return Check(static_cast<arrow::BinaryBuilder*>(builder)->Append(values.strings[row]));
  }
}

Program Compile(const std::string& sql, const arrow::Schema& schema) {
  SqlColumns columns;
  for (const auto& field : schema.fields()) {
    v1::Field* column = columns.Add();
    column->set_name(field->name());
    column->set_type(DeclaredType(*field->type()));
  }
  const SqlResult<v1::Expression> parsed = ParseExpression(sql, columns);
  if (const auto* error = std::get_if<SqlError>(&parsed)) {
    Stop(fmt::format("{}\n{}^ {}", sql, std::string(static_cast<size_t>(error->position), ' '),
                     error->message));
  }
  absl::StatusOr<Program> program = Program::Compile({&std::get<v1::Expression>(parsed)}, schema);
  if (!program.ok()) Stop(fmt::format("{}\n{}", sql, std::string(program.status().message())));
  return *std::move(program);
}

struct Column {
  std::shared_ptr<arrow::Field> field;
  std::shared_ptr<arrow::Array> values;
};

Column EvaluateOne(const std::string& name, const std::string& sql, const arrow::Table& table,
                   int64_t batch_rows) {
  const Program program = Compile(sql, *table.schema());
  Evaluator evaluator(program);
  std::unique_ptr<arrow::ArrayBuilder> builder =
      Take(arrow::MakeBuilder(StoredType(program.type(0))));
  int64_t errors = 0;
  arrow::TableBatchReader reader(table);
  reader.set_chunksize(batch_rows);
  while (std::shared_ptr<arrow::RecordBatch> batch = Take(reader.Next())) {
    const Vector values = evaluator.Evaluate(*batch)[0];
    errors += evaluator.errors(0);
    for (int64_t row = 0; row < values.length; ++row) Append(values, row, builder.get());
  }
  const auto metadata = arrow::key_value_metadata({"errors"}, {std::to_string(errors)});
  const std::shared_ptr<arrow::Array> values = Take(builder->Finish());
  return {arrow::field(name, values->type(), true, metadata), values};
}

void Run(const std::string& input, const std::string& expressions, const std::string& output,
         int64_t batch_rows) {
  const auto file = Take(arrow::io::ReadableFile::Open(input));
  const auto reader = Take(arrow::ipc::RecordBatchFileReader::Open(file));
  arrow::RecordBatchVector batches;
  for (int i = 0; i < reader->num_record_batches(); ++i)
    batches.push_back(Take(reader->ReadRecordBatch(i)));
  const auto table = Take(arrow::Table::FromRecordBatches(reader->schema(), batches));

  std::ifstream lines(expressions);
  if (!lines) Stop("cannot read " + expressions);
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (std::string sql; std::getline(lines, sql);) {
    Column column = EvaluateOne(fmt::format("e{}", arrays.size()), sql, *table, batch_rows);
    fields.push_back(column.field);
    arrays.push_back(column.values);
  }
  const auto schema = arrow::schema(fields);
  const auto sink = Take(arrow::io::FileOutputStream::Open(output));
  const auto writer = Take(arrow::ipc::MakeFileWriter(sink, schema));
  Check(writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, table->num_rows(), arrays)));
  Check(writer->Close());
  Check(sink->Close());
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::cerr << "usage: evaluate ROWS.arrow EXPRESSIONS.txt VALUES.arrow [ROWS PER BATCH]\n";
    return 2;
  }
  const int64_t batch_rows = argc == 5 ? std::atoll(argv[4]) : 1024;
  forebay::Run(argv[1], argv[2], argv[3], batch_rows);
  return 0;
}
