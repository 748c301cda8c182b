#include "connectors/kafka/control_reader.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/kafka/control_record.h"
#include "connectors/kafka/repartition_record.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/shown_bytes.h"
#include "schemas/types/status_macros.h"

namespace forebay {

ControlReader::ControlReader(const std::vector<const v1::Entity*>& entities, bool repartition)
    : repartition_(repartition) {
  for (const v1::Entity* entity : entities) keys_.emplace_back(*entity);
}

absl::StatusOr<std::optional<ControlRecord>> ControlReader::Read(const RawRecord& record) {
  std::optional<std::string_view> kind = FindHeader(record, kControlHeader);
  if (!kind) return std::nullopt;
  if (*kind == kMarkerControl && repartition_) {
    ASSIGN_OR_RETURN(SourceMarker marker, ReadMarkerHeaders(record));
    return ControlRecord{.marker = marker};
  }
  if (*kind == kEraseControl) return ReadErasure(record);
  return absl::InvalidArgumentError(fmt::format("header {} is {}, expected {}", kControlHeader,
                                                ShownBytes(*kind), kEraseControl));
}

absl::StatusOr<ControlRecord> ControlReader::ReadErasure(const RawRecord& record) {
  std::optional<std::string_view> entity = FindHeader(record, kEntityHeader);
  if (!entity || !record.key)
    return absl::InvalidArgumentError(
        fmt::format("an erasure needs a key and the header {}", kEntityHeader));
  ControlRecord control;
  for (KeyTextReader& reader : keys_) {
    if (reader.entity().name() != *entity) continue;
    KeyErasure& erasure = control.erasure.emplace();
    erasure.offset = record.offset;
    erasure.entity = std::string(*entity);
    ASSIGN_OR_RETURN(erasure.key, reader.Read(*record.key));
    erasure.timestamp = record.timestamp;
    if (repartition_) {
      ASSIGN_OR_RETURN(erasure.origin, ReadErasureOrigin(record));
    }
  }
  return control;
}

}  // namespace forebay
