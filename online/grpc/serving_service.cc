#include "online/grpc/serving_service.h"

#include <google/protobuf/arena.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "online/grpc/read_messages.h"
#include "online/grpc/serving_messages.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kMostAtOnce = 128;   // entities of a request that is answered on gRPC's thread
constexpr size_t kMostWaiting = 256;  // larger requests that wait for a thread

grpc::Status ToGrpc(const absl::Status& status) {
  // It travels in a header, and quotes what was asked for, which may be long.
  constexpr size_t kMostShown = 1000;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message().substr(0, kMostShown)));
}

// Lists are long, and have many small messages: on one arena.
template <typename Response>
absl::Status Encode(const ReadResult& result, grpc::ByteBuffer* response) {
  google::protobuf::Arena arena;
  auto* message = google::protobuf::Arena::CreateMessage<Response>(&arena);
  FillResponse(result, message);
  bool own = false;
  grpc::Status encoded = grpc::SerializationTraits<Response>::Serialize(*message, response, &own);
  return encoded.ok() ? absl::OkStatus() : absl::InternalError(encoded.error_message());
}

}  // namespace

// One call. Goes by itself.
class ServingService::Call final : public grpc::ServerUnaryReactor {
 public:
  Call(ServingService* service, Method method, grpc::ByteBuffer* response)
      : service_(*service), method_(method), response_(response) {
    ++service_.calls_;
  }

  void Start(const grpc::ByteBuffer& message) {
    grpc::Status read = message.TrySingleSlice(&bytes_);
    if (!read.ok()) read = message.DumpToSingleSlice(&bytes_);
    if (!read.ok()) return Answer(absl::InternalError(read.error_message()));
    std::string_view view(reinterpret_cast<const char*>(bytes_.begin()), bytes_.size());
    absl::StatusOr<ReadRequest> request =
        method_ == Method::kGet ? ReadGetRequest(view) : ReadBatchGetRequest(view);
    if (!request.ok()) return Answer(request.status());
    request_ = *std::move(request);
    request_.stopping = &service_.stopping_;
    if (request_.entities.size() <= kMostAtOnce) return Answer(LookUp());
    if (!service_.threads_.TryAdd([this] { Answer(LookUp()); })) {
      Answer(absl::UnavailableError("too many large requests are under way: try again later"));
    }
  }

  void OnDone() override {
    std::atomic<int>& calls = service_.calls_;
    delete this;
    --calls;
  }

 private:
  // OnDone is called at once, as with gRPC's own reactor, and not from yet another thread.
  bool InternalInlineable() override { return true; }

  absl::Status LookUp() {
    ASSIGN_OR_RETURN(ReadResult result, service_.reader_->Read(request_));
    return method_ == Method::kGet ? Encode<v1::GetResponse>(result, response_)
                                   : Encode<v1::BatchGetResponse>(result, response_);
  }

  void Answer(const absl::Status& status) {
    service_.metrics_->ObserveRequest(Door::kGrpc, method_, status.code(), absl::Now() - start_);
    Finish(ToGrpc(status));
  }

  ServingService& service_;
  const Method method_;
  grpc::ByteBuffer* const response_;
  const absl::Time start_ = absl::Now();
  grpc::Slice bytes_;  // what request_ points into
  ReadRequest request_;
};

ServingService::ServingService(const FeatureReader* reader, MetricsRegistry* metrics, int threads)
    : reader_(reader), metrics_(metrics), threads_(threads, kMostWaiting) {}

grpc::ServerUnaryReactor* ServingService::Get(grpc::CallbackServerContext*,
                                              const grpc::ByteBuffer* request,
                                              grpc::ByteBuffer* response) {
  auto* call = new Call(this, Method::kGet, response);
  call->Start(*request);
  return call;
}

grpc::ServerUnaryReactor* ServingService::BatchGet(grpc::CallbackServerContext*,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  auto* call = new Call(this, Method::kBatchGet, response);
  call->Start(*request);
  return call;
}

}  // namespace forebay
