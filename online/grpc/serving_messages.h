// Messages of forebay.v1.FeatureServing to what FeatureReader takes, and its results to messages.
#ifndef FOREBAY_ONLINE_GRPC_SERVING_MESSAGES_H_
#define FOREBAY_ONLINE_GRPC_SERVING_MESSAGES_H_

#include "absl/status/statusor.h"
#include "online/serving/feature_reader.h"

namespace forebay {

namespace v1 {
class BatchGetRequest;
class BatchGetResponse;
class GetRequest;
class GetResponse;
}  // namespace v1

// The request points into `message`.
ReadRequest ToReadRequest(const v1::GetRequest& message);
// INVALID_ARGUMENT: more entities than a request may have.
absl::StatusOr<ReadRequest> ToReadRequest(const v1::BatchGetRequest& message);

// REQUIRES: `result` is of one entity. `message` is empty before.
void FillResponse(const ReadResult& result, v1::GetResponse* message);
void FillResponse(const ReadResult& result, v1::BatchGetResponse* message);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_SERVING_MESSAGES_H_
