#include "offline/iceberg/avro.h"

#include <utility>

#include "offline/delta/random_id.h"

namespace forebay {
namespace {

constexpr std::string_view kMagic("Obj\1", 4);
constexpr size_t kMarkerSize = 16;
constexpr int kLongestVarint = 63;  // bits of shift

}  // namespace

void AvroEncoder::Long(int64_t value) {
  uint64_t rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (; rest >= 0x80; rest >>= 7) bytes_ += static_cast<char>(rest | 0x80);
  bytes_ += static_cast<char>(rest);
}

void AvroEncoder::Text(std::string_view value) {
  Long(static_cast<int64_t>(value.size()));
  bytes_ += value;
}

int64_t AvroDecoder::Long() {
  uint64_t value = 0;
  for (int shift = 0; ok_ && shift <= kLongestVarint && !bytes_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if ((byte & 0x80) == 0)
      return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  ok_ = false;
  return 0;
}

bool AvroDecoder::Bool() {
  ok_ = ok_ && !bytes_.empty();
  if (!ok_) return false;
  const bool value = bytes_.front() != 0;
  bytes_.remove_prefix(1);
  return value;
}

std::string AvroDecoder::Text() {
  const int64_t size = Long();
  ok_ = ok_ && size >= 0 && static_cast<uint64_t>(size) <= bytes_.size();
  if (!ok_) return "";
  std::string text(bytes_.substr(0, size));
  bytes_.remove_prefix(size);
  return text;
}

std::string EncodeAvroFile(const AvroFile& file) {
  AvroEncoder header;
  header.Long(static_cast<int64_t>(file.metadata.size()) + 1);
  for (const auto& [name, value] : file.metadata) {
    header.Text(name);
    header.Text(value);
  }
  header.Text("avro.codec");
  header.Text("null");
  header.Long(0);
  const std::string marker = RandomId().substr(0, kMarkerSize);
  std::string bytes(kMagic);
  bytes += header.bytes();
  bytes += marker;
  if (file.records == 0) return bytes;
  AvroEncoder block;
  block.Long(file.records);
  block.Text(file.body);
  return bytes + block.bytes() + marker;
}

absl::StatusOr<AvroFile> DecodeAvroFile(std::string_view bytes) {
  AvroFile file;
  if (!bytes.starts_with(kMagic)) return absl::DataLossError("it is no Avro file");
  AvroDecoder decoder(bytes.substr(kMagic.size()));
  for (int64_t left = decoder.Long(); decoder.ok() && left > 0; --left) {
    std::string name = decoder.Text();
    file.metadata[std::move(name)] = decoder.Text();
  }
  if (decoder.Long() != 0 || file.metadata["avro.codec"] != "null")
    return absl::DataLossError("it is none of the Avro files that forebay writes");
  auto skip_marker = [&] {
    for (size_t i = 0; i < kMarkerSize; ++i) decoder.Bool();
  };
  skip_marker();
  while (decoder.ok() && !decoder.at_end()) {
    file.records += decoder.Long();
    file.body += decoder.Text();
    skip_marker();
  }
  if (!decoder.ok()) return absl::DataLossError("it is cut short");
  return file;
}

}  // namespace forebay
