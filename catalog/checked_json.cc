#include "catalog/checked_json.h"

#include <fmt/format.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "schemas/types/crc32c.h"

namespace forebay {
namespace {

std::string ChecksumLine(std::string_view json) {
  return fmt::format("{{\"crc32c\":\"{:08x}\"}}\n", Crc32c(json));
}

}  // namespace

absl::StatusOr<std::string> EncodeChecked(const google::protobuf::Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  auto printed = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!printed.ok()) return absl::InternalError(std::string(printed.message()));
  return json + "\n" + ChecksumLine(json);
}

absl::Status DecodeChecked(std::string_view text, google::protobuf::Message* message) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || text.substr(end + 1) != ChecksumLine(text.substr(0, end)))
    return absl::DataLossError("its checksum does not hold: it was cut or changed");
  auto parsed = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), end), message);
  if (parsed.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "this forebay does not understand it, a newer one may: {}", std::string(parsed.message())));
}

}  // namespace forebay
