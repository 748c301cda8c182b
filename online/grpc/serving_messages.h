// Results of FeatureReader to messages of forebay.v1.FeatureServing.
#ifndef FOREBAY_ONLINE_GRPC_SERVING_MESSAGES_H_
#define FOREBAY_ONLINE_GRPC_SERVING_MESSAGES_H_

#include "online/serving/feature_reader.h"

namespace forebay {

namespace v1 {
class BatchGetResponse;
class GetResponse;
}  // namespace v1

// REQUIRES: `result` is of one entity. `message` is empty before.
void FillResponse(const ReadResult& result, v1::GetResponse* message);
void FillResponse(const ReadResult& result, v1::BatchGetResponse* message);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_SERVING_MESSAGES_H_
