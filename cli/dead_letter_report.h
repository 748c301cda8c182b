// What `forebay dead-letter` prints.
#ifndef FOREBAY_CLI_DEAD_LETTER_REPORT_H_
#define FOREBAY_CLI_DEAD_LETTER_REPORT_H_

#include <cstdint>
#include <map>
#include <string>

#include "connectors/dead_letter/dead_letter_digest.h"
#include "connectors/dead_letter/return_rules.h"

namespace forebay {

// The counts, then the newest letters. `topic`: that of the dead letters, in which there are `all`.
std::string DigestText(const std::string& topic, const DeadLetterDigest& digest, int64_t all);

// How many letters had which fate, by the topic that their records are in.
using FateCounts = std::map<Fate, std::map<std::string, int64_t>>;

// What was sent back, and why the others that were asked for were not.
std::string ReturnText(const FateCounts& counts);

}  // namespace forebay

#endif  // FOREBAY_CLI_DEAD_LETTER_REPORT_H_
