// Makes Arrow's CPU device before any thread begins. libarrow makes it on first use, under a lock
// that ThreadSanitizer does not see, and code inlined from Arrow's headers reads it: a race by its
// books, which the suppression of libarrow.so hides only while the stack of the write is known.
#include <arrow/device.h>

namespace {

const std::shared_ptr<arrow::MemoryManager> kMadeEarly = arrow::default_cpu_memory_manager();

}  // namespace
