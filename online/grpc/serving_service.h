// forebay.v1.FeatureServing over a FeatureReader. Includes gRPC: for .cc files of this folder.
#ifndef FOREBAY_ONLINE_GRPC_SERVING_SERVICE_H_
#define FOREBAY_ONLINE_GRPC_SERVING_SERVICE_H_

#include <atomic>

#include "forebay/v1/serving.grpc.pb.h"
#include "online/http/metrics.h"
#include "online/serving/bounded_threads.h"
#include "online/serving/feature_reader.h"

namespace forebay {

// Takes requests as bytes, so that what is too much is refused before it is taken apart.
using RawFeatureServing = v1::FeatureServing::WithRawCallbackMethod_Get<
    v1::FeatureServing::WithRawCallbackMethod_BatchGet<v1::FeatureServing::Service>>;

// Thread-safe. Outlives its server.
class ServingService : public RawFeatureServing {
 public:
  // `threads`: for requests of many entities.
  ServingService(const FeatureReader* reader, MetricsRegistry* metrics, int threads);

  // How many calls are under way, from the arrival of the request until the response is on its way.
  int calls() const { return calls_; }
  // Lookups under way end, UNAVAILABLE; so do later ones.
  void GiveUp() { stopping_ = true; }

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request,
                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BatchGet(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;

 private:
  class Call;

  const FeatureReader* reader_;
  MetricsRegistry* metrics_;
  std::atomic<int> calls_{0};
  std::atomic<bool> stopping_{false};
  BoundedThreads threads_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_GRPC_SERVING_SERVICE_H_
