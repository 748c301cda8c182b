// A real Kafka broker for the tests of this folder: one, started at first use, stopped at exit.
#ifndef FOREBAY_TESTS_KAFKA_REAL_BROKER_H_
#define FOREBAY_TESTS_KAFKA_REAL_BROKER_H_

#include <cstdio>
#include <string>

namespace forebay {

class RealBroker {
 public:
  // The one of this process.
  static RealBroker& Get();

  // Why there is none; empty when it runs.
  const std::string& missing() const { return missing_; }
  const std::string& address() const { return address_; }

  // "kill", "restart", "pause", "resume", "stop": returns when that is done. Thread-safe no.
  void Do(const std::string& command);

 private:
  RealBroker();
  ~RealBroker();
  std::string ReadLine();

  int pid_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
  std::string folder_;
  std::string missing_;
  std::string address_;
};

}  // namespace forebay

#endif  // FOREBAY_TESTS_KAFKA_REAL_BROKER_H_
