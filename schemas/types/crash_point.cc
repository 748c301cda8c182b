#include "schemas/types/crash_point.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

namespace forebay {
namespace {

struct Wanted {
  std::string name;
  std::atomic<int> visits{1};  // up to the fatal one

  Wanted() {
    const char* variable = std::getenv("FOREBAY_CRASH_AT");
    if (variable == nullptr) return;
    name = variable;
    if (size_t colon = name.find(':'); colon != std::string::npos) {
      visits = std::atoi(name.c_str() + colon + 1);
      name.resize(colon);
    }
  }
};

}  // namespace

void CrashPoint(std::string_view name) {
  static auto& wanted = *new Wanted;
  if (wanted.name.empty() || wanted.name != name) return;
  if (wanted.visits.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace forebay
