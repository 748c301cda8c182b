// A real S3 server for tests, in a process of its own: tests/object_store/s3_server.py, which says
// what it can be told.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_TESTING_S3_SERVER_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_TESTING_S3_SERVER_H_

#include <cstdio>
#include <string>
#include <vector>

#include "schemas/types/s3_settings.h"

namespace forebay {

class S3Server {
 public:
  // The one of this process: started at first use, stopped at exit. Sets the variables that say
  // who asks (AWS_ACCESS_KEY_ID, ...). Throws where there is none.
  static S3Server& Get();

  const std::string& url() const { return url_; }

  // To reach it, with little patience.
  S3Settings Settings() const;

  void MakeBucket(const std::string& name);

  // "slow_down" and the like, for the next `count` requests (-1: until Mend) of the method whose
  // path matches.
  void Fail(const std::string& fault, const std::string& method = "", const std::string& path = "",
            int count = 1, double seconds = 0);
  void Mend();

  // "PUT /bucket/key" of those that came since this was asked last.
  std::vector<std::string> Requests();

  // Lets one more ask, but for what ("PUT /bucket/key") matches `denied`.
  void Allow(const std::string& key_id, const std::string& secret, const std::string& denied);

 private:
  S3Server();
  ~S3Server();
  std::string Do(const std::string& json);

  int pid_ = -1;
  std::FILE* to_ = nullptr;
  std::string url_;
};

// Sets variables of the environment for as long as it lives. Not while other threads run.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const std::string& value);
  ~ScopedVariable();
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  std::string name_;
  bool was_set_;
  std::string before_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_TESTING_S3_SERVER_H_
