#include "cli/stop_signal.h"

#include <unistd.h>

#include <csignal>

namespace forebay {
namespace {

std::atomic<bool> stop_requested{false};

void OnSignal(int) {
  if (stop_requested.exchange(true)) _exit(128 + SIGTERM);
}

}  // namespace

const std::atomic<bool>& StopOnSignals() {
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGINT, OnSignal);
  return stop_requested;
}

}  // namespace forebay
