#include "offline/compaction/plan.h"

#include <arrow/type.h>

#include <algorithm>
#include <cstdlib>

#include "offline/delta/data_file.h"
#include "offline/delta/file_place.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// What reading a run needs: a row group as it lies in the file, and some rows of it.
constexpr int64_t kBytesPerRun = 24 << 20;

// A run is merged with what is to be written anyway if it is at most so many times as large.
constexpr int64_t kMostGrowth = 2;

// What came to a date that is closed waits until it is this part of it, or many files.
constexpr int64_t kLeastShare = 10;

struct File {
  std::string path;
  int64_t bytes = 0;
  int64_t rows = 0;
  bool rows_known = false;
  int64_t part = 0;  // of its run
};

struct Group {
  std::vector<File> files;
  int64_t bytes = 0;
  int64_t rows = 0;
  bool rows_known = true;

  void Add(File file) {
    rows_known = rows_known && file.rows_known;
    bytes += file.bytes;
    rows += file.rows;
    files.push_back(std::move(file));
  }
};

struct Date {
  Group loose;
  std::map<std::string, Group> runs;
  int64_t modified_ms = INT64_MIN;
};

// Of a date; of what is none: never.
int64_t StartOf(const std::string& date) {
  return ParseTime(date + "T00:00:00Z").value_or(INT64_MAX - kMicrosPerDay);
}

size_t MostRuns(const CompactionLimits& limits) {
  return static_cast<size_t>(std::max<int64_t>(2, limits.memory_bytes / 2 / kBytesPerRun));
}

std::string Tag(const AddAction& file, const char* name) {
  auto tag = file.tags.find(name);
  return tag == file.tags.end() ? "" : tag->second;
}

// A row of a file takes about this much in memory, whatever it does there.
int64_t BytesPerRow(const arrow::Schema& schema) {
  int64_t bytes = 24;  // its RowRef
  for (const auto& field : schema.fields()) {
    switch (field->type()->id()) {
      case arrow::Type::STRING:
      case arrow::Type::BINARY:
        bytes += 24;
        break;
      case arrow::Type::LIST:
        bytes += 128;
        break;
      default:
        bytes += 8;
    }
  }
  return bytes;
}

File FileOf(const AddAction& file) {
  File of{.path = file.path, .bytes = file.size};
  std::optional<int64_t> rows = RowsOf(file);
  of.rows_known = rows.has_value();
  constexpr int64_t kBytesPerRow = 64;
  of.rows = rows.value_or(file.size / kBytesPerRow);
  of.part = std::strtoll(Tag(file, kPartTag).c_str(), nullptr, 10);
  return of;
}

std::map<std::string, Date> DatesOf(const Snapshot& table) {
  std::map<std::string, Date> dates;
  for (const auto& [path, file] : table.files) {
    if (IsCold(path)) continue;
    auto date = file.partition_values.find("date");
    if (date == file.partition_values.end()) continue;
    Date& of = dates[date->second];
    of.modified_ms = std::max(of.modified_ms, file.modified_ms);
    const std::string run = Tag(file, kRunTag);
    if (Tag(file, kStageTag) != "2" || run.empty()) {
      of.loose.Add(FileOf(file));
    } else {
      of.runs[run].Add(FileOf(file));
    }
  }
  for (auto& [date, of] : dates) {
    for (auto& [run, group] : of.runs) {
      std::sort(group.files.begin(), group.files.end(),
                [](const File& a, const File& b) { return a.part < b.part; });
    }
  }
  return dates;
}

void AddRun(const Group& run, CompactionStep* step) {
  std::vector<std::string>& paths = step->runs.emplace_back();
  for (const File& file : run.files) paths.push_back(file.path);
  step->bytes += run.bytes;
  step->rows += run.rows;
  step->rows_known = step->rows_known && run.rows_known;
}

// Loose files that fit in memory together, oldest first as far as their names say nothing else.
std::vector<CompactionStep> LooseSteps(const std::string& date, const Group& loose,
                                       int64_t bytes_per_row, int64_t memory_bytes) {
  std::vector<CompactionStep> steps;
  int64_t memory = 0;
  for (const File& file : loose.files) {
    const int64_t needs = file.rows * bytes_per_row;
    if (steps.empty() || (memory + needs > memory_bytes && !steps.back().loose.empty())) {
      steps.push_back({.date = date});
      memory = 0;
    }
    memory += needs;
    steps.back().loose.push_back(file.path);
    steps.back().bytes += file.bytes;
    steps.back().rows += file.rows;
    steps.back().rows_known = steps.back().rows_known && file.rows_known;
  }
  return steps;
}

// Smallest first.
std::vector<const Group*> RunsBySize(const Date& date) {
  std::vector<const Group*> runs;
  for (const auto& [name, run] : date.runs) runs.push_back(&run);
  std::stable_sort(runs.begin(), runs.end(),
                   [](const Group* a, const Group* b) { return a->bytes < b->bytes; });
  return runs;
}

// Whether what is besides its largest run is worth rewriting all of a date for.
bool IsWorthwhile(const Date& date) {
  std::vector<const Group*> runs = RunsBySize(date);
  if (runs.empty()) return !date.loose.files.empty();
  int64_t besides = date.loose.bytes;
  for (size_t i = 0; i + 1 < runs.size(); ++i) besides += runs[i]->bytes;
  return besides * kLeastShare > runs.back()->bytes;
}

}  // namespace

std::vector<std::string> CompactionStep::paths() const {
  std::vector<std::string> all = loose;
  for (const auto& run : runs) all.insert(all.end(), run.begin(), run.end());
  return all;
}

std::vector<CompactionStep> PlanTiering(const Snapshot& table, int64_t dates_before,
                                        const CompactionLimits& limits) {
  std::vector<CompactionStep> plan;
  for (const auto& [name, date] : DatesOf(table)) {
    if (StartOf(name) + kMicrosPerDay > dates_before) continue;
    std::vector<CompactionStep> steps =
        LooseSteps(name, date.loose, BytesPerRow(*table.schema), limits.memory_bytes / 2);
    if (steps.empty()) steps.push_back({.date = name});
    for (const Group* run : RunsBySize(date)) {
      if (steps.back().runs.size() >= MostRuns(limits)) steps.push_back({.date = name});
      AddRun(*run, &steps.back());
    }
    plan.insert(plan.end(), steps.begin(), steps.end());
  }
  return plan;
}

std::vector<CompactionStep> PlanCompaction(const Snapshot& table, const DateFacts& facts,
                                           const CompactionLimits& limits) {
  std::vector<CompactionStep> plan;
  const int64_t bytes_per_row = BytesPerRow(*table.schema);
  for (const auto& [name, date] : DatesOf(table)) {
    const int64_t start = StartOf(name);
    const bool closed =
        start + kMicrosPerDay <= facts.complete_before || date.modified_ms < facts.quiet_before_ms;
    const bool whole = closed && IsWorthwhile(date);
    if (!whole && std::ssize(date.loose.files) < limits.loose_files) continue;
    std::vector<CompactionStep> steps =
        LooseSteps(name, date.loose, bytes_per_row, limits.memory_bytes / 2);
    // Loose files that are more than memory holds become runs first.
    if (steps.size() <= 1) {
      if (steps.empty()) steps.push_back({.date = name});
      CompactionStep& step = steps.front();
      for (const Group* run : RunsBySize(date)) {
        if (step.runs.size() >= MostRuns(limits)) break;
        if (!whole && run->bytes > step.bytes * kMostGrowth) break;
        AddRun(*run, &step);
      }
    }
    plan.insert(plan.end(), steps.begin(), steps.end());
  }
  return plan;
}

}  // namespace forebay
