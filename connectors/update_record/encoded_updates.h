// Records of an update topic as bytes, one after the other in one piece of memory.
//
//   EncodedUpdates updates;
//   encoder.Encode(*batch.rows, &updates);
//   for (size_t i = 0; i < updates.size(); ++i) Send(updates[i]);
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_ENCODED_UPDATES_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_ENCODED_UPDATES_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace forebay {

inline constexpr std::string_view kSourceHeader = "forebay-source";
inline constexpr std::string_view kEffectiveTimeHeader = "forebay-effective-time";
inline constexpr std::string_view kViewVersionHeader = "forebay-view-version";

// Views into the EncodedUpdates that it is from.
struct EncodedUpdate {
  std::string_view key;
  std::optional<std::string_view> value;  // nullopt: a tombstone
  std::array<std::pair<std::string_view, std::string_view>, 3> all_headers;
  bool has_headers = false;

  absl::Span<const std::pair<std::string_view, std::string_view>> headers() const {
    return absl::MakeSpan(all_headers.data(), has_headers ? all_headers.size() : 0);
  }
  size_t payload() const { return key.size() + (value ? value->size() : 0); }
};

class EncodedUpdates {
 public:
  size_t size() const { return parts_.size(); }

  EncodedUpdate operator[](size_t i) const {
    const Parts& parts = parts_[i];
    const char* at = bytes_.get() + parts.place;
    auto next = [&at](uint32_t size) {
      return std::string_view(std::exchange(at, at + size), size);
    };
    EncodedUpdate update;
    update.key = next(parts.key_size);
    if (parts.value_size != kTombstone) update.value = next(parts.value_size);
    update.has_headers = parts.source_size > 0;
    if (!update.has_headers) return update;
    update.all_headers[0] = {kSourceHeader, next(parts.source_size)};
    update.all_headers[1] = {kEffectiveTimeHeader, next(parts.effective_time_size)};
    update.all_headers[2] = {kViewVersionHeader, view_version_};
    return update;
  }

  // Of key and value together; the largest record's.
  size_t most_payload() const { return most_payload_; }

  // The memory that it keeps, in bytes.
  size_t capacity() const { return capacity_ + parts_.capacity() * sizeof(Parts); }

 private:
  friend class UpdateRecordEncoder;

  static constexpr uint32_t kTombstone = UINT32_MAX;
  struct Parts {  // the bytes of a record, in this order
    size_t place;
    uint32_t key_size;
    uint32_t value_size;   // or kTombstone
    uint32_t source_size;  // 0: no headers
    uint32_t effective_time_size;
  };

  // Forgets the records and keeps the memory.
  void Start(std::string_view view_version, size_t records) {
    view_version_ = view_version;
    parts_.clear();
    parts_.reserve(records);
    size_ = 0;
    most_payload_ = 0;
  }

  // Where the next record goes: room for `bytes`.
  char* Reserve(size_t bytes) {
    if (capacity_ - size_ < bytes) {
      capacity_ = std::max(2 * capacity_, size_ + bytes);
      auto grown = std::make_unique_for_overwrite<char[]>(capacity_);
      if (size_ > 0) std::memcpy(grown.get(), bytes_.get(), size_);
      bytes_ = std::move(grown);
    }
    return bytes_.get() + size_;
  }

  void Add(Parts parts, size_t bytes) {
    parts.place = size_;
    most_payload_ = std::max<size_t>(
        most_payload_,
        size_t{parts.key_size} + (parts.value_size == kTombstone ? 0 : parts.value_size));
    parts_.push_back(parts);
    size_ += bytes;
  }

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t most_payload_ = 0;
  std::vector<Parts> parts_;
  std::string view_version_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_ENCODED_UPDATES_H_
