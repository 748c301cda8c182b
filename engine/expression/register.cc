#include "engine/expression/register.h"

#include <algorithm>

namespace forebay {
namespace {

constexpr size_t kFirstBlock = 4096;

}  // namespace

void Scratch::Grow(size_t bytes) {
  capacity_ = std::max(bytes, capacity_ * 2);
  memory_.reset(new std::byte[capacity_]);
}

void Arena::NextBlock(size_t bytes) {
  while (used_ < blocks_.size() && blocks_[used_].size < bytes) ++used_;
  if (used_ == blocks_.size()) {
    const size_t size = std::max(bytes, blocks_.empty() ? kFirstBlock : blocks_.back().size * 2);
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  }
  next_ = blocks_[used_].memory.get();
  left_ = blocks_[used_].size;
  ++used_;
}

void Arena::Reset() {
  used_ = 0;
  next_ = nullptr;
  left_ = 0;
}

}  // namespace forebay
