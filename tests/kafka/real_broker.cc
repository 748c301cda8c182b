#include "tests/kafka/real_broker.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace forebay {

RealBroker& RealBroker::Get() {
  static RealBroker broker;
  return broker;
}

RealBroker::RealBroker() {
  folder_ = (std::filesystem::temp_directory_path() / "forebay-broker-XXXXXX").string();
  int to_child[2];
  int from_child[2];
  if (mkdtemp(folder_.data()) == nullptr || pipe(to_child) != 0 || pipe(from_child) != 0) {
    throw std::runtime_error("no folder or pipe for the broker");
  }
  pid_ = fork();
  if (pid_ == 0) {
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    for (int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(fd);
    execl(FOREBAY_TEST_PYTHON, FOREBAY_TEST_PYTHON, FOREBAY_SERVE_BROKER, folder_.c_str(), nullptr);
    _exit(127);
  }
  close(to_child[0]);
  close(from_child[1]);
  to_ = fdopen(to_child[1], "w");
  from_ = fdopen(from_child[0], "r");
  std::string line = ReadLine();
  if (line.starts_with("ready ")) {
    address_ = line.substr(6);
  } else {
    missing_ = line.empty() ? "serve_broker.py did not start" : line;
  }
}

RealBroker::~RealBroker() {
  std::fclose(to_);
  waitpid(pid_, nullptr, 0);
  std::fclose(from_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RealBroker::Do(const std::string& command) {
  std::fprintf(to_, "%s\n", command.c_str());
  std::fflush(to_);
  if (ReadLine() != "done") throw std::runtime_error("the broker did not " + command);
}

std::string RealBroker::ReadLine() {
  std::string line;
  for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_)) {
    line.push_back(static_cast<char>(c));
  }
  return line;
}

}  // namespace forebay
