#include "ledger/roster.h"

#include <utility>

namespace waybill::ledger {

Roster::Roster(std::vector<ProducerName> configured, Options options) : options_(options) {
  const bool discover = std::exchange(options_.discover, true);
  for (ProducerName& producer : configured) {
    const uint32_t number = this->producer(producer.name);
    if (number >= kFull) break;
    producers_[number].desc = std::move(producer.desc);
    for (ConsumerName& consumer : producer.consumers) {
      const uint32_t at = this->consumer(number, consumer.name);
      if (at < kFull) producers_[number].consumers[at].desc = std::move(consumer.desc);
    }
  }
  options_.discover = discover;
}

uint32_t Roster::producer(std::string_view name) {
  if (auto it = by_name_.find(std::string(name)); it != by_name_.end()) return it->second;
  if (!options_.discover) return kUnknown;
  if (names_ >= kNamesMax) return kFull;
  ++names_;
  const auto number = static_cast<uint32_t>(producers_.size());
  producers_.push_back({std::string(name), {}, {}});
  consumers_.emplace_back();
  by_name_.emplace(name, number);
  return number;
}

uint32_t Roster::consumer(uint32_t producer, std::string_view name) {
  auto& known = consumers_[producer];
  if (auto it = known.find(std::string(name)); it != known.end()) return it->second;
  if (!options_.discover) return kUnknown;
  if (names_ >= kNamesMax) return kFull;
  ++names_;
  auto& consumers = producers_[producer].consumers;
  const auto number = static_cast<uint32_t>(consumers.size());
  consumers.push_back({std::string(name), {}});
  known.emplace(name, number);
  return number;
}

}  // namespace waybill::ledger
