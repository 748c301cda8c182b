// A small project for tests of the Kafka connector, and what its tasks yield.
#ifndef FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_PROJECT_H_
#define FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_PROJECT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/batch/change_batch.h"
#include "engine/batch/sink.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// Project "shop": topic "transactions" keyed by user_id; view user_spend v1 for entity user, with
// one feature, "count" (int64).
v1::Project TestProject();

struct TestRow {
  int64_t offset;
  std::string user;
  int64_t count;
  std::string op = "event";
};

// Change rows of user_spend; the ordinals count up per offset.
ChangeBatch TestChanges(const TaskId& task, const std::vector<TestRow>& rows);

// What `task` yields when it has applied all up to `position`.
TaskOutput TestOutput(const TaskId& task, int64_t position, const std::vector<TestRow>& rows);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_PROJECT_H_
