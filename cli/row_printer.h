// Rows of a table on stdout, as a person or a program reads them.
//
//   RowPrinter printer(RowFormat::kTable);
//   printer.Print(*rows);   // as often as there are rows
//   printer.Finish();
#ifndef FOREBAY_CLI_ROW_PRINTER_H_
#define FOREBAY_CLI_ROW_PRINTER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace arrow {
class Array;
class RecordBatch;
}  // namespace arrow

namespace CLI {
class App;
}

namespace forebay {

// kJson: an object a line, nulls included. kCsv: with a header; null is the empty field, the empty
// text "". kTable: columns side by side, whose widths are those of the first rows.
enum class RowFormat : uint8_t { kTable, kJson, kCsv };

// --format. `format` must outlive the command.
void AddFormatOption(CLI::App* command, const std::vector<RowFormat>& allowed, RowFormat* format);

class RowPrinter {
 public:
  explicit RowPrinter(RowFormat format) : format_(format) {}

  // All batches have the same columns.
  void Print(const arrow::RecordBatch& rows);
  void Finish();

  int64_t rows() const { return rows_; }

 private:
  using Line = std::vector<std::string>;

  void PrintHeader(const arrow::RecordBatch& rows);
  void PrintLine(const Line& line) const;
  void FlushFirst();

  RowFormat format_;
  int64_t rows_ = 0;
  // Of kTable: lines are kept until the widths are settled.
  std::vector<Line> first_;
  std::vector<size_t> widths_;
  std::vector<bool> numeric_;  // by column: to the right
  bool settled_ = false;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_ROW_PRINTER_H_
