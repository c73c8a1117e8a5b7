#pragma once
// Who produces and who consumes: names to small numbers, configured or discovered.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::ledger {

struct ConsumerName {
  std::string name;
  std::string desc;
};

struct ProducerName {
  std::string name;
  std::string desc;
  std::vector<ConsumerName> consumers{};
};

/// Configured producers with their consumers, and those discovered since. Numbers are given in the order of
/// appearance and never change: producers from 0, the consumers of each producer from 0. Not thread-safe.
class Roster {
 public:
  /// Producers and pairs of producer and consumer together; names above it are not followed.
  static constexpr size_t kNamesMax = 100'000;
  static constexpr uint32_t kUnknown = UINT32_MAX;  ///< not configured, and discovery is off
  static constexpr uint32_t kFull = UINT32_MAX - 1;

  /// `discover`: names that are not configured are added when they appear.
  struct Options {
    bool discover = true;
  };
  Roster(std::vector<ProducerName> configured, Options options);
  /// Names of an earlier life keep their numbers; those that are neither configured nor discovered are not
  /// followed.
  Roster(std::vector<ProducerName> earlier, std::vector<ProducerName> configured, Options options);

  /// Its number, kUnknown or kFull.
  uint32_t producer(std::string_view name);
  /// The same of a consumer of that producer.
  uint32_t consumer(uint32_t producer, std::string_view name);
  const std::vector<ProducerName>& producers() const { return producers_; }
  /// Whether lines of this consumer are taken.
  bool follows(uint32_t producer, uint32_t consumer) const { return followed_[producer].consumers[consumer]; }
  bool discovers() const { return options_.discover; }

 private:
  struct Followed {
    bool producer = true;
    std::vector<bool> consumers{};
  };
  void add(std::vector<ProducerName> names);
  uint32_t add_producer(std::string_view name);
  uint32_t add_consumer(uint32_t producer, std::string_view name);

  Options options_;
  std::vector<Followed> followed_;  ///< by producer
  std::vector<ProducerName> producers_;
  absl::flat_hash_map<std::string, uint32_t> by_name_;
  std::vector<absl::flat_hash_map<std::string, uint32_t>> consumers_;  ///< by producer
  size_t names_ = 0;
};

}  // namespace waybill::ledger
