// forebay.v1.FeatureServing over a FeatureReader. Includes gRPC: for .cc files of this folder.
#ifndef FOREBAY_ONLINE_GRPC_SERVING_SERVICE_H_
#define FOREBAY_ONLINE_GRPC_SERVING_SERVICE_H_

#include <google/protobuf/arena.h>
#include <grpcpp/support/message_allocator.h>

#include <atomic>

#include "forebay/v1/serving.grpc.pb.h"
#include "online/http/metrics.h"
#include "online/serving/feature_reader.h"

namespace forebay {

// Request and response of one call, on one arena: a batch has many small messages. Thread-safe.
template <typename Request, typename Response>
class ArenaAllocator : public grpc::MessageAllocator<Request, Response> {
 public:
  // `calls` counts the calls whose messages live: from the arrival of the request until the
  // response is on its way.
  explicit ArenaAllocator(std::atomic<int>* calls) : calls_(calls) {}

  grpc::MessageHolder<Request, Response>* AllocateMessages() override { return new Holder(calls_); }

 private:
  class Holder : public grpc::MessageHolder<Request, Response> {
   public:
    explicit Holder(std::atomic<int>* calls) : calls_(calls) {
      ++*calls_;
      this->set_request(google::protobuf::Arena::CreateMessage<Request>(&arena_));
      this->set_response(google::protobuf::Arena::CreateMessage<Response>(&arena_));
    }
    void Release() override {
      std::atomic<int>* calls = calls_;
      delete this;
      --*calls;
    }

   private:
    std::atomic<int>* calls_;
    google::protobuf::Arena arena_;
  };

  std::atomic<int>* calls_;
};

// Thread-safe.
class ServingService : public v1::FeatureServing::CallbackService {
 public:
  ServingService(const FeatureReader* reader, MetricsRegistry* metrics);

  // How many are under way.
  int calls() const { return calls_; }

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* BatchGet(grpc::CallbackServerContext* context,
                                     const v1::BatchGetRequest* request,
                                     v1::BatchGetResponse* response) override;

 private:
  const FeatureReader* reader_;
  MetricsRegistry* metrics_;
  std::atomic<int> calls_{0};
  ArenaAllocator<v1::GetRequest, v1::GetResponse> get_messages_{&calls_};
  ArenaAllocator<v1::BatchGetRequest, v1::BatchGetResponse> batch_get_messages_{&calls_};
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_SERVING_SERVICE_H_
