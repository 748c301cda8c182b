// Tells ThreadSanitizer about absl::Mutex, for test binaries built with it.
//
// Debian's abseil is built without TSan, which therefore sees neither its atomics nor its futexes
// and would report every access that a Mutex guards. The functions here stand in for those of the
// shared library (the program's own symbols win), call them, and say what they order.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdio>
#include <cstdlib>

#include "absl/synchronization/mutex.h"

#define FOREBAY_TEXT_INNER(x) #x
#define FOREBAY_TEXT(x) FOREBAY_TEXT_INNER(x)
// The inline namespace of this abseil, as mangled names have it: "7debian3".
#define FOREBAY_ABSL_NAMESPACE FOREBAY_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME)

namespace {

// The library's function: `scope` and `rest` are what stands around the inline namespace.
template <typename Function>
Function* Library(const char* scope, const char* rest) {
  char name[200];
  snprintf(name, sizeof name, "%s%zu%s%s", scope, sizeof(FOREBAY_ABSL_NAMESPACE) - 1,
           FOREBAY_ABSL_NAMESPACE, rest);
  // A member function is called as a function whose first parameter is `this`.
  auto* found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  if (found == nullptr) {
    fprintf(stderr, "abseil has no %s: adapt %s\n", name, __FILE__);
    abort();
  }
  return found;
}

// The mutex that this thread is inside a call of: the one that guards a condition evaluated now.
thread_local void* mutex_of_call = nullptr;

class InCall {
 public:
  explicit InCall(void* mutex) : outer_(mutex_of_call) { mutex_of_call = mutex; }
  ~InCall() { mutex_of_call = outer_; }

 private:
  void* const outer_;
};

template <typename Call>
auto Acquiring(void* mutex, Call call) {
  struct Acquire {
    void* mutex;
    ~Acquire() { __tsan_acquire(mutex); }
  } acquire{mutex};
  InCall in_call(mutex);
  return call();
}

template <typename Call>
auto Releasing(void* mutex, Call call) {
  __tsan_release(mutex);
  InCall in_call(mutex);
  return call();
}

template <typename Call>
auto Waiting(void* mutex, Call call) {
  __tsan_release(mutex);
  return Acquiring(mutex, call);
}

}  // namespace

#define FOREBAY_LIBRARY(type, rest) static auto* const library = Library<type>("_ZN4absl", rest)

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  FOREBAY_LIBRARY(void(Mutex*), "5MutexD1Ev");
  library(this);
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
}

void Mutex::Lock() {
  FOREBAY_LIBRARY(void(Mutex*), "5Mutex4LockEv");
  Acquiring(this, [&] { library(this); });
}

bool Mutex::TryLock() {
  FOREBAY_LIBRARY(bool(Mutex*), "5Mutex7TryLockEv");
  return Acquiring(this, [&] { return library(this); });
}

void Mutex::Unlock() {
  FOREBAY_LIBRARY(void(Mutex*), "5Mutex6UnlockEv");
  Releasing(this, [&] { library(this); });
}

void Mutex::ReaderLock() {
  FOREBAY_LIBRARY(void(Mutex*), "5Mutex10ReaderLockEv");
  Acquiring(this, [&] { library(this); });
}

bool Mutex::ReaderTryLock() {
  FOREBAY_LIBRARY(bool(Mutex*), "5Mutex13ReaderTryLockEv");
  return Acquiring(this, [&] { return library(this); });
}

void Mutex::ReaderUnlock() {
  FOREBAY_LIBRARY(void(Mutex*), "5Mutex12ReaderUnlockEv");
  Releasing(this, [&] { library(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  FOREBAY_LIBRARY(void(Mutex*, const Condition&), "5Mutex8LockWhenERKNS0_9ConditionE");
  Acquiring(this, [&] { library(this, condition); });
}

void Mutex::ReaderLockWhen(const Condition& condition) {
  FOREBAY_LIBRARY(void(Mutex*, const Condition&), "5Mutex14ReaderLockWhenERKNS0_9ConditionE");
  Acquiring(this, [&] { library(this, condition); });
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  FOREBAY_LIBRARY(bool(Mutex*, const Condition&, Duration),
                  "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return Acquiring(this, [&] { return library(this, condition, timeout); });
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  FOREBAY_LIBRARY(bool(Mutex*, const Condition&, Time),
                  "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Acquiring(this, [&] { return library(this, condition, deadline); });
}

void Mutex::Await(const Condition& condition) {
  FOREBAY_LIBRARY(void(Mutex*, const Condition&), "5Mutex5AwaitERKNS0_9ConditionE");
  Waiting(this, [&] { library(this, condition); });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  FOREBAY_LIBRARY(bool(Mutex*, const Condition&, Duration),
                  "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return Waiting(this, [&] { return library(this, condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  FOREBAY_LIBRARY(bool(Mutex*, const Condition&, Time),
                  "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Waiting(this, [&] { return library(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  FOREBAY_LIBRARY(void(CondVar*, Mutex*), "7CondVar4WaitEPNS0_5MutexE");
  Waiting(mutex, [&] { library(this, mutex); });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  FOREBAY_LIBRARY(bool(CondVar*, Mutex*, Duration),
                  "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  return Waiting(mutex, [&] { return library(this, mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  FOREBAY_LIBRARY(bool(CondVar*, Mutex*, Time),
                  "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Waiting(mutex, [&] { return library(this, mutex, deadline); });
}

// Another thread's condition too: who unlocks a mutex looks who may have it next.
bool Condition::Eval() const {
  static auto* const library = Library<bool(const Condition*)>("_ZNK4absl", "9Condition4EvalEv");
  if (mutex_of_call == nullptr) return library(this);
  __tsan_acquire(mutex_of_call);
  bool result = library(this);
  __tsan_release(mutex_of_call);
  return result;
}

ABSL_NAMESPACE_END
}  // namespace absl
