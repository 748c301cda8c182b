// Requests of forebay.v1.FeatureServing, read off the wire: no message is made, which would take a
// hundred times the bytes of an empty one before its entities could be counted.
#ifndef FOREBAY_ONLINE_GRPC_READ_MESSAGES_H_
#define FOREBAY_ONLINE_GRPC_READ_MESSAGES_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "online/serving/feature_reader.h"

namespace forebay {

// An encoded GetRequest or BatchGetRequest. The request points into `message`. Fields that we do
// not know are passed over. INVALID_ARGUMENT: no such message, or above the limits of
// FeatureReader, where reading ends.
absl::StatusOr<ReadRequest> ReadGetRequest(std::string_view message);
absl::StatusOr<ReadRequest> ReadBatchGetRequest(std::string_view message);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_READ_MESSAGES_H_
