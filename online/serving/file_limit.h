// How many files this process may have open, and which part of them connections may take: sockets
// are files, and without one RocksDB, the change log and Kafka's client cannot work.
//
//   ConnectionLimits limits = ConnectionLimitsFor(RaiseFileLimit());
#ifndef FOREBAY_ONLINE_SERVING_FILE_LIMIT_H_
#define FOREBAY_ONLINE_SERVING_FILE_LIMIT_H_

#include <cstddef>
#include <cstdint>

namespace forebay {

// Lets the process open as many files as its hard limit allows. Returns how many it may open now.
uint64_t RaiseFileLimit();

struct ConnectionLimits {
  size_t connections;  // of each door
  // A socket whose descriptor has this number or a greater one is closed at once. The system gives
  // the smallest number that is free, so that as many files are open then, whosever they are.
  int files;
};

// Of each door a quarter of `files`, at most 4,096; an eighth of `files` is no connection's ever.
ConnectionLimits ConnectionLimitsFor(uint64_t files);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_FILE_LIMIT_H_
