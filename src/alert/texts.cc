#include "alert/texts.h"

#include <fmt/format.h>

namespace waybill::alert {
namespace {

std::string in_parentheses(std::string_view text, bool zh) {
  if (text.empty()) return {};
  return zh ? fmt::format("（{}）", text) : fmt::format(" ({})", text);
}

}  // namespace

std::string Texts::span(Millis time) const {
  const int64_t ms = time.count();
  if (ms >= 86'400'000 && ms % 86'400'000 == 0)
    return fmt::format(fmt::runtime(zh_ ? "{} 天" : "{}d"), ms / 86'400'000);
  if (ms >= 3'600'000 && ms % 3'600'000 == 0)
    return fmt::format(fmt::runtime(zh_ ? "{} 小时" : "{}h"), ms / 3'600'000);
  if (ms >= 60'000 && ms % 60'000 == 0)
    return fmt::format(fmt::runtime(zh_ ? "{} 分钟" : "{}m"), ms / 60'000);
  if (ms >= 1'000 && ms % 1'000 == 0) return fmt::format(fmt::runtime(zh_ ? "{} 秒" : "{}s"), ms / 1'000);
  if (ms >= 1'000)
    return fmt::format(fmt::runtime(zh_ ? "{:.1f} 秒" : "{:.1f}s"), static_cast<double>(ms) / 1'000);
  return fmt::format(fmt::runtime(zh_ ? "{} 毫秒" : "{}ms"), ms);
}

std::string Texts::at(const Place& place) const {
  std::string out = zh_ ? fmt::format("主题 {}", place.topic) : std::string(place.topic);
  if (!place.group.empty()) out += fmt::format(fmt::runtime(zh_ ? "、消费组 {}" : ", group {}"), place.group);
  if (!place.cluster.empty())
    out += fmt::format(fmt::runtime(zh_ ? "、集群 {}" : ", cluster {}"), place.cluster);
  return out;
}

std::string Texts::watch(std::string_view name, std::string_view by, int64_t count, int64_t threshold,
                         Millis window) const {
  if (zh_)
    return fmt::format("{}{}：{} 内匹配 {} 次（阈值 {}）", name, in_parentheses(by, true), span(window),
                       count, threshold);
  return fmt::format("{}{}: {} matches within {} (threshold {})", name, in_parentheses(by, false), count,
                     span(window), threshold);
}

std::string Texts::lost(const Place& place, int64_t count) const {
  if (zh_) return fmt::format("{} 条消息丢失：{}", count, at(place));
  return fmt::format("{} {} lost: {}", count, count == 1 ? "message" : "messages", at(place));
}

std::string Texts::redelivered(const Place& place, int64_t count, int64_t of, Millis window) const {
  const double share = of > 0 ? 100.0 * static_cast<double>(count) / static_cast<double>(of) : 0;
  if (zh_) return fmt::format("{} 内重复投递 {} 条，占 {:.2f}%：{}", span(window), count, share, at(place));
  return fmt::format("{} messages redelivered within {}, {:.2f}%: {}", count, span(window), share, at(place));
}

std::string Texts::unconfirmed(const Place& place, int64_t count) const {
  if (zh_) return fmt::format("{} 条消息无法确认：{}", count, at(place));
  return fmt::format("{} messages unconfirmed: {}", count, at(place));
}

std::string Texts::lag_messages(const Place& place, int64_t messages) const {
  if (zh_) return fmt::format("积压 {} 条消息：{}", messages, at(place));
  return fmt::format("{} messages behind: {}", messages, at(place));
}

std::string Texts::lag_time(const Place& place, Millis age) const {
  if (zh_) return fmt::format("落后 {}：{}", span(age), at(place));
  return fmt::format("{} behind: {}", span(age), at(place));
}

std::string Texts::latency(const Place& place, int percentile, Millis latency, Millis window) const {
  if (zh_) return fmt::format("{} 内 p{} 延迟 {}：{}", span(window), percentile, span(latency), at(place));
  return fmt::format("latency p{} is {} within {}: {}", percentile, span(latency), span(window), at(place));
}

std::string Texts::unconsumed(std::string_view ledger, std::string_view consumer, int64_t count) const {
  if (zh_) return fmt::format("对账 {}：消费者 {} 超过期限仍有 {} 条未消费", ledger, consumer, count);
  return fmt::format("ledger {}: {} unconsumed past the deadline by {}", ledger, count, consumer);
}

std::string Texts::vanished(std::string_view cluster, std::string_view reporter,
                            std::string_view host) const {
  if (zh_) return fmt::format("上报者 {} 失联（主机 {}，集群 {}）", reporter, host, cluster);
  return fmt::format("reporter {} vanished (host {}, cluster {})", reporter, host, cluster);
}

std::string Texts::incomplete(std::string_view cluster, std::string_view topic, std::string_view reasons,
                              Millis age) const {
  if (zh_)
    return fmt::format("数据不完整已 {}：{}集群 {}，原因 {}", span(age),
                       topic.empty() ? "" : fmt::format("主题 {}、", topic), cluster, reasons);
  return fmt::format("incomplete for {}: {}cluster {}, {}", span(age),
                     topic.empty() ? "" : fmt::format("{}, ", topic), cluster, reasons);
}

std::string Texts::own_lag(std::string_view source, int64_t messages) const {
  if (zh_) return fmt::format("Waybill 自身读取 {} 落后 {} 条消息", source, messages);
  return fmt::format("waybill itself reads {} with {} messages of lag", source, messages);
}

std::string Texts::degraded(std::string_view source, std::string_view detail) const {
  if (zh_) return fmt::format("数据源 {} 降级：{}", source, detail);
  return fmt::format("source {} is degraded: {}", source, detail);
}

std::string Texts::kpi(std::string_view name, std::string_view value, std::string_view by, double is,
                       double limit, std::string_view window_start) const {
  const bool low = is < limit;
  if (zh_)
    return fmt::format("{}{} 的 {} 为 {:g}，{} {:g}（窗口 {}）", name, in_parentheses(by, true), value, is,
                       low ? "低于" : "高于", limit, window_start);
  return fmt::format("{} of {}{} is {:g}, {} {:g} (window {})", value, name, in_parentheses(by, false), is,
                     low ? "below" : "above", limit, window_start);
}

std::string Texts::lost_advice() const {
  return zh_ ? "已向 broker 逐个位点核实。用 waybill lost 列出，用 waybill replay 重放，或在页面上接受。"
             : "Proved at the broker, offset by offset. List them with waybill lost, put them back with "
               "waybill replay, "
               "or accept them on the page.";
}

}  // namespace waybill::alert
