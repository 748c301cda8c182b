#include "offline/training_set/file_hash.h"

#include <fmt/format.h>

#include <fstream>

namespace forebay {

absl::StatusOr<FileFacts> HashFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("cannot open {}", path));
  FileFacts facts;
  Sha256 hash;
  std::string block(1 << 20, '\0');
  while (file.read(block.data(), std::ssize(block)), file.gcount() > 0) {
    hash.Add(std::string_view(block.data(), file.gcount()));
    facts.bytes += file.gcount();
  }
  facts.sha256 = hash.Finish();
  return facts;
}

arrow::Status HashedOutput::Write(const void* data, int64_t size) {
  ARROW_RETURN_NOT_OK(out_->Write(data, size));
  hash_.Add(std::string_view(static_cast<const char*>(data), size));
  size_ += size;
  return arrow::Status::OK();
}

arrow::Status HashedOutput::Close() {
  if (closed()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(out_->Close());
  facts_ = {size_, hash_.Finish()};
  return arrow::Status::OK();
}

}  // namespace forebay
