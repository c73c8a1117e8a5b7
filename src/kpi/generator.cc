#include "kpi/generator.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>

#include "kpi/render.h"

namespace waybill::kpi {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr std::array<const char*, 5> kSteps = {"createOrder", "sendPayReq", "payNotifyReq", "sendRechargeReq",
                                               "reChargeNotifyReq"};
constexpr std::array<int, 5> kFailPermille = {26, 43, 32, 0, 36};  // of the lines of a step
constexpr std::array<int, 5> kLeavePermille = {29, 32, 48, 0,
                                               0};  // of the rest, who never come to the next step
constexpr std::array<const char*, 31> kProvinces = {"100", "200", "210", "220", "230", "240", "250", "270",
                                                    "280", "290", "311", "351", "371", "431", "451", "471",
                                                    "531", "551", "571", "591", "731", "771", "791", "851",
                                                    "871", "891", "898", "931", "951", "971", "991"};
constexpr std::array<int64_t, 8> kFees = {1000, 2000, 3000, 5000, 10'000, 20'000, 30'000, 50'000};
/// Share of the day's orders by hour.
constexpr std::array<int, 24> kHours = {18, 11, 8,  6,  6,  8,  16, 30, 45, 55, 62, 64,
                                        60, 54, 52, 54, 56, 58, 60, 64, 66, 62, 50, 35};
struct Failure {
  const char* code;
  const char* message;
};
constexpr std::array<Failure, 5> kFailures = {
    {{"9999", "\u672A\u77E5\u9519\u8BEF,\u8BF7\u7A0D\u540E\u91CD\u8BD5"},
     {"8001", "\u652F\u4ED8\u8D85\u65F6"},
     {"5005", "\u5145\u503C\u5931\u8D25:\u8FD0\u8425\u5546\u7CFB\u7EDF\u7E41\u5FD9"},
     {"2998", "\u4F59\u989D\u4E0D\u8DB3"},
     {"0301", "\u53F7\u7801\u72B6\u6001\u5F02\u5E38"}}};

/// yyyyMMddHHmmssSSS of local ms since 1970.
std::string compact(int64_t local_ms) {
  int64_t days = local_ms / kDayMs;
  const int64_t ms = local_ms % kDayMs;
  days += 719'468;
  const int64_t era = days / 146'097;
  const int64_t day_of_era = days % 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_index + 2) / 5 + 1;
  const int64_t month = month_index < 10 ? month_index + 3 : month_index - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2);
  int64_t fields[] = {year, month, day, ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000};
  constexpr int kWidths[] = {4, 2, 2, 2, 2, 2, 3};
  std::string out(17, '0');
  size_t end = 0;
  for (size_t i = 0; i < 7; ++i) {
    end += static_cast<size_t>(kWidths[i]);
    for (size_t at = end; fields[i] > 0; fields[i] /= 10) out[--at] = static_cast<char>('0' + fields[i] % 10);
  }
  return out;
}

void member(std::string_view name, std::string_view value, std::string& out) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":\"";
  out += value;
  out += "\"";
}

}  // namespace

void RechargeGenerator::Minute::add(bool success, int64_t fee, int64_t ms) {
  ++total;
  if (!success) return;
  ++succeeded;
  amount += fee;
  sum_ms += ms;
  min_ms = std::min(min_ms, ms);
  max_ms = std::max(max_ms, ms);
}

RechargeGenerator::RechargeGenerator(GeneratorOptions options) : options_(options), state_(options.seed) {}

/// SplitMix64 (Steele, Lea, Flood, 2014).
uint64_t RechargeGenerator::random() {
  uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::string RechargeGenerator::digits(int count) {
  std::string out;
  while (static_cast<int>(out.size()) < count) out.push_back(static_cast<char>('0' + below(10)));
  return out;
}

int64_t RechargeGenerator::arrival_ms(int64_t order) const {
  int64_t weight = 0;
  for (int hour : kHours) weight += hour;
  // The last ten minutes are left to orders that are under way.
  const double share = (static_cast<double>(order) + 0.5) / static_cast<double>(options_.orders);
  double left = share * static_cast<double>(weight);
  for (size_t hour = 0; hour < kHours.size(); ++hour) {
    if (left <= kHours[hour] || hour + 1 == kHours.size()) {
      const double length = hour + 1 == kHours.size() ? 3'000'000.0 : 3'600'000.0;
      return static_cast<int64_t>(hour) * 3'600'000 +
             static_cast<int64_t>(left / kHours[hour] * (length - 1));
    }
    left -= kHours[hour];
  }
  return 0;
}

RechargeGenerator::Order RechargeGenerator::make_order(int64_t number) {
  Order order;
  order.start_ms = options_.day * kDayMs + arrival_ms(number);
  const std::string serial = digits(15);
  order.id = serial + digits(6);
  order.request = compact(order.start_ms) + serial;
  order.channel = "6" + digits(3);
  order.client_ip = "117." + std::to_string(below(256)) + "." + std::to_string(below(256)) + "." +
                    std::to_string(below(256));
  order.gateway = "WXPAY" + digits(1);
  order.phone = "13" + digits(1) + "****" + digits(4);
  order.province = kProvinces[static_cast<size_t>(below(31))];
  order.server_ip = "172.16.59." + std::to_string(below(32));
  order.port = "80" + std::to_string(81 + below(9));
  order.should_fee = kFees[static_cast<size_t>(below(8))] - below(10);
  order.charge_fee = order.should_fee - below(order.should_fee / 200 + 2);
  return order;
}

void RechargeGenerator::start_order() {
  Event event;
  event.order = make_order(started_++);
  event.ms = event.order.start_ms;
  event.number = events_++;
  heap_.push_back(std::move(event));
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void RechargeGenerator::count(const Event& event, bool success) {
  ++stages_[static_cast<size_t>(event.step)];
  if (event.step != 4) return;
  const int64_t ms = event.ms - event.order.start_ms;
  total_.add(success, event.order.charge_fee, ms);
  minutes_[compact(event.ms).substr(0, 12)].add(success, event.order.charge_fee, ms);
  if (!success) ++failed_[event.order.province];
}

void RechargeGenerator::write(const Event& event, std::string_view result, std::string& out) {
  const Order& order = event.order;
  std::string_view message = "\u6210\u529F";
  for (const Failure& failure : kFailures) {
    if (result == failure.code) message = failure.message;
  }
  const int64_t half = 8 + below(40);
  const std::string end = compact(event.ms + half);
  const std::string line_time = compact(event.ms);
  const size_t begin = out.size();
  out.push_back('{');
  member("bussinessRst", result, out);
  member("channelCode", order.channel, out);
  member("chargefee", std::to_string(order.charge_fee), out);
  member("clientIp", order.client_ip, out);
  member("endReqTime", end, out);
  member("gatewayId", order.gateway, out);
  member("idType", "01", out);
  member("interFacRst", result, out);
  member("logOutTime", end, out);
  member("orderId", order.id, out);
  member("phoneno", order.phone, out);
  member("provinceCode", order.province, out);
  member("receiveNotifyTime", line_time, out);
  member("requestId", order.request, out);
  member("retMsg", message, out);
  member("serverIp", order.server_ip, out);
  member("serverPort", order.port, out);
  member("serviceName", kSteps[static_cast<size_t>(event.step)], out);
  member("shouldfee", std::to_string(order.should_fee), out);
  member("startReqTime", compact(event.ms - half), out);
  member("sysId", "03", out);
  out += "}\n";
  ++lines_;
  bytes_ += static_cast<int64_t>(out.size() - begin);
}

bool RechargeGenerator::next(std::string& out) {
  // An order that starts later than the first event in the heap cannot come before it.
  while (started_ < options_.orders &&
         (heap_.empty() || options_.day * kDayMs + arrival_ms(started_) <= heap_.front().ms)) {
    start_order();
  }
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  Event event = std::move(heap_.back());
  heap_.pop_back();
  const auto step = static_cast<size_t>(event.step);
  const bool success = below(1000) >= kFailPermille[step];
  write(event, success ? "0000" : kFailures[static_cast<size_t>(below(5))].code, out);
  count(event, success);
  if (!success || event.step == 4 || below(1000) < kLeavePermille[step]) return true;
  constexpr std::array<int64_t, 4> kWaitMs = {150, 14'000, 170, 6'000};
  // Two dice: short waits are common, long ones rare.
  const int64_t wait = kWaitMs[step];
  event.ms += wait / 4 + (below(wait * 2) + below(wait * 2)) / 2 + (below(20) == 0 ? below(wait * 3) : 0);
  ++event.step;
  event.number = events_++;
  heap_.push_back(std::move(event));
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  return true;
}

std::string RechargeGenerator::truth_json() const {
  auto mean = [](const Minute& minute) {
    if (minute.succeeded == 0) return std::string("null");
    char text[40];
    const double value = static_cast<double>(minute.sum_ms) / static_cast<double>(minute.succeeded);
    return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
  };
  auto bound = [](const Minute& minute, int64_t value) {
    return minute.succeeded == 0 ? "null" : std::to_string(value);
  };
  std::string out = "{\"task\":\"T2\",\"lines\":" + std::to_string(lines_) +
                    ",\"bytes\":" + std::to_string(bytes_) + ",\"stages\":{";
  for (size_t i = 0; i < kSteps.size(); ++i)
    out += (i > 0 ? ",\"" : "\"") + std::string(kSteps[i]) + "\":" + std::to_string(stages_[i]);
  out += "},\"total\":{\"n\":" + std::to_string(total_.total) +
         ",\"ok\":" + std::to_string(total_.succeeded) + ",\"amount\":" + std::to_string(total_.amount) +
         ",\"dmin\":" + bound(total_, total_.min_ms) + ",\"dmax\":" + bound(total_, total_.max_ms) +
         ",\"davg\":" + mean(total_) + "},\"minutes\":{";
  for (const auto& [minute, m] : minutes_) {
    out += (out.back() == '{' ? "\"" : ",\"") + minute + "\":[" + std::to_string(m.total) + "," +
           std::to_string(m.succeeded) + "," + std::to_string(m.amount) + "," + bound(m, m.min_ms) + "," +
           bound(m, m.max_ms) + "," + mean(m) + "]";
  }
  out += "},\"fail_by_province\":{";
  for (const auto& [province, n] : failed_)
    out += (out.back() == '{' ? "\"" : ",\"") + province + "\":" + std::to_string(n);
  return out + "}}\n";
}

}  // namespace waybill::kpi
