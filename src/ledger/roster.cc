#include "ledger/roster.h"

#include <algorithm>
#include <utility>

namespace waybill::ledger {

Roster::Roster(std::vector<ProducerName> configured, Options options)
    : Roster({}, std::move(configured), options) {}

Roster::Roster(std::vector<ProducerName> earlier, std::vector<ProducerName> configured, Options options)
    : options_(options) {
  add(std::move(earlier));
  for (Followed& followed : followed_) {
    followed.producer = options_.discover;
    std::fill(followed.consumers.begin(), followed.consumers.end(), options_.discover);
  }
  add(std::move(configured));
}

void Roster::add(std::vector<ProducerName> names) {
  for (ProducerName& name : names) {
    const uint32_t producer = add_producer(name.name);
    if (producer == kFull) return;
    producers_[producer].desc = std::move(name.desc);
    followed_[producer].producer = true;
    for (ConsumerName& wanted : name.consumers) {
      const uint32_t consumer = add_consumer(producer, wanted.name);
      if (consumer == kFull) return;
      producers_[producer].consumers[consumer].desc = std::move(wanted.desc);
      followed_[producer].consumers[consumer] = true;
    }
  }
}

uint32_t Roster::add_producer(std::string_view name) {
  if (auto it = by_name_.find(std::string(name)); it != by_name_.end()) return it->second;
  if (names_ >= kNamesMax) return kFull;
  ++names_;
  const auto number = static_cast<uint32_t>(producers_.size());
  producers_.push_back({std::string(name), {}, {}});
  followed_.emplace_back();
  consumers_.emplace_back();
  by_name_.emplace(name, number);
  return number;
}

uint32_t Roster::add_consumer(uint32_t producer, std::string_view name) {
  auto& known = consumers_[producer];
  if (auto it = known.find(std::string(name)); it != known.end()) return it->second;
  if (names_ >= kNamesMax) return kFull;
  ++names_;
  auto& consumers = producers_[producer].consumers;
  const auto number = static_cast<uint32_t>(consumers.size());
  consumers.push_back({std::string(name), {}});
  followed_[producer].consumers.push_back(true);
  known.emplace(name, number);
  return number;
}

uint32_t Roster::producer(std::string_view name) {
  auto it = by_name_.find(std::string(name));
  if (it != by_name_.end()) return followed_[it->second].producer ? it->second : kUnknown;
  return options_.discover ? add_producer(name) : kUnknown;
}

uint32_t Roster::consumer(uint32_t producer, std::string_view name) {
  auto it = consumers_[producer].find(std::string(name));
  if (it != consumers_[producer].end())
    return followed_[producer].consumers[it->second] ? it->second : kUnknown;
  return options_.discover ? add_consumer(producer, name) : kUnknown;
}

}  // namespace waybill::ledger
