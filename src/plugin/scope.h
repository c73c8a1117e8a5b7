#pragma once
// All clients of the process that reach the same cluster in the same way with the same settings: one
// reporter.

#include <atomic>
#include <memory>
#include <string>

#include "base/time.h"
#include "client/recorder.h"
#include "client/reporter.h"
#include "plugin/kafka_transport.h"
#include "plugin/settings.h"

namespace waybill::plugin {

/// Made on an application's thread, then ticked by the Agent's thread alone; the other calls may come from
/// any thread. Without clients for kLingerMs it closes and ends; a client that comes later gets a new scope,
/// hence a new reporter id.
class Scope {
 public:
  static constexpr int64_t kSettleMs = 1'000;
  static constexpr int64_t kLingerMs = 3'000;
  static constexpr int64_t kCloseLimitMs = 5'000;      ///< then a closing scope gives up
  static constexpr int64_t kUnreachedLimitMs = 1'000;  ///< the same when its cluster was never reached
  static constexpr int64_t kGraveMs =
      15'000;  ///< between its end and its deletion: hooks may still be inside

  /// Takes over `conf`, made by audit_conf(). `key` names what clients must share to join.
  Scope(const RdkafkaApi& api, const Settings& settings, std::string key, rd_kafka_conf_t* conf,
        bool replaces, LogFn warn);

  const std::string& key() const { return key_; }
  const Settings& settings() const { return settings_; }
  client::Recorder& recorder() { return recorder_; }
  /// A client may join: not closing.
  bool open() const { return !closing_.load(std::memory_order_acquire); }

  /// Asks the ticking thread to send what there is; flushed() is true once that is delivered or cannot be.
  void request_flush() { flush_wanted_.fetch_add(1, std::memory_order_acq_rel); }
  void request_close() { closing_.store(true, std::memory_order_release); }
  /// All that was asked for is delivered, or waiting is pointless.
  bool flushed() const {
    return flush_done_.load(std::memory_order_acquire) >= flush_wanted_.load(std::memory_order_acquire);
  }
  /// Closed, everything delivered or given up, and the producer destroyed.
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  /// Ended long enough ago to be deleted.
  bool removable(Now now) const { return ended() && now.steady_ms - ended_at_ > kGraveMs; }
  /// The producer for reports exists, so OpenSSL and the like are initialised.
  bool started() const { return started_.load(std::memory_order_acquire); }

  /// Does what is due and returns the steady time of the next wanted call. On the Agent's thread only.
  int64_t tick(Now now);

 private:
  void end(Now now);
  void handle_flush(Now now);
  void close_when_alone(Now now);

  const std::string key_;
  const bool replaces_;
  const Settings settings_;
  client::Recorder recorder_;
  std::unique_ptr<KafkaTransport> transport_;
  std::unique_ptr<client::Reporter> reporter_;
  std::atomic<bool> closing_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> started_{false};
  std::atomic<uint64_t> flush_wanted_{0};
  std::atomic<uint64_t> flush_done_{0};
  uint64_t flush_seen_ = 0;
  int64_t alone_since_ = 0;
  int64_t close_started_ = 0;
  int64_t ended_at_ = 0;
};

}  // namespace waybill::plugin
