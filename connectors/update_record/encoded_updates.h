// Records of an update topic as bytes that do not move.
//
//   EncodedUpdates updates;
//   encoder.Append(change, features, &updates);
//   for (size_t i = updates.FirstAfter(published); i < updates.size(); ++i) Send(updates[i]);
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_ENCODED_UPDATES_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_ENCODED_UPDATES_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "connectors/update_record/byte_chunks.h"
#include "schemas/types/strong_int.h"

namespace forebay {

inline constexpr std::string_view kSourceHeader = "forebay-source";
inline constexpr std::string_view kEffectiveTimeHeader = "forebay-effective-time";
inline constexpr std::string_view kViewVersionHeader = "forebay-view-version";

// Views into the EncodedUpdates that it is from; good until its Clear(), also when it is moved.
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
  size_t size() const { return records_.size(); }
  bool empty() const { return records_.empty(); }

  EncodedUpdate operator[](size_t i) const {
    const Record& record = records_[i];
    const char* at = record.bytes;
    auto next = [&at](uint32_t size) {
      return std::string_view(std::exchange(at, at + size), size);
    };
    EncodedUpdate update;
    update.key = next(record.key_size);
    if (record.value_size != kTombstone) update.value = next(record.value_size);
    update.has_headers = record.source_size > 0;
    if (!update.has_headers) return update;
    update.all_headers[0] = {kSourceHeader, next(record.source_size)};
    update.all_headers[1] = {kEffectiveTimeHeader, next(record.effective_time_size)};
    update.all_headers[2] = {kViewVersionHeader, next(record.view_version_size)};
    return update;
  }

  // Of the record that the step was written with.
  Offset offset(size_t i) const { return records_[i].offset; }
  KnownTime known_time(size_t i) const { return records_[i].known_time; }

  // The first record with an offset above `position`; size() if there is none. REQUIRES: they are
  // in the order of their offsets.
  size_t FirstAfter(Offset position) const {
    auto above = std::upper_bound(
        records_.begin(), records_.end(), position,
        [](Offset position, const Record& record) { return position < record.offset; });
    return static_cast<size_t>(above - records_.begin());
  }

  // Of key and value together; the largest record's.
  size_t most_payload() const { return most_payload_; }

  // The memory that it keeps, in bytes.
  size_t capacity() const { return bytes_.capacity() + records_.capacity() * sizeof(Record); }

  // Forgets the records and keeps the memory.
  void Clear() {
    bytes_.Clear();
    records_.clear();
    most_payload_ = 0;
  }

 private:
  friend class UpdateRecordEncoder;

  static constexpr uint32_t kTombstone = UINT32_MAX;
  struct Record {
    const char* bytes;  // of these sizes, in this order
    uint32_t key_size;
    uint32_t value_size;   // or kTombstone
    uint16_t source_size;  // 0: no headers
    uint8_t effective_time_size;
    uint8_t view_version_size;
    Offset offset;
    KnownTime known_time;
  };

  char* Reserve(size_t bytes) { return bytes_.Reserve(bytes); }

  // `record` lies where Reserve said.
  void Add(const Record& record, size_t bytes) {
    records_.push_back(record);
    bytes_.Keep(bytes);
    size_t value_size = record.value_size == kTombstone ? 0 : record.value_size;
    most_payload_ = std::max(most_payload_, record.key_size + value_size);
  }

  ByteChunks bytes_;
  std::vector<Record> records_;
  size_t most_payload_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_ENCODED_UPDATES_H_
