#include "offline/compaction/gather.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/bit_util.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Refs = absl::Span<const RowPlace>;
using Buffer = arrow::Result<std::shared_ptr<arrow::Buffer>>;
using Array = arrow::Result<std::shared_ptr<arrow::Array>>;

// One column of every batch.
using Chunks = std::vector<std::shared_ptr<arrow::ArrayData>>;

template <typename T>
Buffer GatherFixed(const Chunks& chunks, Refs refs) {
  std::vector<const T*> values;
  for (const auto& chunk : chunks) values.push_back(chunk->GetValues<T>(1));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> out,
                        arrow::AllocateBuffer(refs.size() * sizeof(T)));
  T* to = reinterpret_cast<T*>(out->mutable_data());
  for (size_t i = 0; i < refs.size(); ++i) to[i] = values[refs[i].batch][refs[i].row];
  return out;
}

// Bits of buffer `which`: 0 those of validity, 1 the values of booleans. A chunk without any has
// ones.
Buffer GatherBits(const Chunks& chunks, int which, Refs refs) {
  struct Bits {
    const uint8_t* bytes;  // null: all are set
    int64_t offset;
  };
  std::vector<Bits> bits;
  for (const auto& chunk : chunks) {
    const auto& buffer = chunk->buffers[which];
    const bool all = which == 0 && chunk->GetNullCount() == 0;
    bits.push_back({buffer == nullptr || all ? nullptr : buffer->data(), chunk->offset});
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> out,
                        arrow::AllocateBuffer(arrow::bit_util::BytesForBits(refs.size())));
  uint8_t* to = out->mutable_data();
  for (size_t first = 0; first < refs.size(); first += 8) {
    const size_t count = std::min<size_t>(8, refs.size() - first);
    unsigned byte = 0;
    for (size_t i = 0; i < count; ++i) {
      const RowPlace& ref = refs[first + i];
      const Bits& from = bits[ref.batch];
      const bool set =
          from.bytes == nullptr || arrow::bit_util::GetBit(from.bytes, from.offset + ref.row);
      byte |= static_cast<unsigned>(set) << i;
    }
    to[first / 8] = static_cast<uint8_t>(byte);
  }
  return out;
}

// Null: no value is.
Buffer GatherValidity(const Chunks& chunks, Refs refs) {
  if (std::none_of(chunks.begin(), chunks.end(),
                   [](const auto& chunk) { return chunk->GetNullCount() > 0; })) {
    return nullptr;
  }
  return GatherBits(chunks, 0, refs);
}

Array GatherBinary(const std::shared_ptr<arrow::DataType>& type, const Chunks& chunks, Refs refs) {
  struct Texts {
    const int32_t* ends;  // of value i: at i + 1
    const uint8_t* bytes;
  };
  std::vector<Texts> texts;
  for (const auto& chunk : chunks)
    texts.push_back({chunk->GetValues<int32_t>(1),
                     chunk->buffers[2] == nullptr ? nullptr : chunk->buffers[2]->data()});
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> ends,
                        arrow::AllocateBuffer((refs.size() + 1) * sizeof(int32_t)));
  auto* end = reinterpret_cast<int32_t*>(ends->mutable_data());
  end[0] = 0;
  int64_t size = 0;
  for (size_t i = 0; i < refs.size(); ++i) {
    const int32_t* at = texts[refs[i].batch].ends + refs[i].row;
    size += at[1] - at[0];
    if (size > INT32_MAX) return arrow::Status::CapacityError("more than 2 GiB of text");
    end[i + 1] = static_cast<int32_t>(size);
  }
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bytes, arrow::AllocateBuffer(size));
  uint8_t* to = bytes->mutable_data();
  for (size_t i = 0; i < refs.size(); ++i) {
    const Texts& from = texts[refs[i].batch];
    const int32_t begin = from.ends[refs[i].row];
    std::copy_n(from.bytes + begin, end[i + 1] - end[i], to + end[i]);
  }
  ARROW_ASSIGN_OR_RAISE(auto validity, GatherValidity(chunks, refs));
  return arrow::MakeArray(arrow::ArrayData::Make(type, refs.size(), {validity, ends, bytes}));
}

// What has no way of its own, lists among them: one after the other, then taken.
Array GatherOther(const Chunks& chunks, Refs refs) {
  arrow::ArrayVector arrays;
  std::vector<int64_t> starts;
  int64_t rows = 0;
  for (const auto& chunk : chunks) {
    arrays.push_back(arrow::MakeArray(chunk));
    starts.push_back(rows);
    rows += chunk->length;
  }
  ARROW_ASSIGN_OR_RAISE(auto all, arrow::Concatenate(arrays));
  arrow::Int64Builder places;
  ARROW_RETURN_NOT_OK(places.Reserve(refs.size()));
  for (const RowPlace& ref : refs) places.UnsafeAppend(starts[ref.batch] + ref.row);
  ARROW_ASSIGN_OR_RAISE(auto taken, places.Finish());
  return arrow::compute::Take(*all, *taken, arrow::compute::TakeOptions::NoBoundsCheck());
}

template <typename T>
Array GatherNumbers(const std::shared_ptr<arrow::DataType>& type, const Chunks& chunks, Refs refs) {
  ARROW_ASSIGN_OR_RAISE(auto values, GatherFixed<T>(chunks, refs));
  ARROW_ASSIGN_OR_RAISE(auto validity, GatherValidity(chunks, refs));
  return arrow::MakeArray(arrow::ArrayData::Make(type, refs.size(), {validity, values}));
}

Array GatherColumn(const std::shared_ptr<arrow::DataType>& type, const Chunks& chunks, Refs refs) {
  switch (type->id()) {
    case arrow::Type::BOOL: {
      ARROW_ASSIGN_OR_RAISE(auto values, GatherBits(chunks, 1, refs));
      ARROW_ASSIGN_OR_RAISE(auto validity, GatherValidity(chunks, refs));
      return arrow::MakeArray(arrow::ArrayData::Make(type, refs.size(), {validity, values}));
    }
    case arrow::Type::INT32:
      return GatherNumbers<int32_t>(type, chunks, refs);
    case arrow::Type::INT64:
    case arrow::Type::DOUBLE:  // as bits
    case arrow::Type::TIMESTAMP:
      return GatherNumbers<int64_t>(type, chunks, refs);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return GatherBinary(type, chunks, refs);
    default:
      return GatherOther(chunks, refs);
  }
}

}  // namespace

RowGather::RowGather(const RowBatches& batches, absl::Span<const RowRef> refs) : batches_(batches) {
  places_.reserve(refs.size());
  for (const RowRef& ref : refs) places_.push_back({ref.batch, ref.row});
}

absl::StatusOr<std::shared_ptr<arrow::Array>> RowGather::Column(int index) const {
  Chunks chunks;
  for (const auto& batch : batches_) chunks.push_back(batch->column_data(index));
  const arrow::Field& field = *batches_.front()->schema()->field(index);
  Array column = GatherColumn(field.type(), chunks, places_);
  if (column.ok()) return *std::move(column);
  return absl::ResourceExhaustedError(fmt::format("cannot put {} rows of column {} in order: {}",
                                                  places_.size(), field.name(),
                                                  column.status().ToString()));
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Gather(const RowBatches& batches,
                                                           absl::Span<const RowRef> refs,
                                                           absl::Span<const int> columns) {
  RowGather gather(batches, refs);
  arrow::FieldVector fields;
  arrow::ArrayVector gathered;
  for (int c : columns) {
    fields.push_back(batches.front()->schema()->field(c));
    ASSIGN_OR_RETURN(gathered.emplace_back(), gather.Column(c));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), std::ssize(refs),
                                  std::move(gathered));
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Gather(const RowBatches& batches,
                                                           absl::Span<const RowRef> refs) {
  std::vector<int> columns(batches.front()->num_columns());
  std::iota(columns.begin(), columns.end(), 0);
  return Gather(batches, refs, columns);
}

}  // namespace forebay
