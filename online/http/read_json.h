// The JSON of lookups: bodies of requests, and answers. The shapes are in docs/serving.md.
#ifndef FOREBAY_ONLINE_HTTP_READ_JSON_H_
#define FOREBAY_ONLINE_HTTP_READ_JSON_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "online/serving/feature_reader.h"

namespace forebay {

// Keeps its buffers between requests: one per thread. Not thread-safe.
class ReadRequestParser {
 public:
  ReadRequestParser();
  ~ReadRequestParser();

  // The body of POST /v1/get (one "entity") or of /v1/batch-get ("entities"). The request points
  // into the parser and is valid until it parses again. INVALID_ARGUMENT: no JSON (says where), or
  // of another shape; UNIMPLEMENTED: a documented field that is not served yet.
  absl::StatusOr<ReadRequest> ParseGet(const std::string& body);
  absl::StatusOr<ReadRequest> ParseBatchGet(const std::string& body);

 private:
  absl::StatusOr<ReadRequest> Parse(const std::string& body, bool batch);

  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
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
