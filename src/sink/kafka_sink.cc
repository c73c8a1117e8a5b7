#include "sink/kafka_sink.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

namespace waybill::sink {
namespace {

class KafkaSink final : public ForwardSink {
 public:
  explicit KafkaSink(MakeProducer make) : make_(std::move(make)) {}

  Delivery deliver(std::span<const ForwardRecord> records, Millis wait) override {
    if (!producer_) {
      auto made = make_();
      if (!made) return {.error = made.error()};
      producer_ = std::move(*made);
    }
    outcomes_.erase(outcomes_.begin(), outcomes_.lower_bound(records.front().sequence));
    const auto until = std::chrono::steady_clock::now() + wait;
    size_t sent = 0;
    Delivery delivery;
    for (;;) {
      sent = send(records, sent);
      poll(Millis(50));
      delivery = settled(records);
      if (delivery.done == records.size()) return delivery;
      if (delivery.error) break;
      if (auto error = producer_->failed()) {
        delivery.error = std::move(error);
        break;
      }
      if (std::chrono::steady_clock::now() >= until) {
        // What is under way stays so: the next call waits for it.
        delivery.error = Error{Errc::kUnavailable, "no acknowledgement in time"};
        return delivery;
      }
    }
    producer_.reset();
    outcomes_.clear();
    sent_ = 0;
    return delivery;
  }

 private:
  using Kind = flow::Outcome::Kind;

  /// Sends from `from` on what was not sent before; returns where it stopped, because the producer is full.
  size_t send(std::span<const ForwardRecord> records, size_t from) {
    for (; from < records.size(); ++from) {
      const ForwardRecord& record = records[from];
      if (record.sequence <= sent_) continue;
      const std::string source = record.cluster + '/' + record.topic + '/' +
                                 std::to_string(record.partition) + '/' + std::to_string(record.offset);
      const flow::Header headers[] = {{"waybill-watch", record.watch}, {"waybill-source", source}};
      auto taken = producer_->send({.key = record.key,
                                    .has_key = record.has_key,
                                    .value = record.value,
                                    .headers = headers,
                                    .time_ms = record.time_ms,
                                    .token = static_cast<uint64_t>(record.sequence)});
      if (taken == flow::Producer::Taken::kFull) return from;
      if (taken == flow::Producer::Taken::kRefused) outcomes_[record.sequence] = Kind::kRefused;
      sent_ = record.sequence;
    }
    return from;
  }

  void poll(Millis wait) {
    std::vector<flow::Outcome> got;
    producer_->poll(wait, got);
    for (const flow::Outcome& outcome : got) outcomes_[static_cast<int64_t>(outcome.token)] = outcome.kind;
  }

  Delivery settled(std::span<const ForwardRecord> records) const {
    Delivery delivery;
    for (const ForwardRecord& record : records) {
      auto at = outcomes_.find(record.sequence);
      if (at == outcomes_.end()) return delivery;
      if (at->second == Kind::kFailed) {
        delivery.error = Error{Errc::kUnavailable, "a record was not delivered"};
        return delivery;
      }
      ++delivery.done;
      delivery.refused += at->second == Kind::kRefused;
    }
    return delivery;
  }

  MakeProducer make_;
  std::unique_ptr<flow::Producer> producer_;
  std::map<int64_t, Kind> outcomes_;  ///< by sequence; at most those of one page
  int64_t sent_ = 0;                  ///< with producer_
};

}  // namespace

std::unique_ptr<ForwardSink> make_kafka_sink(MakeProducer make) {
  return std::make_unique<KafkaSink>(std::move(make));
}

}  // namespace waybill::sink
