#include "plugin/scope.h"

#include "plugin/host.h"

namespace waybill::plugin {
namespace {

/// How often a scope without clients looks whether the last acknowledgements are in, ms.
constexpr int64_t kAlonePollMs = 50;

}  // namespace

Scope::Scope(const RdkafkaApi& api, const Settings& settings, std::string key, rd_kafka_conf_t* conf,
             bool replaces, LogFn warn)
    : key_(std::move(key)),
      replaces_(replaces),
      settings_(settings),
      recorder_(settings.bucket_ms),
      transport_(std::make_unique<KafkaTransport>(api, conf, settings.report_topic, std::move(warn))) {
  client::Schedule schedule;
  schedule.report_ms = settings.report_ms;
  reporter_ = std::make_unique<client::Reporter>(recorder_, *transport_, make_identity(settings), schedule,
                                                 system_clock().now());
  alone_since_ = system_clock().now().steady_ms;
}

void Scope::handle_flush(Now now) {
  uint64_t wanted = flush_wanted_.load(std::memory_order_acquire);
  if (wanted != flush_seen_) {
    reporter_->flush(now);
    flush_seen_ = wanted;
  }
  // While the audit topic is known to be missing or closed to us, waiting would only hold the application up.
  if (reporter_->flushed() || transport_->in_vain()) {
    flush_done_.store(flush_seen_, std::memory_order_release);
  }
}

void Scope::close_when_alone(Now now) {
  int64_t alone = now.steady_ms - alone_since_;
  if (replaces_) {
    if (alone > kLingerMs) request_close();
    return;
  }
  if (!recorder_.all_settled() && alone <= kSettleMs) {
    reporter_->flush(now);
  } else if (flushed() || alone > kSettleMs) {
    request_close();
  }
}

int64_t Scope::tick(Now now) {
  if (ended()) return now.steady_ms + 1000;
  int64_t next = reporter_->tick(now);
  if (transport_->started()) started_.store(true, std::memory_order_release);
  handle_flush(now);
  if (!flushed()) next = std::min(reporter_->tick(now), now.steady_ms + 5);
  if (recorder_.open_client_count() > 0) {
    alone_since_ = now.steady_ms;
  } else if (open()) {
    close_when_alone(now);
    next = std::min(next, now.steady_ms + kAlonePollMs);
  }
  if (!open()) {
    if (!reporter_->closed()) {
      reporter_->close(now);
      close_started_ = now.steady_ms;
      next = reporter_->tick(now);
    }
    int64_t limit = transport_->reached() ? kCloseLimitMs : kUnreachedLimitMs;
    bool gave_up = transport_->in_vain() || now.steady_ms - close_started_ > limit;
    if (reporter_->done() || gave_up) end(now);
  }
  return next;
}

void Scope::end(Now now) {
  transport_.reset();  // the Reporter is not ticked any more
  flush_done_.store(UINT64_MAX, std::memory_order_release);
  ended_at_ = now.steady_ms;
  ended_.store(true, std::memory_order_release);
}

}  // namespace waybill::plugin
