#include "online/grpc/serving_service.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "online/grpc/serving_messages.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  // It travels in a header, and quotes what was asked for, which may be long.
  constexpr size_t kMostShown = 1000;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message().substr(0, kMostShown)));
}

template <typename Request, typename Response>
absl::Status Answer(const FeatureReader& reader, const Request& message, Response* response) {
  absl::StatusOr<ReadRequest> request = ToReadRequest(message);
  if (!request.ok()) return request.status();
  ASSIGN_OR_RETURN(ReadResult result, reader.Read(*request));
  FillResponse(result, response);
  return absl::OkStatus();
}

}  // namespace

ServingService::ServingService(const FeatureReader* reader, MetricsRegistry* metrics)
    : reader_(reader), metrics_(metrics) {
  SetMessageAllocatorFor_Get(&get_messages_);
  SetMessageAllocatorFor_BatchGet(&batch_get_messages_);
}

grpc::ServerUnaryReactor* ServingService::Get(grpc::CallbackServerContext* context,
                                              const v1::GetRequest* request,
                                              v1::GetResponse* response) {
  absl::Time start = absl::Now();
  absl::Status status = Answer(*reader_, *request, response);
  metrics_->ObserveRequest(Door::kGrpc, Method::kGet, status.code(), absl::Now() - start);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* ServingService::BatchGet(grpc::CallbackServerContext* context,
                                                   const v1::BatchGetRequest* request,
                                                   v1::BatchGetResponse* response) {
  absl::Time start = absl::Now();
  absl::Status status = Answer(*reader_, *request, response);
  metrics_->ObserveRequest(Door::kGrpc, Method::kBatchGet, status.code(), absl::Now() - start);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace forebay
