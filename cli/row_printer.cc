#include "cli/row_printer.h"

#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "fmt/format.h"
#include "offline/row_text.h"

namespace forebay {
namespace {

constexpr size_t kFirstRows = 1000;

// How many columns of a terminal a text takes, as far as its characters are of one each.
size_t Width(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

// Control characters would break the lines.
std::string Shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

}  // namespace

void AddFormatOption(CLI::App* command, const std::vector<RowFormat>& allowed, RowFormat* format) {
  const std::map<RowFormat, std::string> names = {
      {RowFormat::kTable, "table"}, {RowFormat::kJson, "json"}, {RowFormat::kCsv, "csv"}};
  std::map<std::string, RowFormat> choices;
  std::string text;
  for (RowFormat one : allowed) {
    choices[names.at(one)] = one;
    text += (text.empty() ? "" : ", ") + names.at(one);
  }
  command
      ->add_option_function<std::string>(
          "--format", [format, choices](const std::string& name) { *format = choices.at(name); },
          text + "; default: table")
      ->check(CLI::IsMember(choices))
      ->option_text("FORMAT");
}

void RowPrinter::Print(const arrow::RecordBatch& rows) {
  if (rows_ == 0 && rows.num_rows() > 0) PrintHeader(rows);
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    ++rows_;
    if (format_ == RowFormat::kJson) {
      std::string line = "{";
      AppendJsonCells(rows, row, &line);
      fmt::print("{}}}\n", line);
      continue;
    }
    Line line;
    for (const auto& column : rows.columns()) {
      if (format_ == RowFormat::kCsv) {
        AppendCsvCell(*column, row, &line.emplace_back());
      } else {
        line.push_back(Shown(PlainCell(*column, row)));
      }
    }
    if (format_ == RowFormat::kTable && !settled_) {
      first_.push_back(std::move(line));
      if (first_.size() == kFirstRows) FlushFirst();
    } else {
      PrintLine(line);
    }
  }
}

void RowPrinter::PrintHeader(const arrow::RecordBatch& rows) {
  if (format_ == RowFormat::kJson) return;
  Line names;
  for (const auto& field : rows.schema()->fields()) {
    if (format_ == RowFormat::kCsv) {
      AppendCsvText(field->name(), &names.emplace_back());
    } else {
      names.push_back(field->name());
    }
    numeric_.push_back(arrow::is_integer(field->type()->id()) ||
                       arrow::is_floating(field->type()->id()));
  }
  if (format_ == RowFormat::kCsv) {
    PrintLine(names);
  } else {
    first_.push_back(std::move(names));
  }
}

void RowPrinter::PrintLine(const Line& line) const {
  std::string text;
  for (size_t c = 0; c < line.size(); ++c) {
    if (format_ == RowFormat::kCsv) {
      text += (c > 0 ? "," : "") + line[c];
      continue;
    }
    const size_t width = Width(line[c]);
    const std::string pad(widths_[c] > width ? widths_[c] - width : 0, ' ');
    if (c > 0) text += "  ";
    text += numeric_[c] ? pad + line[c] : line[c] + pad;
  }
  text.erase(format_ == RowFormat::kCsv ? text.size() : text.find_last_not_of(' ') + 1);
  fmt::print("{}\n", text);
}

void RowPrinter::FlushFirst() {
  settled_ = true;
  for (const Line& line : first_) {
    widths_.resize(line.size());
    for (size_t c = 0; c < line.size(); ++c) widths_[c] = std::max(widths_[c], Width(line[c]));
  }
  for (const Line& line : first_) PrintLine(line);
  first_.clear();
}

void RowPrinter::Finish() {
  if (format_ == RowFormat::kTable && !settled_) FlushFirst();
}

}  // namespace forebay
