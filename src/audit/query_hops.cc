#include "audit/query_hops.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "audit/tables.h"
#include "base/json_text.h"
#include "tally/latency_text.h"

namespace waybill::audit {
namespace {

constexpr char kHopSeparator = '\x1f';
constexpr size_t kHopKeys = 7;  // cluster, topic, start, tier, grp, service, host
enum HopValue : size_t { kHopCount, kHopLost, kHopRedelivered, kHopLatency, kHopInterval, kHopIp };

std::vector<std::string> hop_key(std::string_view name) {
  std::vector<std::string> parts;
  while (parts.size() + 1 < kHopKeys) {
    const size_t end = name.find(kHopSeparator);
    if (end == std::string_view::npos) return {};
    parts.emplace_back(name.substr(0, end));
    name.remove_prefix(end + 1);
  }
  parts.emplace_back(name);  // a host's name may hold the separator
  return parts;
}

void add(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  if (out.size() > 1) out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
}

void add(std::string& out, std::string_view name, int64_t number) {
  if (out.size() > 1) out += ',';
  append_json_string(out, name);
  out += ':';
  out += std::to_string(number);
}

/// With three decimals, which JSON numbers of any server keep.
void add_mean(std::string& out, double mean) {
  const auto thousandths = static_cast<int64_t>(std::llround(mean * 1000));
  std::string digits = std::to_string(thousandths % 1000);
  out += R"(,"latencyMean":)" + std::to_string(thousandths / 1000) + '.' +
         std::string(3 - digits.size(), '0') + digits;
}

std::string hop_body(const std::vector<std::string>& key, int64_t begin_ms, const flow::Page::Row& row) {
  std::string out = "{";
  add(out, "cluster", key[0]);
  add(out, "topic", key[1]);
  add(out, "tier", key[3]);
  add(out, "groupId", key[4]);
  add(out, "service", key[5]);
  add(out, "host", key[6]);
  add(out, "ip", flow::text(row.values[kHopIp]));
  add(out, "begin", begin_ms);
  add(out, "end", begin_ms + flow::number(row.values[kHopInterval]));
  add(out, "msgCount", flow::number(row.values[kHopCount]));
  auto latency = tally::parse_latency_text(flow::text(row.values[kHopLatency]));
  if (latency && latency->count() > 0) {
    add_mean(out, latency->mean());
    add(out, "latencyMax", latency->max());
    add(out, "latencyC95", latency->quantile(0.95));
    add(out, "latencyC99", latency->quantile(0.99));
  }
  add(out, "lost", flow::number(row.values[kHopLost]));
  add(out, "redelivered", flow::number(row.values[kHopRedelivered]));
  return out + "}";
}

}  // namespace

Result<std::optional<HopDocument>> hop_document(flow::Store& store, std::string_view name) {
  const std::vector<std::string> key = hop_key(name);
  HopDocument document;
  if (key.empty()) return std::nullopt;
  const std::string& start = key[2];
  if (std::from_chars(start.data(), start.data() + start.size(), document.begin_ms).ec != std::errc())
    return std::nullopt;
  flow::Query query{.table = &hop_table()};
  for (size_t i = 0; i < kHopKeys; ++i) {
    flow::Filter filter{.column = std::string(hop_table().keys[i].name), .value = key[i]};
    if (i == 2) filter.value = document.begin_ms;
    query.where.push_back(std::move(filter));
  }
  auto page = store.query(query);
  if (!page) return tl::make_unexpected(std::move(page.error()));
  if (page->rows.empty()) return std::nullopt;
  document.id = name;
  std::replace(document.id.begin(), document.id.end(), kHopSeparator, '/');
  document.body = hop_body(key, document.begin_ms, page->rows.front());
  return document;
}

}  // namespace waybill::audit
