// The JSON of lookups: bodies of requests, and answers. The shapes are in docs/serving.md.
#ifndef FOREBAY_ONLINE_HTTP_READ_JSON_H_
#define FOREBAY_ONLINE_HTTP_READ_JSON_H_

#include <deque>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "online/serving/feature_reader.h"

namespace forebay {

// Keeps its buffers between requests: one per thread. Not thread-safe.
class ReadRequestParser {
 public:
  // The body of POST /v1/get (one "entity") or of /v1/batch-get ("entities"). The request points
  // into the parser and is valid until it parses again. Time and memory grow with the body, not
  // with its shape: the first thing that is wrong, or above the limits of FeatureReader, ends the
  // reading. INVALID_ARGUMENT: no JSON (says where), of another shape, or too much;
  // UNIMPLEMENTED: a documented field that is not served yet.
  absl::StatusOr<ReadRequest> ParseGet(std::string_view body);
  absl::StatusOr<ReadRequest> ParseBatchGet(std::string_view body);

 private:
  class Reader;
  using Texts = std::deque<std::string>;  // what requests point to: grows without moving

  absl::StatusOr<ReadRequest> Parse(std::string_view body, bool batch);

  Texts texts_;
};

// {"features": {"view.feature": {"value": ..., "status": ..., "effective_time": ..., "event_time":
// ...}}}. REQUIRES: one entity.
std::string GetAnswerJson(const ReadResult& result);

// {"features": [...], "values": [[...]], "statuses": [[...]], "effective_times": [[...]],
// "event_times": [[...]]}: a list per feature, in it one per entity.
std::string BatchGetAnswerJson(const ReadResult& result);

// {"error": {"code": "NOT_FOUND", "message": "..."}}.
std::string ErrorJson(std::string_view code, std::string_view message);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_READ_JSON_H_
