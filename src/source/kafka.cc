#include "source/kafka.h"

#include "source/group_source.h"

namespace waybill::source {

Result<std::unique_ptr<flow::Source>> make_kafka_source(KafkaSourceOptions options,
                                                        flow::Assignments& assignments, const Clock& clock,
                                                        LogFn log) {
  auto source = std::make_unique<GroupSource>(std::move(options), assignments, clock, std::move(log));
  if (auto opened = source->open(); !opened) return tl::make_unexpected(opened.error());
  return source;
}

}  // namespace waybill::source
