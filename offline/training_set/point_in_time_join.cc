#include "offline/training_set/point_in_time_join.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "absl/synchronization/mutex.h"
#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"
#include "offline/parquet/flat_column.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/join_threads.h"
#include "offline/training_set/key_column.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

void Lower(std::atomic<int64_t>* least, int64_t value) {
  int64_t known = least->load();
  while (value < known && !least->compare_exchange_weak(known, value)) {
  }
}

absl::Status Wrong(const arrow::Status& status) {
  return absl::InvalidArgumentError(status.message());
}

}  // namespace

// The slots of the keys of one part.
class PointInTimeJoin::PartKeys {
 public:
  PartKeys(const LabelIndex& index, size_t rows) : index_(index), ranges_(rows) {}

  void Look(const CodedColumn& column) {
    const bool numeric = index_.numeric();
    std::vector<SlotRange> by_code(numeric ? column.numbers.size() : column.texts.size());
    if (numeric) {
      index_.FindNumbers(column.numbers, by_code.data());
    } else {
      index_.FindTexts(column.texts, by_code.data());
    }
    for (size_t row = 0; row < ranges_.size(); ++row) {
      if (column.codes[row] != CodedColumn::kNull) ranges_[row] = by_code[column.codes[row]];
    }
  }

  void Look(KeyReader reader) {
    std::string_view key;
    for (size_t row = 0; row < ranges_.size(); ++row) {
      if (!reader.Read(row, &key)) continue;
      if (index_.numeric()) {
        int64_t number = 0;
        std::memcpy(&number, key.data(), sizeof number);
        index_.FindNumbers({&number, 1}, &ranges_[row]);
      } else {
        index_.FindTexts({&key, 1}, &ranges_[row]);
      }
    }
  }

  void Drop(size_t row) { ranges_[row] = {}; }

  absl::Span<const SlotRange> ranges() const { return ranges_; }

 private:
  const LabelIndex& index_;
  std::vector<SlotRange> ranges_;
};

PointInTimeJoin::PointInTimeJoin(const Labels& labels, const LabelIndex& index, JoinedView view,
                                 JoinThreads& threads)
    : labels_(labels),
      index_(index),
      view_(std::move(view)),
      threads_(threads),
      latest_label_(labels.times.empty()
                        ? INT64_MIN
                        : std::max_element(labels.times.begin(), labels.times.end())->value()),
      newest_(std::in_place, index) {}

PointInTimeJoin::~PointInTimeJoin() = default;

// Calls work(i) for each i from `first` to `end`, several at a time; the first error. What is wrong
// with a file becomes an error that names it: work(i) is about the part i, or parts_[i % parts].
template <typename Work>
absl::Status PointInTimeJoin::ForParts(size_t first, size_t end, const Work& work) {
  absl::Mutex mutex;
  absl::Status error;
  std::atomic<bool> failed = false;
  threads_.For(end - first, [&](size_t i) {
    if (failed.load()) return;
    const RowPart& part = parts_[(first + i) % parts_.size()];
    absl::Status status;
    try {
      status = work(first + i, part);
    } catch (const std::exception& e) {
      status = absl::InvalidArgumentError(e.what());
    }
    if (!status.ok() && part.file != nullptr)
      status = source_.explain(part.file_number, std::string(status.message()));
    if (status.ok()) return;
    absl::MutexLock lock(&mutex);
    error.Update(status);
    failed.store(true);
  });
  return error;
}

absl::Status PointInTimeJoin::OpenFiles() {
  files_.resize(source_.count);
  std::vector<absl::Status> opened(source_.count);
  threads_.For(source_.count, [&](size_t file) {
    auto bytes = source_.open(file);
    opened[file] = bytes.status();
    if (!bytes.ok()) return;
    std::string what;
    try {
      auto rows = RowFile::Open(*std::move(bytes), source_.table);
      if (rows.ok()) {
        files_[file] = *std::move(rows);
        return;
      }
      what = rows.status().message();
    } catch (const std::exception& e) {
      what = e.what();
    }
    opened[file] = source_.explain(file, what);
  });
  for (const absl::Status& status : opened) RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::Status PointInTimeJoin::AddFiles(JoinedFiles files) {
  source_ = std::move(files);
  RETURN_IF_ERROR(OpenFiles());
  const size_t first = parts_.size();
  for (size_t number = 0; number < files_.size(); ++number) {
    for (int group = 0; group < files_[number]->groups(); ++group)
      parts_.push_back({.file_number = number, .file = files_[number].get(), .group = group});
  }
  absl::Mutex mutex;
  absl::Status found = ForParts(first, parts_.size(), [&](size_t number, const RowPart& part) {
    absl::Status status = FindInPart(number);
    absl::MutexLock lock(&mutex);
    source_.progress(part.rows());
    return status;
  });
  source_.open = nullptr;
  source_.progress = nullptr;
  return found;
}

absl::Status PointInTimeJoin::AddRows(std::shared_ptr<arrow::RecordBatch> rows) {
  parts_.push_back({.batch = std::move(rows)});
  return FindInPart(parts_.size() - 1);
}

// Whether a label may take a row of it, as far as the bounds of its columns tell.
bool PointInTimeJoin::IsNeeded(const RowPart& part) {
  auto times = part.BoundsOf(view_.time);
  auto hashes = view_.key_hashes ? part.BoundsOf("_key_hash") : std::nullopt;
  if (times) Lower(&first_time_, times->first);
  const bool newer = times && times->first > latest_label_;
  const bool of_no_label = hashes && !AnyWithin(*view_.key_hashes, hashes->first, hashes->second);
  absl::MutexLock lock(&mutex_);
  if (part.file != nullptr) {
    ++reads_.row_groups;
    reads_.bytes_in_all += part.file->BytesOf(part.group);
  }
  if (newer) {
    ++reads_.newer;
  } else if (of_no_label) {
    ++reads_.of_no_label;
  } else {
    reads_.rows += part.rows();
  }
  return !newer && !of_no_label;
}

JoinReads PointInTimeJoin::reads() const {
  absl::MutexLock lock(&mutex_);
  return reads_;
}

void PointInTimeJoin::CountBytes(const RowPart& part, absl::Span<const std::string> columns) {
  if (part.file == nullptr) return;
  int64_t bytes = 0;
  for (const std::string& column : columns) bytes += part.file->BytesOf(part.group, column);
  absl::MutexLock lock(&mutex_);
  reads_.bytes += bytes;
}

absl::Status PointInTimeJoin::FindInPart(uint32_t number) {
  const RowPart& part = parts_[number];
  if (!IsNeeded(part)) return absl::OkStatus();
  std::vector<std::string> columns = {view_.time};
  for (const v1::Field& key : view_.entity->keys()) columns.push_back(key.name());
  CountBytes(part, columns);
  PartKeys keys(index_, part.rows());
  RETURN_IF_ERROR(FindKeys(part, &keys));
  if (view_.bounds) RETURN_IF_ERROR(DropRowsOutside(*view_.bounds, part, &keys));
  ASSIGN_OR_RETURN(std::vector<int64_t> times, TimesOf(part, view_.time));
  if (times.empty()) return absl::OkStatus();
  Lower(&first_time_, *std::min_element(times.begin(), times.end()));
  newest_->Offer(keys.ranges(), times.data(), RowRef::Of(number, 0));
  return absl::OkStatus();
}

absl::Status PointInTimeJoin::FindKeys(const RowPart& part, PartKeys* keys) const {
  const auto& fields = view_.entity->keys();
  if (fields.size() == 1 && fields[0].type() != v1::BOOL) {
    auto type = ArrowType(static_cast<DataType>(fields[0].type()));
    if (auto flat = part.Flat(fields[0].name(), *type)) {
      keys->Look(flat->ReadCoded());
      return absl::OkStatus();
    }
  }
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const v1::Field& key : fields) {
    auto column = part.Read(key.name());
    if (!column.ok()) return Wrong(column.status());
    if (*column == nullptr) {
      return absl::InvalidArgumentError(fmt::format("key column {} is missing", key.name()));
    }
    RETURN_IF_ERROR(CheckKeyType(key, *(*column)->type()));
    columns.push_back(*std::move(column));
  }
  keys->Look(KeyReader(std::move(columns)));
  return absl::OkStatus();
}

// Rows outside are of no key.
absl::Status PointInTimeJoin::DropRowsOutside(const RowBounds& bounds, const RowPart& part,
                                              PartKeys* keys) {
  const std::vector<std::string> columns = {"_source_partition", "_source_offset"};
  CountBytes(part, columns);
  auto within = RowsWithin(part, bounds);
  if (!within.ok()) return Wrong(within.status());
  for (size_t row = 0; row < within->size(); ++row) {
    if ((*within)[row] == 0) keys->Drop(row);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> PointInTimeJoin::TimesOf(const RowPart& part,
                                                              const std::string& name) const {
  auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  std::vector<int64_t> times(part.rows());
  if (auto flat = part.Flat(name, *type)) {
    std::vector<uint8_t> valid;
    if (!flat->ReadNumbers(times.data(), &valid)) return times;
    return absl::InvalidArgumentError(fmt::format("column {} has a null", name));
  }
  auto column = part.Read(name);
  if (!column.ok()) return Wrong(column.status());
  if (*column == nullptr || !(*column)->type()->Equals(type)) {
    return absl::InvalidArgumentError(fmt::format(
        "column {} is {}, expected {}", name,
        *column == nullptr ? "missing" : (*column)->type()->ToString(), type->ToString()));
  }
  if ((*column)->null_count() > 0)
    return absl::InvalidArgumentError(fmt::format("column {} has a null", name));
  const int64_t* values = static_cast<const arrow::TimestampArray&>(**column).raw_values();
  times.assign(values, values + part.rows());
  return times;
}

void PointInTimeJoin::FindRows() {
  row_of_label_ = newest_->Settle(threads_);
  newest_.reset();
}

// By part. A counting sort by part, then of each part by row.
std::vector<PointInTimeJoin::Taken> PointInTimeJoin::TakenOf(int64_t first, int64_t labels) const {
  std::vector<std::vector<uint64_t>> places(parts_.size());  // row, label
  std::vector<size_t> counts(parts_.size(), 0);
  const absl::Span<const RowRef> rows = absl::MakeConstSpan(row_of_label_).subspan(first, labels);
  for (RowRef row : rows) {
    if (row.found()) ++counts[row.part()];
  }
  for (size_t part = 0; part < parts_.size(); ++part) places[part].reserve(counts[part]);
  for (size_t label = 0; label < rows.size(); ++label) {
    const RowRef row = rows[label];
    if (row.found()) places[row.part()].push_back(static_cast<uint64_t>(row.row()) << 32 | label);
  }
  std::vector<Taken> taken(parts_.size());
  threads_.For(parts_.size(), [&](size_t part) {
    std::vector<uint64_t> sorted = std::move(places[part]);
    std::sort(sorted.begin(), sorted.end());
    taken[part].rows.reserve(sorted.size());
    taken[part].labels.reserve(sorted.size());
    for (uint64_t place : sorted) {
      taken[part].rows.push_back(place >> 32);
      taken[part].labels.push_back(static_cast<uint32_t>(place));
    }
  });
  return taken;
}

// Labels whose row is a delete keep the defaults; those whose row is too old get nulls.
absl::Status PointInTimeJoin::LeaveOut(const RowPart& part, int64_t first, Taken* taken,
                                       std::vector<FeatureColumn>* columns) {
  const size_t count = taken->rows.size();
  std::vector<uint8_t> out(count, 0);
  if (!view_.op.empty()) {
    CountBytes(part, {&view_.op, 1});
    if (auto flat = part.Flat(view_.op, *arrow::utf8())) {
      flat->GatherTexts(taken->rows, [&](size_t i, const std::string_view* op) {
        out[i] = op != nullptr && *op == "delete" ? 1 : 0;
      });
    } else {
      auto column = part.Read(view_.op);
      if (!column.ok()) return Wrong(column.status());
      if (*column == nullptr || !IsText((*column)->type_id()))
        return absl::InvalidArgumentError(fmt::format("column {} is no text", view_.op));
      for (size_t i = 0; i < count; ++i) {
        const uint32_t row = taken->rows[i];
        out[i] = (*column)->IsValid(row) && TextAt(**column, row) == "delete" ? 1 : 0;
      }
    }
  }
  matched_ += std::count(out.begin(), out.end(), 0);
  if (const int64_t max_age = view_.view->max_age_us(); max_age > 0) {
    CountBytes(part, {&view_.event_time, 1});
    ASSIGN_OR_RETURN(std::vector<int64_t> event_times, TimesOf(part, view_.event_time));
    for (size_t i = 0; i < count; ++i) {
      const uint32_t label = taken->labels[i];
      const int64_t age = labels_.times[first + label].value() - event_times[taken->rows[i]];
      if (out[i] != 0 || age <= max_age) continue;
      out[i] = 1;
      for (FeatureColumn& column : *columns) column.SetNull(label);
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    if (out[i] != 0) continue;
    taken->rows[kept] = taken->rows[i];
    taken->labels[kept++] = taken->labels[i];
  }
  taken->rows.resize(kept);
  taken->labels.resize(kept);
  return absl::OkStatus();
}

absl::Status PointInTimeJoin::TakeValues(const RowPart& part, const Taken& taken, size_t feature,
                                         FeatureColumn* column) {
  const std::string& name = view_.view->features(view_.features[feature]).name();
  CountBytes(part, {&name, 1});
  if (auto flat = part.Flat(name, *column->type())) {
    if (column->holds_texts()) {
      flat->GatherTexts(taken.rows, [&](size_t i, const std::string_view* text) {
        if (text == nullptr) {
          column->SetNull(taken.labels[i]);
        } else {
          column->SetText(*text, taken.labels[i]);
        }
      });
      return absl::OkStatus();
    }
    std::vector<int64_t> numbers(taken.rows.size());
    std::vector<uint8_t> valid(taken.rows.size());
    flat->GatherNumbers(taken.rows, numbers.data(), valid.data());
    column->SetNumbers(numbers.data(), valid.data(), taken.labels);
    return absl::OkStatus();
  }
  auto values = part.Read(name);
  if (!values.ok()) return Wrong(values.status());
  if (*values == nullptr) {
    for (uint32_t label : taken.labels) column->SetNull(label);
    return absl::OkStatus();
  }
  absl::Status set = column->Set(**values, taken.rows, taken.labels);
  if (set.ok()) return set;
  return absl::InvalidArgumentError(fmt::format("column {} {}", name, std::string(set.message())));
}

absl::StatusOr<std::vector<std::shared_ptr<arrow::Array>>> PointInTimeJoin::Values(int64_t first,
                                                                                   int64_t labels) {
  std::vector<FeatureColumn> columns(view_.features.size());
  threads_.For(columns.size(), [&](size_t c) {
    columns[c] = FeatureColumn(view_.view->features(view_.features[c]), labels);
  });
  std::vector<Taken> taken = TakenOf(first, labels);
  RETURN_IF_ERROR(ForParts(0, parts_.size(), [&](size_t i, const RowPart& part) {
    return taken[i].rows.empty() ? absl::OkStatus() : LeaveOut(part, first, &taken[i], &columns);
  }));
  RETURN_IF_ERROR(ForParts(0, parts_.size() * columns.size(), [&](size_t i, const RowPart& part) {
    const size_t feature = i / parts_.size();
    const Taken& of_part = taken[i % parts_.size()];
    return of_part.rows.empty() ? absl::OkStatus()
                                : TakeValues(part, of_part, feature, &columns[feature]);
  }));
  std::vector<absl::StatusOr<std::shared_ptr<arrow::Array>>> finished(columns.size());
  threads_.For(columns.size(), [&](size_t c) { finished[c] = columns[c].Finish(); });
  std::vector<std::shared_ptr<arrow::Array>> values;
  for (auto& array : finished) {
    RETURN_IF_ERROR(array.status());
    values.push_back(*std::move(array));
  }
  return values;
}

}  // namespace forebay
