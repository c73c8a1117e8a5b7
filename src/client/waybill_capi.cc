// waybill.h over Recorder and Reporter. No exception leaves a function.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/time.h"
#include "client/recorder.h"
#include "client/reporter.h"
#include "client/waybill.h"

using waybill::Now;
using waybill::Offset;
using waybill::PartitionId;
using waybill::client::ClientTally;
using waybill::client::Message;
using waybill::client::Recorder;
using waybill::client::Reporter;
using waybill::client::TopicTally;

namespace {

/// Hands reports to waybill_poll_report(). Guarded by the owner's mutex.
class PolledTransport : public waybill::client::Transport {
 public:
  explicit PolledTransport(waybill::client::Destination destination) : destination_(std::move(destination)) {}

  std::optional<waybill::client::Destination> destination() override { return destination_; }
  bool send(PartitionId partition, std::string_view bytes) override {
    under_way_[partition] = std::string(bytes);
    offered_.push_back(partition);
    return true;
  }
  void outcomes(std::vector<waybill::client::Sent>& out) override {
    out.insert(out.end(), outcomes_.begin(), outcomes_.end());
    outcomes_.clear();
  }

  bool next(waybill_report_t& report) {
    if (offered_.empty()) return false;
    const std::string& bytes = under_way_[offered_.front()];
    report = {offered_.front().value, bytes.data(), bytes.size()};
    offered_.pop_front();
    return true;
  }
  void finished(PartitionId partition, bool delivered) {
    if (under_way_.erase(partition) > 0) outcomes_.push_back({partition, delivered});
  }

 private:
  const waybill::client::Destination destination_;
  std::map<PartitionId, std::string> under_way_;
  std::deque<PartitionId> offered_;
  std::vector<waybill::client::Sent> outcomes_;
};

Now now() { return waybill::system_clock().now(); }

std::string text(const char* value) { return value ? value : ""; }

waybill::client::Identity make_identity(const waybill_config_t& config) {
  waybill::client::Identity identity;
  identity.reporter = waybill::Id128::random();
  identity.service = text(config.service);
  identity.data_center = text(config.data_center);
  identity.host = text(config.host);
  identity.ip = text(config.ip);
  identity.pid = static_cast<uint64_t>(getpid());
  if (identity.host.empty()) {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) identity.host = name.data();
  }
  return identity;
}

waybill::client::Schedule make_schedule(const waybill_config_t& config) {
  waybill::client::Schedule schedule;
  if (config.report_interval_ms > 0) schedule.report_ms = config.report_interval_ms;
  schedule.retry_ms = std::min(schedule.retry_ms, schedule.report_ms);
  return schedule;
}

/// Empty when the configuration can be used.
const char* fault_of(const waybill_config_t* config) {
  if (!config || config->size != sizeof(waybill_config_t))
    return "config.size is not sizeof(waybill_config_t)";
  if (!config->cluster_id || !*config->cluster_id) return "config.cluster_id is required";
  if (config->audit_partitions <= 0) return "config.audit_partitions is required and positive";
  if (config->bucket_ms < 0) return "config.bucket_ms is negative";
  if (config->report_interval_ms < 0 || config->report_interval_ms > 2000) {
    return "config.report_interval_ms is not 0 to 2000";  // a reporter that is silent for longer looks dead
  }
  return "";
}

}  // namespace

struct waybill_topic_s {
  TopicTally* tally;
};

struct waybill_client_s {
  waybill_t* owner;
  ClientTally* tally;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<waybill_topic_t>> topics;
};

struct waybill_s {
  explicit waybill_s(const waybill_config_t& config)
      : recorder(config.bucket_ms > 0 ? config.bucket_ms : 60'000),
        transport({config.cluster_id, config.audit_partitions}),
        reporter(recorder, transport, make_identity(config), make_schedule(config), now()) {}

  Recorder recorder;
  std::mutex clients_mutex;
  std::map<waybill_client_t*, std::unique_ptr<waybill_client_t>> clients;
  mutable std::mutex report_mutex;  ///< guards transport and reporter
  PolledTransport transport;
  Reporter reporter;
};

namespace {

/// Runs `call`; an exception (no memory) becomes `otherwise`.
template <class Value, class Call>
Value guarded(Value otherwise, Call call) noexcept {
  try {
    return call();
  } catch (...) {
    return otherwise;
  }
}

Message message(int64_t offset, int64_t time_ms, uint64_t bytes) {
  return {Offset(offset), time_ms, waybill::tally::kCreateTime, bytes};
}

}  // namespace

extern "C" {

waybill_t* waybill_new(const waybill_config_t* config, char* errstr, size_t errstr_size) {
  return guarded<waybill_t*>(nullptr, [&]() -> waybill_t* {
    const char* fault = fault_of(config);
    if (errstr && errstr_size > 0) {
      std::strncpy(errstr, fault, errstr_size);
      errstr[errstr_size - 1] = '\0';
    }
    return *fault ? nullptr : new waybill_t(*config);
  });
}

void waybill_free(waybill_t* w) { delete w; }

waybill_client_t* waybill_client_new(waybill_t* w, int kind, const char* client_id, const char* name) {
  return guarded<waybill_client_t*>(nullptr, [&]() -> waybill_client_t* {
    bool known = kind == WAYBILL_PRODUCED || kind == WAYBILL_CONSUMED || kind == WAYBILL_CUSTOM;
    if (!w || !known || (kind == WAYBILL_CUSTOM && text(name).empty())) return nullptr;
    waybill::tally::ClientInfo info;
    info.kind = static_cast<waybill::tally::TierKind>(kind);
    info.client_id = text(client_id);
    info.library = "waybill";
    if (kind != WAYBILL_PRODUCED) info.group = text(name);
    auto client = std::make_unique<waybill_client_t>();
    client->owner = w;
    client->tally = w->recorder.add_client(std::move(info));
    if (!client->tally) return nullptr;
    std::lock_guard guard(w->clients_mutex);
    waybill_client_t* handle = client.get();
    w->clients.emplace(handle, std::move(client));
    return handle;
  });
}

void waybill_client_close(waybill_client_t* client) {
  if (!client) return;
  waybill_t* w = client->owner;
  w->recorder.close_client(client->tally);
  std::lock_guard guard(w->clients_mutex);
  w->clients.erase(client);
}

void waybill_rebalanced(waybill_client_t* client) {
  if (client) client->tally->rebalanced();
}

waybill_topic_t* waybill_topic(waybill_client_t* client, const char* topic) {
  return guarded<waybill_topic_t*>(nullptr, [&]() -> waybill_topic_t* {
    if (!client || !topic || !*topic) return nullptr;
    std::lock_guard guard(client->mutex);
    auto& handle = client->topics[topic];
    if (!handle) {
      TopicTally* tally = client->tally->topic(topic, topic);
      if (tally) handle = std::make_unique<waybill_topic_t>(waybill_topic_t{tally});
    }
    return handle.get();
  });
}

int waybill_sent(waybill_topic_t* topic, int64_t time_ms, uint64_t bytes) {
  if (!topic) return 0;
  return guarded(0, [&] {
    topic->tally->sent(time_ms, bytes, now().wall_ms);
    return 1;
  });
}

int waybill_produced(waybill_topic_t* topic, int32_t partition, int64_t offset, int64_t time_ms,
                     uint64_t bytes, int64_t latency_ms) {
  if (!topic || partition < 0) return 0;
  return guarded(0, [&] {
    Message seen = message(offset, time_ms, bytes);
    return topic->tally->acked(PartitionId(partition), seen, latency_ms, now().wall_ms) ? 1 : 0;
  });
}

int waybill_failed(waybill_topic_t* topic, int32_t code, int64_t time_ms) {
  if (!topic) return 0;
  return guarded(0, [&] {
    topic->tally->failed(code, time_ms, waybill::tally::kCreateTime, now().wall_ms);
    return 1;
  });
}

int waybill_unknown(waybill_topic_t* topic, int64_t time_ms) {
  if (!topic) return 0;
  return guarded(0, [&] {
    topic->tally->unknown(time_ms, waybill::tally::kCreateTime, now().wall_ms);
    return 1;
  });
}

int waybill_consumed(waybill_topic_t* topic, int32_t partition, int64_t offset, int64_t time_ms,
                     uint64_t bytes) {
  if (!topic || partition < 0 || offset < 0) return 0;
  return guarded(0, [&] {
    Message seen = message(offset, time_ms, bytes);
    return topic->tally->consumed(PartitionId(partition), seen, now().wall_ms) ? 1 : 0;
  });
}

int waybill_committed(waybill_topic_t* topic, int32_t partition, int64_t next) {
  if (!topic || partition < 0 || next < 0) return 0;
  return guarded(0, [&] { return topic->tally->committed(PartitionId(partition), Offset(next)) ? 1 : 0; });
}

int waybill_poll_report(waybill_t* w, waybill_report_t* report) {
  if (!w || !report) return 0;
  return guarded(0, [&] {
    std::lock_guard guard(w->report_mutex);
    w->reporter.tick(now());
    return w->transport.next(*report) ? 1 : 0;
  });
}

void waybill_report_done(waybill_t* w, int32_t partition, int delivered) {
  if (!w) return;
  guarded(0, [&] {
    std::lock_guard guard(w->report_mutex);
    w->transport.finished(PartitionId(partition), delivered != 0);
    return 0;
  });
}

void waybill_close(waybill_t* w) {
  if (!w) return;
  guarded(0, [&] {
    std::lock_guard guard(w->report_mutex);
    w->reporter.close(now());
    return 0;
  });
}

int waybill_closed(const waybill_t* w) {
  if (!w) return 1;
  std::lock_guard guard(w->report_mutex);
  return w->reporter.done() ? 1 : 0;
}

}  // extern "C"
