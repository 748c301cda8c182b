#include "connectors/kafka/testing/bell.h"

#include <gtest/gtest.h>

namespace forebay {

std::vector<std::string> FetchWhenWoken(KafkaConsumer& consumer, const TaskId& task, Bell* bell,
                                        size_t count) {
  std::vector<std::string> values;
  while (values.size() < count && bell->Wait()) {
    for (bool more = true; more;) {
      auto fetched = consumer.Fetch(task, 1, absl::ZeroDuration());
      EXPECT_TRUE(fetched.ok()) << fetched.status();
      more = fetched.ok() && !fetched->records.empty();
      if (more) values.emplace_back(*fetched->records[0].value);
    }
  }
  return values;
}

}  // namespace forebay
