// Random UUIDs (version 4) for names of files and tables.
#ifndef FOREBAY_OFFLINE_DELTA_RANDOM_ID_H_
#define FOREBAY_OFFLINE_DELTA_RANDOM_ID_H_

#include <string>

namespace forebay {

// "6f1c2a34-9b1e-4c0d-8a55-0d3b6c7e8f90". Thread-safe.
std::string RandomId();

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_RANDOM_ID_H_
