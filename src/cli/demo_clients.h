#pragma once
// The demo's producers and consumers: ordinary librdkafka clients with the plugin, which plant faults and
// remember exactly what they did, without asking the plugin.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace waybill::cli {

/// What one client saw with its own eyes.
struct DemoWitness {
  using Place = std::pair<std::string, int32_t>;  ///< topic, partition
  std::map<Place, std::vector<uint32_t>> times;   ///< by offset: acknowledged, or handed out, how often
  std::map<std::string, int64_t> failed;          ///< sends, by topic
  int64_t skips = 0;                              ///< seeks forward
  int64_t repeats = 0;                            ///< seeks back
};

struct DemoClientOptions {
  std::string bootstrap_servers;
  std::string plugin;     ///< path of the shared object
  std::string client_id;  ///< also names the thread's random numbers
};

struct DemoProducerOptions {
  DemoClientOptions client;
  std::string topic;
  int per_second = 100;
};

struct DemoConsumerOptions {
  DemoClientOptions client;
  std::string group;
  std::vector<std::string> topics;
  bool plants_faults = false;  ///< seeks forward and back every few seconds
  int per_second_max = 0;      ///< 0 = as fast as it comes; a slow one catches up once in a while
};

/// A thread with a client. Made running; stop() flushes or leaves the group and destroys the client.
class DemoClient {
 public:
  static Result<std::unique_ptr<DemoClient>> produce(const DemoProducerOptions& options);
  static Result<std::unique_ptr<DemoClient>> consume(const DemoConsumerOptions& options);
  virtual ~DemoClient() = default;
  virtual void stop() = 0;
  /// A copy; any thread.
  virtual DemoWitness witness() const = 0;
};

}  // namespace waybill::cli
