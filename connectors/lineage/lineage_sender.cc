#include "connectors/lineage/lineage_sender.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "connectors/object_store/s3/http.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr char kDefaultPath[] = "/api/v1/lineage";

// Of "http://host:5000/path"; the path that receivers have by default, where it has none.
HttpRequest RequestTo(const std::string& url) {
  HttpRequest request{.method = "POST"};
  const size_t scheme = url.find("://");
  request.scheme = url.substr(0, scheme);
  const std::string rest = url.substr(scheme + 3);
  const size_t slash = rest.find('/');
  request.host = rest.substr(0, slash);
  request.path =
      slash == std::string::npos || slash + 1 == rest.size() ? kDefaultPath : rest.substr(slash);
  request.headers["content-type"] = "application/json";
  return request;
}

absl::StatusOr<std::string> ReadKey(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return absl::FailedPreconditionError(fmt::format("cannot read the API key in {}", path));
  return std::string(absl::StripAsciiWhitespace(text.str()));
}

bool IsWorthAnotherTry(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

}  // namespace

LineageSender::LineageSender(LineageTarget target, std::function<void(const std::string&)> warn)
    : target_(std::move(target)), warn_(std::move(warn)), thread_([this] { Run(); }) {}

LineageSender::~LineageSender() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    until_ = absl::Now() + target_.patience;
  }
  thread_.join();
}

void LineageSender::Send(std::string event) {
  absl::MutexLock lock(&mutex_);
  if (waiting_.size() >= kMostWaiting) {
    waiting_.pop_front();
    ++dropped_;
  }
  waiting_.push_back(std::move(event));
}

int64_t LineageSender::dropped() const {
  absl::MutexLock lock(&mutex_);
  return dropped_;
}

void LineageSender::Run() {
  auto due = [this]()
                 ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ || !waiting_.empty(); };
  while (true) {
    std::string event;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(&due));
      if (waiting_.empty()) return;
      event = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Deliver(event);
  }
}

void LineageSender::Deliver(const std::string& event) {
  if (!target_.file.empty()) {
    if (absl::Status appended = Append(event); !appended.ok()) Drop(appended);
  }
  if (!target_.url.empty()) {
    if (absl::Status posted = Post(event); !posted.ok()) Drop(posted);
  }
}

absl::Status LineageSender::Append(const std::string& event) const {
  const std::string line = event + "\n";
  const int file = open(target_.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  // At once, so that lines of several processes do not mix.
  const bool written =
      file >= 0 && write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = errno;
  if (file >= 0) close(file);
  if (written) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("cannot write to {}: {}", target_.file, std::strerror(error)));
}

absl::Status LineageSender::Post(const std::string& event) {
  HttpRequest request = RequestTo(target_.url);
  if (!target_.api_key_file.empty()) {
    ASSIGN_OR_RETURN(const std::string key, ReadKey(target_.api_key_file));
    request.headers["authorization"] = "Bearer " + key;
  }
  request.body = event;
  HttpClient client({.connect = target_.timeout, .idle = target_.timeout});
  absl::Status why = absl::UnavailableError("there was no time to send them");
  absl::Duration pause = target_.pause;
  for (int i = 0; i < target_.tries; ++i, pause *= 2) {
    if (!Pause(i == 0 ? absl::ZeroDuration() : pause)) return why;
    absl::StatusOr<HttpAnswer> answer = client.Send(request);
    if (answer.ok() && answer->ok()) return absl::OkStatus();
    why = answer.ok()
              ? absl::UnavailableError(fmt::format("{} answered {}: {}", target_.url,
                                                   answer->status, answer->body.substr(0, 200)))
              : answer.status();
    if (answer.ok() && !IsWorthAnotherTry(answer->status)) break;
  }
  return why;
}

bool LineageSender::Pause(absl::Duration pause) {
  const absl::Time over = absl::Now() + pause;
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(&ending_), over);
  // Who ends has set until when.
  bool never = false;
  mutex_.AwaitWithDeadline(absl::Condition(&never), std::min(over, until_));
  return absl::Now() < until_;
}

void LineageSender::Drop(const absl::Status& why) {
  {
    absl::MutexLock lock(&mutex_);
    ++dropped_;
  }
  if (std::exchange(warned_, true)) return;
  warn_(fmt::format("OpenLineage events are dropped, and nothing else is changed by that: {}",
                    std::string(why.message())));
}

}  // namespace forebay
