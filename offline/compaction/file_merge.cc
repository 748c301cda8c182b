#include "offline/compaction/file_merge.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "offline/compaction/gather.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/arrow_file.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Of files in any order: what is read and put in order while it is in a cache.
constexpr int64_t kLooseRows = 16 * 1024;

}  // namespace

struct FileMerge::Input {
  std::vector<std::string> paths;
  size_t next_path = 0;
  std::unique_ptr<RowReader> reader;  // of the path before
  RowBatches batches;
  std::vector<RowRef> refs;  // of the batches, in order
  size_t taken = 0;          // of refs
  bool ended = false;        // all rows are read

  absl::Span<const RowRef> left() const { return absl::MakeConstSpan(refs).subspan(taken); }

  // Lets go of what is taken. Rows of a run are in the order of their batches.
  void DropTaken() {
    if (taken == refs.size()) {
      batches.clear();
      refs.clear();
      taken = 0;
    } else if (!paths.empty()) {
      const uint32_t first = refs[taken].batch;
      batches.erase(batches.begin(), batches.begin() + first);
      refs.erase(refs.begin(), refs.begin() + static_cast<ptrdiff_t>(taken));
      taken = 0;
      for (RowRef& ref : refs) ref.batch -= first;
    }
  }
};

FileMerge::FileMerge(const ObjectStore& store, std::string table,
                     std::shared_ptr<arrow::Schema> table_schema,
                     std::shared_ptr<arrow::Schema> schema, std::string date, MergeOptions options)
    : store_(store),
      table_(std::move(table)),
      table_schema_(std::move(table_schema)),
      schema_(std::move(schema)),
      date_(std::move(date)),
      options_(std::move(options)),
      order_(RowOrder::Of(*schema_, *table_schema_)) {}

FileMerge::~FileMerge() {
  if (done_) return;
  for (const AddAction& file : finished_) options_.place.Delete(file.path).IgnoreError();
}

void FileMerge::AddLoose(std::vector<std::string> paths) {
  loose_.insert(loose_.end(), paths.begin(), paths.end());
}

void FileMerge::AddRun(std::vector<std::string> paths) {
  inputs_.push_back(std::make_unique<Input>());
  inputs_.back()->paths = std::move(paths);
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> FileMerge::SortedByRange(
    std::shared_ptr<arrow::RecordBatch> rows) const {
  std::vector<RowRef> refs;
  AppendRefs(order_, *rows, 0, &refs);
  SortByRange(&refs);
  return Gather({rows}, refs);
}

absl::Status FileMerge::ReadLoose() {
  if (loose_.empty()) return absl::OkStatus();
  auto input = std::make_unique<Input>();
  for (const std::string& path : loose_) {
    ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader,
                     RowReader::Open(store_, table_, path, schema_, kLooseRows));
    while (true) {
      ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> rows, reader->Next());
      if (rows == nullptr) break;
      // Each for itself, while it is in a cache: so that the rows of all, in order, are a few from
      // here and the next ones from there.
      ASSIGN_OR_RETURN(rows, SortedByRange(std::move(rows)));
      AppendRefs(order_, *rows, input->batches.size(), &input->refs);
      input->batches.push_back(std::move(rows));
    }
    if (options_.pace) RETURN_IF_ERROR(options_.pace(0));
  }
  RETURN_IF_ERROR(SortRefs(order_, input->batches, &input->refs));
  input->ended = true;
  inputs_.push_back(std::move(input));
  return absl::OkStatus();
}

// Reads one more batch of a run.
absl::Status FileMerge::Fill(Input* input) {
  while (true) {
    if (input->reader == nullptr) {
      if (input->next_path == input->paths.size()) {
        input->ended = true;
        return absl::OkStatus();
      }
      ASSIGN_OR_RETURN(input->reader,
                       RowReader::Open(store_, table_, input->paths[input->next_path++], schema_,
                                       options_.batch_rows));
    }
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> rows, input->reader->Next());
    if (rows == nullptr) {
      input->reader = nullptr;
      continue;
    }
    const size_t before = input->refs.size();
    AppendRefs(order_, *rows, input->batches.size(), &input->refs);
    input->batches.push_back(std::move(rows));
    auto unsorted = [](const RowRef& a, const RowRef& b) { return a.range > b.range; };
    auto from = input->refs.begin() + static_cast<ptrdiff_t>(before - (before > 0 ? 1 : 0));
    if (std::adjacent_find(from, input->refs.end(), unsorted) != input->refs.end()) {
      return absl::DataLossError(
          fmt::format("data file {} is tagged as sorted and is not: rewrite it with another "
                      "program's OPTIMIZE, "
                      "or put it back from a copy of the table",
                      DescribeDataFile(store_, table_, input->paths[input->next_path - 1])));
    }
    return absl::OkStatus();
  }
}

// Writes the rows that come before all that are still to be read.
absl::Status FileMerge::WriteSlice() {
  std::optional<int64_t> bound;
  for (const auto& input : inputs_) {
    if (input->ended && input->left().empty()) continue;
    if (input->left().empty()) RETURN_IF_ERROR(Fill(input.get()));
    if (input->ended) continue;
    const int64_t last = input->refs.back().range;
    bound = std::min(bound.value_or(last), last);
  }
  RowBatches batches;
  std::vector<RowRef> refs;
  int contributing = 0;
  for (const auto& input : inputs_) {
    absl::Span<const RowRef> left = input->left();
    size_t count = left.size();
    if (bound) {
      count = std::lower_bound(left.begin(), left.end(), *bound,
                               [](const RowRef& ref, int64_t at) { return ref.range < at; }) -
              left.begin();
    }
    if (count == 0) continue;
    ++contributing;
    const auto first = static_cast<uint32_t>(batches.size());
    batches.insert(batches.end(), input->batches.begin(), input->batches.end());
    for (RowRef ref : left.first(count)) {
      ref.batch += first;
      refs.push_back(ref);
    }
    input->taken += count;
  }
  if (refs.empty() && bound) {  // one range fills what is in memory
    for (const auto& input : inputs_) {
      if (!input->ended && input->refs.back().range == *bound) RETURN_IF_ERROR(Fill(input.get()));
    }
    return absl::OkStatus();
  }
  if (contributing > 1) RETURN_IF_ERROR(SortRefs(order_, batches, &refs));
  RETURN_IF_ERROR(Write(batches, refs));
  for (const auto& input : inputs_) input->DropTaken();
  return absl::OkStatus();
}

// Begins a new file between two ranges, where the one before is large enough.
absl::Status FileMerge::Write(const RowBatches& batches, absl::Span<const RowRef> refs) {
  while (!refs.empty()) {
    size_t count = std::min(refs.size(), static_cast<size_t>(kRowGroupRows) - pending_.size());
    const bool full = file_ != nullptr && file_->size() >= options_.target_bytes;
    if (full) {
      const auto other = std::find_if(refs.begin(), refs.end(),
                                      [&](const RowRef& ref) { return ref.range != last_range_; });
      count = std::min<size_t>(count, other - refs.begin());
      if (count == 0) {
        RETURN_IF_ERROR(FinishFile());
        continue;
      }
    }
    RETURN_IF_ERROR(Append(batches, refs.first(count)));
    refs.remove_prefix(count);
  }
  return absl::OkStatus();
}

absl::Status FileMerge::Append(const RowBatches& batches, absl::Span<const RowRef> refs) {
  std::vector<uint32_t> places;
  for (const auto& batch : batches) {
    auto [place, added] = pending_places_.try_emplace(batch.get(), pending_batches_.size());
    if (added) pending_batches_.push_back(batch);
    places.push_back(place->second);
  }
  for (RowRef ref : refs) {
    ref.batch = places[ref.batch];
    pending_.push_back(ref);
  }
  rows_ += std::ssize(refs);
  last_range_ = refs.back().range;
  return std::ssize(pending_) < kRowGroupRows ? absl::OkStatus() : WriteRowGroup();
}

absl::Status FileMerge::WriteRowGroup() {
  if (pending_.empty()) return absl::OkStatus();
  if (file_ == nullptr) {
    options_.file.prefix = options_.place.prefix;
    options_.file.part = std::ssize(finished_);
    ASSIGN_OR_RETURN(
        file_, DataFileWriter::Create(options_.place.store.get(), options_.place.folder, date_,
                                      *schema_, *table_schema_, options_.file));
    paced_bytes_ = 0;
  }
  RowGather gather(pending_batches_, pending_);
  RETURN_IF_ERROR(
      file_->WriteColumns(std::ssize(pending_), [&](int column) { return gather.Column(column); }));
  pending_.clear();
  pending_batches_.clear();
  pending_places_.clear();
  if (!options_.pace) return absl::OkStatus();
  return options_.pace(file_->size() - std::exchange(paced_bytes_, file_->size()));
}

absl::Status FileMerge::FinishFile() {
  RETURN_IF_ERROR(WriteRowGroup());
  if (file_ == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(AddAction add, std::exchange(file_, nullptr)->Finish(options_.now_us()));
  finished_.push_back(std::move(add));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AddAction>> FileMerge::Run() {
  RETURN_IF_ERROR(ReadLoose());
  auto has_more = [](const auto& input) { return !input->ended || !input->left().empty(); };
  while (std::any_of(inputs_.begin(), inputs_.end(), has_more)) RETURN_IF_ERROR(WriteSlice());
  RETURN_IF_ERROR(FinishFile());
  done_ = true;
  return std::move(finished_);
}

}  // namespace forebay
