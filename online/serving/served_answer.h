// Answers that are kept: what the read path hands over for that, once they are given.
#ifndef FOREBAY_ONLINE_SERVING_SERVED_ANSWER_H_
#define FOREBAY_ONLINE_SERVING_SERVED_ANSWER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "online/serving/feature_reader.h"

namespace forebay {

struct ServedAnswer {
  std::string request_id;
  double draw = 0;      // DrawOf the request id
  int64_t time_us = 0;  // when it was answered
  std::optional<KnownTime> at;
  std::vector<Value> keys;  // of entity 0: one per key of the plan; of entity 1; ...
  ReadResult result;
  LookupFunction lookup;  // that it was answered by
};

// At least 0 and less than 1, the same for the same request id wherever it is asked: a request is
// kept where this is below the share that is. Evenly spread.
double DrawOf(std::string_view request_id);

// 32 hexadecimal digits, which no other request has.
std::string MakeRequestId();

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_SERVED_ANSWER_H_
