#include "plugin/agent.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "plugin/host.h"

namespace waybill::plugin {

std::atomic<Agent*> Agent::instance_{nullptr};
std::atomic<uint32_t> Agent::generation_{0};

namespace {

/// The most that a thread may sleep: new scopes wake it, this only bounds a missed wake-up.
constexpr int64_t kSleepMaxMs = 1000;

}  // namespace

Agent& Agent::instance() {
  Agent* known = instance_.load(std::memory_order_acquire);
  if (known) return *known;
  static std::atomic<bool> fork_hook{false};
  if (!fork_hook.exchange(true)) pthread_atfork(nullptr, nullptr, &after_fork);
  auto* fresh = new Agent();
  if (instance_.compare_exchange_strong(known, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *known;
}

void Agent::after_fork() noexcept {
  // Only stores: the parent's locks may be held by threads that do not exist here, so its Agent is left
  // alone.
  generation_.fetch_add(1, std::memory_order_relaxed);
  instance_.store(nullptr, std::memory_order_release);
}

Joined Agent::join(const RdkafkaApi& api, rd_kafka_conf_t* conf, const Settings& settings,
                   tally::ClientInfo info, std::string& problem) {
  std::string fingerprint;
  rd_kafka_conf_t* own = audit_conf(api, conf, fingerprint);
  if (!own) {
    problem = "no configuration for reports can be made from the client's";
    return {};
  }
  std::string key = fingerprint + "/" + std::to_string(reinterpret_cast<uintptr_t>(&api)) + "/" +
                    std::to_string(settings.bucket_ms) + "/" + std::to_string(settings.report_ms) + "/" +
                    settings.report_topic + "/" + settings.service + "/" + settings.data_center;
  std::lock_guard guard(mutex_);
  auto found = std::find_if(scopes_.begin(), scopes_.end(),
                            [&](const auto& scope) { return scope->key() == key && scope->open(); });
  Scope* scope = found == scopes_.end() ? nullptr : found->get();
  if (scope || scopes_.size() >= kScopesMax) {
    api.rd_kafka_conf_destroy(own);
  } else {
    bool replaces = !used_keys_.insert(key).second;
    if (used_keys_.size() > kUsedKeysMax) used_keys_.clear();
    scopes_.push_back(std::make_unique<Scope>(api, settings, std::move(key), own, replaces, &say));
    scope = scopes_.back().get();
  }
  client::ClientTally* tally = scope ? scope->recorder().add_client(std::move(info)) : nullptr;
  if (!tally) {
    problem = "too many clients in one process; this one is not audited";
    return {};
  }
  start_thread();
  return {tally, scope};
}

void Agent::leave(const Joined& client, std::atomic<client::ClientTally*>* handle) {
  Scope& scope = *client.scope;
  {
    std::lock_guard guard(mutex_);
    scope.recorder().close_client(client.tally, handle);
  }
  if (scope.recorder().open_client_count() > 0) return;
  scope.request_flush();
  wait_for(scope.settings().flush_ms, [&scope] { return scope.flushed(); });
}

template <class Done>
void Agent::wait_for(int64_t limit_ms, Done done) {
  std::unique_lock lock(mutex_);
  poked_ = true;
  wake_.notify_one();
  changed_.wait_for(lock, std::chrono::milliseconds(limit_ms), done);
}

void Agent::start_thread() {
  poked_ = true;
  wake_.notify_one();
  if (running_) return;
  // The thread must not take signals that are meant for the host.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([this] { run(); }).detach();
    running_ = true;
  } catch (...) {
    say(LogLevel::kWarn, "no thread for reports; nothing is reported");
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

int64_t Agent::tick_all(std::vector<Scope*>& scopes) {
  int64_t next = system_clock().now().steady_ms + kSleepMaxMs;
  for (Scope* scope : scopes) next = std::min(next, scope->tick(system_clock().now()));
  return next;
}

void Agent::run() noexcept try {
  pthread_setname_np(pthread_self(), "waybill");
  std::unique_lock lock(mutex_);
  for (;;) {
    std::vector<Scope*> scopes;
    for (const auto& scope : scopes_) scopes.push_back(scope.get());
    poked_ = false;
    lock.unlock();
    int64_t next = tick_all(scopes);
    Now now = system_clock().now();
    lock.lock();
    changed_.notify_all();
    std::erase_if(scopes_, [now](const auto& scope) { return scope->removable(now); });
    bool started =
        std::any_of(scopes_.begin(), scopes_.end(), [](const auto& scope) { return scope->started(); });
    if (started && !exit_hook_) exit_hook_ = std::atexit(&at_exit) == 0;
    if (next > now.steady_ms) {
      wake_.wait_for(lock, std::chrono::milliseconds(next - now.steady_ms), [this] { return poked_; });
    }
  }
} catch (...) {
  say(LogLevel::kError, "the reporting thread ended; nothing more is reported");
}

void Agent::close_all() {
  int64_t limit = 0;
  std::vector<Scope*> closing;
  {
    std::lock_guard guard(mutex_);
    for (const auto& scope : scopes_) {
      if (scope->ended()) continue;
      // An application that has waited for this scope in vain is not made to wait again.
      if (scope->flushed()) limit = std::max(limit, scope->settings().flush_ms);
      scope->request_close();
      closing.push_back(scope.get());
    }
  }
  wait_for(limit, [&closing] {
    return std::all_of(closing.begin(), closing.end(), [](const Scope* scope) { return scope->ended(); });
  });
}

// Registered only after the first audit producer was made: exit handlers run in reverse order, so OpenSSL,
// which librdkafka initialises by then, is still usable here.
void Agent::at_exit() noexcept try {
  Agent* agent = instance_.load(std::memory_order_acquire);
  if (agent) agent->close_all();
} catch (...) {
}

}  // namespace waybill::plugin
