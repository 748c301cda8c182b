// What is wrong with a project's files, and where.
#ifndef FOREBAY_SCHEMAS_DEFINITION_DIAGNOSTIC_H_
#define FOREBAY_SCHEMAS_DEFINITION_DIAGNOSTIC_H_

#include <string>
#include <tuple>
#include <vector>

namespace forebay {

struct Diagnostic {
  std::string file;  // as the user can open it: the project folder and the path below it
  int line = 1;      // from 1
  int column = 1;    // from 1, in characters (code points), not bytes
  std::string message;

  // The order of reports: file, line, column, message.
  friend bool operator<(const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line, a.column, a.message) <
           std::tie(b.file, b.line, b.column, b.message);
  }
  friend bool operator==(const Diagnostic& a, const Diagnostic& b) = default;
};

// "features/spend.yaml:4:13: unknown source 'transaction': did you mean 'transactions'?"
std::string FormatDiagnostic(const Diagnostic& diagnostic);

// One per line, each line ended by a line feed.
std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics);

// Sorts, and drops those said twice.
void SortDiagnostics(std::vector<Diagnostic>* diagnostics);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_DIAGNOSTIC_H_
