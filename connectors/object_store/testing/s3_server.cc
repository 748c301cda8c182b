#include "connectors/object_store/testing/s3_server.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "connectors/object_store/s3/http.h"

namespace forebay {

using Json = nlohmann::json;

S3Server& S3Server::Get() {
  static S3Server server;
  return server;
}

S3Server::S3Server() {
  int to_child[2];
  int from_child[2];
  if (pipe(to_child) != 0 || pipe(from_child) != 0) throw std::runtime_error("no pipe");
  pid_ = fork();
  if (pid_ == 0) {
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    for (int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(fd);
    execl(FOREBAY_TEST_PYTHON, FOREBAY_TEST_PYTHON, FOREBAY_S3_SERVER, nullptr);
    _exit(127);
  }
  close(to_child[0]);
  close(from_child[1]);
  to_ = fdopen(to_child[1], "w");
  std::FILE* from = fdopen(from_child[0], "r");
  for (int c = std::fgetc(from); c != EOF && c != '\n'; c = std::fgetc(from))
    url_.push_back(static_cast<char>(c));
  std::fclose(from);
  if (url_.empty()) throw std::runtime_error("s3_server.py did not start: run ./dev setup");
  const std::pair<const char*, const char*> variables[] = {
      {"AWS_ACCESS_KEY_ID", "test-key"},
      {"AWS_SECRET_ACCESS_KEY", "test-secret"},
      {"AWS_CONFIG_FILE", "/dev/null"},
      {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
      {"AWS_EC2_METADATA_DISABLED", "true"}};
  for (const auto& [name, value] : variables) setenv(name, value, 1);
}

S3Server::~S3Server() {
  std::fclose(to_);
  waitpid(pid_, nullptr, 0);
}

std::string S3Server::Do(const std::string& json) {
  HttpClient client({});
  absl::StatusOr<HttpAnswer> answer =
      client.Send({.method = "POST",
                   .scheme = "http",
                   .host = url_.substr(std::string("http://").size()),
                   .path = "/_test",
                   .body = json});
  if (!answer.ok() || !answer->ok()) throw std::runtime_error("the S3 server did not do " + json);
  return answer->body;
}

S3Settings S3Server::Settings() const {
  return {.endpoint = url_,
          .region = "us-east-1",
          .request_timeout_us = 2'000'000,
          .retry_for_us = 2'000'000};
}

void S3Server::MakeBucket(const std::string& name) {
  Do(Json{{"do", "bucket"}, {"name", name}}.dump());
}

void S3Server::Fail(const std::string& fault, const std::string& method, const std::string& path,
                    int count, double seconds) {
  Do(Json{{"do", "fail"},
          {"fault", fault},
          {"method", method},
          {"path", path},
          {"count", count},
          {"seconds", seconds}}
         .dump());
}

void S3Server::Mend() { Do(R"({"do": "mend"})"); }

std::vector<std::string> S3Server::Requests() {
  std::vector<std::string> requests;
  for (const Json& request : Json::parse(Do(R"({"do": "requests"})")))
    requests.push_back(request[0].get<std::string>() + " " + request[1].get<std::string>());
  return requests;
}

void S3Server::Allow(const std::string& key_id, const std::string& secret,
                     const std::string& denied) {
  Do(Json{{"do", "access"}, {"key_id", key_id}, {"secret", secret}, {"denied", denied}}.dump());
}

ScopedVariable::ScopedVariable(std::string name, const std::string& value)
    : name_(std::move(name)) {
  const char* before = std::getenv(name_.c_str());
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  setenv(name_.c_str(), value.c_str(), 1);
}

ScopedVariable::~ScopedVariable() {
  if (was_set_) {
    setenv(name_.c_str(), before_.c_str(), 1);
  } else {
    unsetenv(name_.c_str());
  }
}

}  // namespace forebay
