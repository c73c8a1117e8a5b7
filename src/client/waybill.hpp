#pragma once
// C++ over waybill.h: the same calls, with owners. Header-only; needs nothing but waybill.h.

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "client/waybill.h"

namespace waybill::capi {

/// A topic of a client; a copyable view that lives as long as its Auditor.
class Topic {
 public:
  explicit Topic(waybill_topic_t* topic) : topic_(topic) {}
  explicit operator bool() const { return topic_ != nullptr; }
  bool sent(int64_t time_ms, uint64_t bytes) { return waybill_sent(topic_, time_ms, bytes) != 0; }
  bool produced(int32_t partition, int64_t offset, int64_t time_ms, uint64_t bytes, int64_t latency_ms) {
    return waybill_produced(topic_, partition, offset, time_ms, bytes, latency_ms) != 0;
  }
  bool failed(int32_t code, int64_t time_ms) { return waybill_failed(topic_, code, time_ms) != 0; }
  bool unknown(int64_t time_ms) { return waybill_unknown(topic_, time_ms) != 0; }
  bool consumed(int32_t partition, int64_t offset, int64_t time_ms, uint64_t bytes) {
    return waybill_consumed(topic_, partition, offset, time_ms, bytes) != 0;
  }
  bool committed(int32_t partition, int64_t next) { return waybill_committed(topic_, partition, next) != 0; }

 private:
  waybill_topic_t* topic_;
};

/// Closes its client when it goes. Move-only; must go before its Auditor.
class Client {
 public:
  explicit Client(waybill_client_t* client) : client_(client) {}
  Topic topic(const std::string& name) { return Topic(waybill_topic(client_.get(), name.c_str())); }
  void rebalanced() { waybill_rebalanced(client_.get()); }

 private:
  struct Close {
    void operator()(waybill_client_t* client) const { waybill_client_close(client); }
  };
  std::unique_ptr<waybill_client_t, Close> client_;
};

/// Owns a waybill_t. Move-only.
class Auditor {
 public:
  /// Throws std::invalid_argument with the reason. `config.size` is set here.
  explicit Auditor(waybill_config_t config) {
    char reason[256] = "";
    config.size = sizeof(config);
    waybill_.reset(waybill_new(&config, reason, sizeof(reason)));
    if (!waybill_) throw std::invalid_argument(reason);
  }
  /// `name`: the group or the custom tier's name; empty = none.
  Client client(waybill_kind_t kind, const std::string& client_id, const std::string& name = {}) {
    waybill_client_t* made =
        waybill_client_new(waybill_.get(), kind, client_id.c_str(), name.empty() ? nullptr : name.c_str());
    if (!made) throw std::invalid_argument("waybill_client_new: bad arguments or too many clients");
    return Client(made);
  }
  /// Calls `deliver(partition, bytes)` for each report that is due; it returns whether the report was
  /// acknowledged. Call it every 20 to 200 ms.
  template <class Deliver>
  void poll(Deliver deliver) {
    waybill_report_t report;
    while (waybill_poll_report(waybill_.get(), &report)) {
      bool delivered =
          deliver(report.partition, std::string_view(static_cast<const char*>(report.bytes), report.length));
      waybill_report_done(waybill_.get(), report.partition, delivered ? 1 : 0);
      if (!delivered) return;
    }
  }
  void close() { waybill_close(waybill_.get()); }
  bool closed() const { return waybill_closed(waybill_.get()) != 0; }

 private:
  struct Free {
    void operator()(waybill_t* w) const { waybill_free(w); }
  };
  std::unique_ptr<waybill_t, Free> waybill_;
};

}  // namespace waybill::capi
