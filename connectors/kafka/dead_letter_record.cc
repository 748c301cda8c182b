#include "connectors/kafka/dead_letter_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "connectors/kafka/consumer.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr const char* kTopic = "__connect.errors.topic";
constexpr const char* kPartition = "__connect.errors.partition";
constexpr const char* kOffset = "__connect.errors.offset";
constexpr const char* kStage = "__connect.errors.stage";
constexpr const char* kClass = "__connect.errors.class.name";
constexpr const char* kMessage = "__connect.errors.exception.message";
constexpr const char* kReason = "forebay-reason";
constexpr const char* kView = "forebay-view";
constexpr const char* kViewVersion = "forebay-view-version";
constexpr const char* kOmitted = "forebay-omitted";
constexpr size_t kMostDetail = 1000;
// Of the lengths that Kafka writes before a name and a value.
constexpr size_t kHeaderFrame = 10;

// Null if there is none.
const std::string* FindHeader(const RecordHeaders& headers, std::string_view name) {
  auto found = std::find_if(headers.begin(), headers.end(),
                            [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

absl::StatusOr<std::string> TextOf(const RecordHeaders& headers, std::string_view name) {
  if (const std::string* text = FindHeader(headers, name)) return *text;
  return absl::InvalidArgumentError(
      fmt::format("header {} is missing: forebay did not write this record", name));
}

absl::StatusOr<int64_t> NumberOf(const RecordHeaders& headers, std::string_view name,
                                 int64_t most) {
  ASSIGN_OR_RETURN(std::string text, TextOf(headers, name));
  int64_t number = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && number >= 0 && number <= most) return number;
  return absl::InvalidArgumentError(
      fmt::format("header {} is \"{}\", expected a number from 0 to {}", name, text, most));
}

absl::StatusOr<RejectReason> ReasonOf(const RecordHeaders& headers) {
  ASSIGN_OR_RETURN(std::string text, TextOf(headers, kReason));
  if (std::optional<RejectReason> reason = FindRejectReason(text)) return *reason;
  return absl::InvalidArgumentError(fmt::format(
      "header {} is \"{}\", which is no reason that this version knows", kReason, text));
}

std::optional<std::string> Owned(std::optional<std::string_view> bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

}  // namespace

RecordHeaders DeadLetterHeaders(const DeadLetter& letter) {
  RecordHeaders headers = letter.headers;
  headers.emplace_back(kTopic, letter.task.topic);
  headers.emplace_back(kPartition, std::to_string(letter.task.partition.value()));
  headers.emplace_back(kOffset, std::to_string(letter.offset.value()));
  headers.emplace_back(kStage, letter.view.empty() ? "VALUE_CONVERTER" : "TRANSFORMATION");
  headers.emplace_back(kClass, "forebay");
  headers.emplace_back(kMessage, letter.detail);
  headers.emplace_back(kReason, std::string(RejectReasonName(letter.reason)));
  if (!letter.view.empty()) {
    headers.emplace_back(kView, letter.view);
    headers.emplace_back(kViewVersion, std::to_string(letter.view_version));
  }
  if (!letter.omitted.empty()) headers.emplace_back(kOmitted, letter.omitted);
  return headers;
}

size_t DeadLetterBytes(const DeadLetter& letter, const RecordHeaders& headers) {
  size_t bytes = (letter.key ? letter.key->size() : 0) + (letter.value ? letter.value->size() : 0);
  for (const auto& [name, value] : headers) bytes += name.size() + value.size() + kHeaderFrame;
  return bytes;
}

DeadLetter FitDeadLetter(const DeadLetter& letter, size_t most) {
  DeadLetter fitted = letter;
  auto fits = [&] { return DeadLetterBytes(fitted, DeadLetterHeaders(fitted)) <= most; };
  fitted.value.reset();
  fitted.omitted = "value";
  if (fits()) return fitted;
  fitted.headers.clear();
  fitted.omitted = "value, headers";
  if (fits()) return fitted;
  fitted.key.reset();
  fitted.omitted = "value, headers, key";
  fitted.detail.resize(std::min(fitted.detail.size(), kMostDetail));
  return fitted;
}

absl::StatusOr<DeadLetter> ReadDeadLetter(const RawRecord& record) {
  RecordHeaders all = HeadersOf(record);
  // Ours begin at the last of these: the record may have been a dead letter before.
  auto ours = std::find_if(all.rbegin(), all.rend(),
                           [](const auto& header) { return header.first == kTopic; });
  auto first = ours == all.rend() ? all.begin() : ours.base() - 1;
  RecordHeaders headers(first, all.end());
  all.erase(first, all.end());
  DeadLetter letter{.timestamp = record.timestamp,
                    .key = Owned(record.key),
                    .value = Owned(record.value),
                    .headers = std::move(all)};
  ASSIGN_OR_RETURN(letter.task.topic, TextOf(headers, kTopic));
  ASSIGN_OR_RETURN(int64_t partition,
                   NumberOf(headers, kPartition, std::numeric_limits<int32_t>::max()));
  letter.task.partition = PartitionId(static_cast<int32_t>(partition));
  ASSIGN_OR_RETURN(int64_t offset, NumberOf(headers, kOffset, std::numeric_limits<int64_t>::max()));
  letter.offset = Offset(offset);
  ASSIGN_OR_RETURN(letter.detail, TextOf(headers, kMessage));
  ASSIGN_OR_RETURN(letter.reason, ReasonOf(headers));
  if (const std::string* view = FindHeader(headers, kView)) {
    letter.view = *view;
    ASSIGN_OR_RETURN(int64_t version,
                     NumberOf(headers, kViewVersion, std::numeric_limits<uint32_t>::max()));
    letter.view_version = static_cast<uint32_t>(version);
  }
  if (const std::string* omitted = FindHeader(headers, kOmitted)) letter.omitted = *omitted;
  return letter;
}

}  // namespace forebay
