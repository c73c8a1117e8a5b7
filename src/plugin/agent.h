#pragma once
// The plugin's one object per process: all scopes, and the one thread that reports for them.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "client/recorder.h"
#include "plugin/rdkafka_api.h"
#include "plugin/scope.h"
#include "plugin/settings.h"

namespace waybill::plugin {

/// A client that was made known to the Agent. `tally` may be used as long as the caller reads it non-null
/// from `handle`.
struct Joined {
  client::ClientTally* tally = nullptr;
  Scope* scope = nullptr;
};

/// Thread-safe. Never destroyed: hooks may run until the very end of the process. A fork() makes a new one in
/// the child; the parent's is left as it is, locks and all.
class Agent {
 public:
  /// The Agent of this process, made at first use.
  static Agent& instance();
  /// Grows by one in the child of every fork(). Hooks of clients that were made before it do nothing:
  /// librdkafka's threads do not survive a fork. One relaxed load.
  static uint32_t generation() { return generation_.load(std::memory_order_relaxed); }

  /// Starts auditing a client whose final configuration is `conf`. Null tally when a limit is reached or the
  /// configuration for reports cannot be made; `problem` says why.
  Joined join(const RdkafkaApi& api, rd_kafka_conf_t* conf, const Settings& settings, tally::ClientInfo info,
              std::string& problem);
  /// The client is being destroyed. When it is the last of its scope, waits up to Settings::flush_ms until
  /// all that was recorded is delivered. `handle`: see Recorder::close_client().
  void leave(const Joined& client, std::atomic<client::ClientTally*>* handle);

 private:
  static constexpr size_t kScopesMax = 16;
  static constexpr size_t kUsedKeysMax = 256;

  Agent() = default;
  static void after_fork() noexcept;
  static void at_exit() noexcept;
  void start_thread();
  void run() noexcept;
  int64_t tick_all(std::vector<Scope*>& scopes);
  void close_all();
  template <class Done>
  void wait_for(int64_t limit_ms, Done done);

  static std::atomic<Agent*> instance_;
  static std::atomic<uint32_t> generation_;

  std::mutex mutex_;
  std::condition_variable wake_;     ///< the thread waits here
  std::condition_variable changed_;  ///< whoever waits for the thread
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::set<std::string> used_keys_;  ///< of all scopes there have been, see Scope
  bool running_ = false;
  bool poked_ = false;
  bool exit_hook_ = false;
};

}  // namespace waybill::plugin
