// What reading a piece of a data file costs in a project's warehouse.
#ifndef FOREBAY_CLI_READ_COST_H_
#define FOREBAY_CLI_READ_COST_H_

#include "offline/history/byte_ranges.h"
#include "schemas/definition/config.h"

namespace forebay {

inline ReadCost CostOf(const ProjectConfig& config) {
  return config.warehouse.is_file() ? ReadCost::OfDisk() : ReadCost::OfObjectStore();
}

}  // namespace forebay

#endif  // FOREBAY_CLI_READ_COST_H_
