#include "connectors/decode/column_builder.h"

#include <arrow/api.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/batch/arrow_type.h"

namespace forebay {
namespace {

// `count` bits: 0 for the nulls, 1 for the others.
arrow::Result<std::shared_ptr<arrow::Buffer>> ValidityOf(const std::vector<int64_t>& nulls,
                                                         int64_t count) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits,
                        arrow::AllocateBuffer((count + 7) / 8));
  std::memset(bits->mutable_data(), 0xFF, static_cast<size_t>(bits->size()));
  for (int64_t row : nulls) {
    bits->mutable_data()[row / 8] &= static_cast<uint8_t>(~(1u << (row % 8)));
  }
  return bits;
}

// A bit for each byte, which is 1 or 0; the first is the lowest.
arrow::Result<std::shared_ptr<arrow::Buffer>> PackBits(const uint8_t* bytes, int64_t count) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bits,
                        arrow::AllocateBuffer((count + 7) / 8));
  uint8_t* out = bits->mutable_data();
  for (int64_t first = 0; first < count; first += 8) {
    uint8_t byte = 0;
    for (int64_t i = 0; i < std::min<int64_t>(8, count - first); ++i) {
      byte |= static_cast<uint8_t>(bytes[first + i] << i);
    }
    *out++ = byte;
  }
  return bits;
}

}  // namespace

ColumnBuilder::ColumnBuilder(DataType type) : type_(type) {}
ColumnBuilder::ColumnBuilder(ColumnBuilder&&) noexcept = default;
ColumnBuilder& ColumnBuilder::operator=(ColumnBuilder&&) noexcept = default;
ColumnBuilder::~ColumnBuilder() = default;

arrow::Status ColumnBuilder::Start(int64_t most_values) {
  length_ = 0;
  nulls_.clear();
  if (type_ == DataType::kBool) {
    bools_.resize(static_cast<size_t>(most_values));
  } else if (type_ != DataType::kString && type_ != DataType::kBytes) {
    ARROW_ASSIGN_OR_RAISE(fixed_, arrow::AllocateBuffer(most_values * 8));
    words_ = reinterpret_cast<int64_t*>(fixed_->mutable_data());
  } else {
    ARROW_ASSIGN_OR_RAISE(fixed_, arrow::AllocateBuffer((most_values + 1) * 4));
    offsets_ = reinterpret_cast<int32_t*>(fixed_->mutable_data());
    offsets_[0] = 0;
    // As much as the last column needed, which the next is likely to need, too.
    ARROW_ASSIGN_OR_RAISE(
        text_buffer_,
        arrow::AllocateResizableBuffer(static_cast<int64_t>(text_size_ + text_size_ / 8 + 64)));
    text_ = reinterpret_cast<char*>(text_buffer_->mutable_data());
    text_room_ = static_cast<size_t>(text_buffer_->size());
    text_size_ = 0;
  }
  return arrow::Status::OK();
}

arrow::Status ColumnBuilder::AppendNull() {
  nulls_.push_back(length_);
  if (type_ == DataType::kBool) {
    bools_[length_] = 0;
  } else if (words_ != nullptr) {
    words_[length_] = 0;
  } else {
    offsets_[length_ + 1] = static_cast<int32_t>(text_size_);
  }
  ++length_;
  return arrow::Status::OK();
}

arrow::Status ColumnBuilder::Grow(size_t more) {
  constexpr size_t kMost = std::numeric_limits<int32_t>::max();
  if (more > kMost - text_size_) {
    return arrow::Status::CapacityError("the texts of one column pass 2 GiB");
  }
  size_t room = std::min(kMost, (text_size_ + more) * 2);
  ARROW_RETURN_NOT_OK(text_buffer_->Resize(static_cast<int64_t>(room), /*shrink_to_fit=*/false));
  text_ = reinterpret_cast<char*>(text_buffer_->mutable_data());
  text_room_ = room;
  return arrow::Status::OK();
}

arrow::Status ColumnBuilder::Finish(std::shared_ptr<arrow::Array>* out) {
  std::shared_ptr<arrow::Buffer> validity;
  if (!nulls_.empty()) {
    ARROW_ASSIGN_OR_RAISE(validity, ValidityOf(nulls_, length_));
  }
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {std::move(validity), std::move(fixed_)};
  if (type_ == DataType::kBool) {
    ARROW_ASSIGN_OR_RAISE(buffers[1], PackBits(bools_.data(), length_));
  } else if (text_buffer_ != nullptr) {
    ARROW_RETURN_NOT_OK(text_buffer_->Resize(static_cast<int64_t>(text_size_),
                                             /*shrink_to_fit=*/false));
    buffers.push_back(std::move(text_buffer_));
  }
  *out = arrow::MakeArray(arrow::ArrayData::Make(ArrowType(type_), length_, std::move(buffers),
                                                 static_cast<int64_t>(nulls_.size())));
  return arrow::Status::OK();
}

}  // namespace forebay
