// A small project for tests of the Kafka connector, and what its tasks yield.
#ifndef FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_PROJECT_H_
#define FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_PROJECT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/batch/sink.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// Project "shop": topic "transactions" keyed by user_id; view user_spend v1 for entity user, with
// one feature, "count" (int64). Each of its changes is an update, with headers.
v1::Project TestProject();

struct TestRow {
  int64_t offset;
  std::string user;
  int64_t count;
  std::string op = "event";
};

// Gives these steps of a view to `part`; their ordinals count up per offset.
void TakeSteps(const std::vector<TestRow>& rows, int view, SinkPart* part);

// What `task` has made for `sink` when it has applied all up to `position`: these steps of a view.
TaskOutput TestOutput(Sink& sink, const TaskId& task, int64_t position,
                      const std::vector<TestRow>& rows, int view = 0);

// The same once more, of another view.
void AddSteps(Sink& sink, const std::vector<TestRow>& rows, int view, TaskOutput* output);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TESTING_TEST_PROJECT_H_
