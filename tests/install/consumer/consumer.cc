// consumer PROJECT-FOLDER GRPC-PORT: checks a project, and reads a feature from a worker.
#include <grpcpp/grpcpp.h>

#include <iostream>

#include "forebay/v1/definition.pb.h"
#include "forebay/v1/serving.grpc.pb.h"
#include "schemas/definition/project.h"

namespace {

bool Check(const char* folder) {
  std::vector<forebay::Diagnostic> diagnostics;
  auto loaded = forebay::LoadProject(folder, &diagnostics);
  if (!loaded.ok()) {
    std::cout << forebay::FormatDiagnostics(diagnostics);
    return false;
  }
  std::cout << loaded->project->name() << ": " << loaded->project->feature_views_size()
            << " views, serving on " << loaded->config.serving_http_port << "\n";
  return true;
}

bool Read(const std::string& port) {
  auto stub = forebay::v1::FeatureServing::NewStub(
      grpc::CreateChannel("127.0.0.1:" + port, grpc::InsecureChannelCredentials()));
  forebay::v1::GetRequest request;
  request.add_features("user_spend.count_1h");
  (*request.mutable_entity())["user_id"].set_string_value("u5");
  forebay::v1::GetResponse response;
  grpc::ClientContext context;
  grpc::Status status = stub->Get(&context, request, &response);
  if (!status.ok()) {
    std::cout << status.error_message() << "\n";
    return false;
  }
  const forebay::v1::FeatureValue& feature = response.features(0);
  std::cout << feature.name() << ": " << feature.value().int64_value() << "\n";
  return true;
}

}  // namespace

int main(int, char** argv) { return Check(argv[1]) && Read(argv[2]) ? 0 : 1; }
