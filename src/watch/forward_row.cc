#include "watch/forward_row.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/base64.h"
#include "watch/tables.h"

namespace waybill::watch {
namespace {

constexpr char kUnit = '\x1f';

template <class Int>
bool whole_number(std::string_view text, Int& out) {
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  return fault == std::errc() && end == text.data() + text.size();
}

}  // namespace

flow::OutboxKey forward_row(std::string_view watch, const flow::SourcePartition& from,
                            const flow::Record& record, int64_t time_ms) {
  std::string key(watch);
  ((key += kUnit) += from.source) += kUnit;
  ((key += from.topic) += kUnit) += std::to_string(from.partition.value);
  (key += kUnit) += std::to_string(record.offset.value);
  std::string body = base64_encode(record.value) + ':' + std::to_string(time_ms);
  if (record.has_key) (body += ':') += base64_encode(record.key);
  return {std::string(kForwardOutbox), std::move(key), std::move(body)};
}

std::optional<ForwardRow> parse_forward_row(const flow::OutboxKey& row) {
  if (row.table != kForwardOutbox) return std::nullopt;
  std::array<std::string_view, 5> part;
  std::string_view rest = row.key;
  for (size_t i = 0; i < part.size(); ++i) {
    const size_t end = i + 1 < part.size() ? rest.find(kUnit) : rest.size();
    if (end == std::string_view::npos) return std::nullopt;
    part[i] = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  ForwardRow out;
  out.watch = part[0];
  out.cluster = part[1];
  out.topic = part[2];
  if (!whole_number(part[3], out.partition) || !whole_number(part[4], out.offset)) return std::nullopt;
  const std::string_view body = row.body;
  const size_t colon = body.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const size_t second = body.find(':', colon + 1);
  const size_t time_end = second == std::string_view::npos ? body.size() : second;
  auto value = base64_decode(body.substr(0, colon));
  if (!value || !whole_number(body.substr(colon + 1, time_end - colon - 1), out.time_ms)) return std::nullopt;
  out.value = std::move(*value);
  if (second == std::string_view::npos) return out;
  auto key = base64_decode(body.substr(second + 1));
  if (!key) return std::nullopt;
  out.has_key = true;
  out.key = std::move(*key);
  return out;
}

}  // namespace waybill::watch
