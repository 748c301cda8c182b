// An offline table by what it holds: the change records of a view, or the events of a source.
//
//   TableId(ViewId{"user_spend", 1}).ToString()      "user_spend@1"
//   TableId::OfEvents("transactions").ToString()     "events/transactions"
#ifndef FOREBAY_SCHEMAS_TYPES_TABLE_ID_H_
#define FOREBAY_SCHEMAS_TYPES_TABLE_ID_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "schemas/types/view_id.h"

namespace forebay {

struct TableId {
  std::string name;      // of the view, or of the source
  uint32_t version = 0;  // of the view; 0: the table is a source's event archive

  TableId() = default;
  TableId(std::string name, uint32_t version) : name(std::move(name)), version(version) {}
  TableId(const ViewId& view) : name(view.name), version(view.version) {}  // NOLINT: a view has one
  static TableId OfEvents(std::string source) { return {std::move(source), 0}; }

  bool is_archive() const { return version == 0; }

  auto operator<=>(const TableId&) const = default;
  std::string ToString() const;
};

// The source of what ToString makes of its archive; nullopt for other text.
std::optional<std::string> ParseArchiveName(std::string_view text);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_TABLE_ID_H_
