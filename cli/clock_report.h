// What an operator is told of a record that put its partition ahead of time.
#ifndef FOREBAY_CLI_CLOCK_REPORT_H_
#define FOREBAY_CLI_CLOCK_REPORT_H_

#include <string>

#include "engine/worker/clock_watch.h"

namespace forebay {

namespace v1 {
class Source;
}

// Which record, what it does to the features, what is known of its producer, what to do.
std::string DescribeClockAhead(const ClockAhead& ahead, const v1::Source& source);

}  // namespace forebay

#endif  // FOREBAY_CLI_CLOCK_REPORT_H_
