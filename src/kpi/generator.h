#pragma once
// A day of a payment platform's log lines, with the figures that must come out of them.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::kpi {

struct GeneratorOptions {
  int64_t orders = 1000;
  uint64_t seed = 1;
  int64_t day = 17'859;  ///< days since 1970-01-01 of the date, in Asia/Shanghai; default 2018-11-24
};

/// Deterministic: equal options give equal lines on every machine. next() gives the lines of all orders by
/// their receiveNotifyTime. Memory: the orders of some minutes. Not thread-safe.
class RechargeGenerator {
 public:
  explicit RechargeGenerator(GeneratorOptions options);
  /// Appends the next line with its '\n'; false when there is none.
  bool next(std::string& out);
  /// Of the lines so far, counted apart from the engine: {"task","lines","bytes","stages","total","minutes",
  /// "fail_by_province"}, as the fixtures have it.
  std::string truth_json() const;

 private:
  struct Order {
    std::string id, request, channel, client_ip, gateway, phone, province, server_ip, port;
    int64_t start_ms = 0;
    int64_t should_fee = 0;
    int64_t charge_fee = 0;
  };
  struct Event {
    int64_t ms = 0;
    uint64_t number = 0;  ///< makes equal times an order
    Order order;
    int step = 0;
    bool operator>(const Event& other) const {
      return ms != other.ms ? ms > other.ms : number > other.number;
    }
  };
  struct Minute {
    int64_t total = 0, succeeded = 0, amount = 0, sum_ms = 0;
    int64_t min_ms = INT64_MAX, max_ms = INT64_MIN;
    void add(bool success, int64_t fee, int64_t ms);
  };

  uint64_t random();
  int64_t below(int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); }
  std::string digits(int count);
  int64_t arrival_ms(int64_t order) const;
  Order make_order(int64_t number);
  void start_order();
  void write(const Event& event, std::string_view result, std::string& out);
  void count(const Event& event, bool success);

  GeneratorOptions options_;
  uint64_t state_;
  int64_t started_ = 0;
  uint64_t events_ = 0;
  std::vector<Event> heap_;
  int64_t lines_ = 0;
  int64_t bytes_ = 0;
  std::array<int64_t, 5> stages_{};
  Minute total_;
  std::map<std::string, Minute> minutes_;
  std::map<std::string, int64_t> failed_;
};

}  // namespace waybill::kpi
