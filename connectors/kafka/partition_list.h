// librdkafka's lists of partitions, to and from tasks. For .cc files: brings in rdkafka.h.
#ifndef FOREBAY_CONNECTORS_KAFKA_PARTITION_LIST_H_
#define FOREBAY_CONNECTORS_KAFKA_PARTITION_LIST_H_

#include <librdkafka/rdkafka.h>

#include <memory>
#include <vector>

#include "engine/batch/event_batch.h"

namespace forebay {

struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDeleter>;

inline PartitionList NewPartitionList() {
  return PartitionList(rd_kafka_topic_partition_list_new(8));
}

inline rd_kafka_topic_partition_t& Add(rd_kafka_topic_partition_list_t* list, const TaskId& task) {
  return *rd_kafka_topic_partition_list_add(list, task.topic.c_str(), task.partition.value());
}

inline std::vector<TaskId> TasksOf(const rd_kafka_topic_partition_list_t& list) {
  std::vector<TaskId> tasks;
  tasks.reserve(list.cnt);
  for (int i = 0; i < list.cnt; ++i) {
    tasks.push_back({list.elems[i].topic, PartitionId(list.elems[i].partition)});
  }
  return tasks;
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_PARTITION_LIST_H_
