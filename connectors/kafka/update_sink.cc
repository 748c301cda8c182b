#include "connectors/kafka/update_sink.h"

#include <utility>

#include "connectors/kafka/at_least_once_sink.h"
#include "connectors/kafka/exactly_once_sink.h"

namespace forebay {

std::unique_ptr<Sink> MakeUpdateSink(const v1::Project& project, KafkaConsumer* consumer,
                                     UpdateSinkOptions options) {
  if (options.delivery == Delivery::kExactlyOnce)
    return std::make_unique<ExactlyOnceSink>(project, consumer, std::move(options));
  return std::make_unique<AtLeastOnceSink>(project, consumer, std::move(options));
}

}  // namespace forebay
