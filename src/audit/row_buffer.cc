#include "audit/row_buffer.h"

#include <utility>

#include "audit/tables.h"
#include "tally/latency_text.h"

namespace waybill::audit {
namespace {

using flow::RowChange;
using flow::Value;
using Op = flow::RowChange::Op;

void append_counts(const Sums& s, std::vector<Value>& out) {
  for (int64_t v : {s.count, s.bytes, s.distinct, s.failed, s.unknown, s.offset_unknown, s.sent, s.reordered,
                    s.unaudited}) {
    out.emplace_back(v);
  }
}

void append_states(const Sums& s, std::vector<Value>& out) {
  // pending, suspected, lost, late, redelivered, unconfirmed, excused, accepted, replayed
  for (int64_t v : {s.pending, s.suspected, s.lost, s.late, s.redelivered, s.unconfirmed, s.excused,
                    s.accepted, s.replayed}) {
    out.emplace_back(v);
  }
}

std::string json_text(std::string_view s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string_view tier_name(tally::TierKind kind) {
  switch (kind) {
    case tally::TierKind::kSent:
      return "sent";
    case tally::TierKind::kProduced:
      return "produced";
    case tally::TierKind::kConsumed:
      return "consumed";
    case tally::TierKind::kStored:
      return "stored";
    case tally::TierKind::kCustom:
      return "custom";
  }
  return "custom";
}

std::string clients_json(const Reporter& r) {
  std::string out = "[";
  for (const auto& [ref, c] : r.clients) {
    if (out.size() > 1) out += ',';
    out += "{\"client_id\":" + json_text(c.client_id) + ",\"tier\":" + json_text(tier_name(c.kind)) +
           ",\"group\":" + json_text(c.group) + ",\"instance\":" + json_text(c.instance) +
           ",\"flags\":" + std::to_string(c.flags) + ",\"library\":" + json_text(c.library) + "}";
  }
  return out += ']';
}

}  // namespace

void RowBuffer::latency(const BucketKey& key, const tally::Bucket& bucket) {
  BucketDelta& delta = buckets_[key];
  delta.latency.merge(bucket.latency);
  if (bucket.time_types & tally::kCreateTime) delta.time_create += static_cast<int64_t>(bucket.count);
  if (bucket.time_types & tally::kAppendTime) delta.time_append += static_cast<int64_t>(bucket.count);
}

void RowBuffer::hop(const BucketKey& key, tally::TierKind tier, const Id128& reporter,
                    const tally::Bucket& bucket) {
  if (!keep_hops_ || key.label.kind != tally::BucketKind::kNormal) return;
  HopDelta& delta = hops_[{key, tier, reporter}];
  delta.count += static_cast<int64_t>(bucket.count);
  delta.latency.merge(bucket.latency);
}

void RowBuffer::rate(TopicIndex topic, const tally::Rate& rate, const std::string& group,
                     const Id128& reporter) {
  auto& [count, bytes] =
      rates_[{topic, rate.minute_ms, std::string(tier_name(rate.tier.kind)), group, reporter}];
  count += static_cast<int64_t>(rate.count);
  bytes += static_cast<int64_t>(rate.bytes);
}

void RowBuffer::count(std::string_view counter, int64_t n) {
  if (n == 0) return;
  auto it = counters_.find(counter);
  if (it == counters_.end()) it = counters_.emplace(counter, 0).first;
  it->second += n;
}

void RowBuffer::reporter(const Id128& id, int64_t reports, int64_t dropped) {
  auto& [r, d] = reporters_[id];
  r += reports;
  d += dropped;
}

void RowBuffer::incomplete(const std::string& topic, const IncompleteChange& change) {
  RowChange row{&incomplete_table(),
                Op::kErase,
                {cluster_, topic, change.reporter.hex(), std::string(change.reason), change.from_ms},
                {}};
  if (change.reporter == Id128{}) row.key[2] = std::string();
  if (change.op == IncompleteChange::Op::kPost) {
    row.op = Op::kUpsert;
    row.values = {change.to_ms, change.detail};
  }
  ready_.push_back(std::move(row));
}

void RowBuffer::finding(const std::string& topic, const PartitionKey& key, const Finding& f,
                        int64_t found_ms) {
  ready_.push_back(
      {&finding_table(),
       Op::kUpsert,
       {cluster_, topic, key.incarnation, int64_t{key.partition.value}, key.group, f.first.value,
        std::string(f.state)},
       {f.last.value, std::string(f.reason), static_cast<int64_t>(f.label.kind), f.label.start.value, f.times,
        found_ms, f.verified_ms, std::string(f.detail), f.lost_ms, f.decision, f.to_partition, f.to_offset}});
}

void RowBuffer::erase_finding(const std::string& topic, const PartitionKey& key, Offset first,
                              std::string_view state) {
  ready_.push_back({&finding_table(),
                    Op::kErase,
                    {cluster_, topic, key.incarnation, int64_t{key.partition.value}, key.group, first.value,
                     std::string(state)},
                    {}});
}

void RowBuffer::flush(const Lookup& lookup, flow::Rows& rows) {
  flush_hops(lookup, rows);
  flush_buckets(lookup, rows);
  flush_partitions(lookup, rows);
  flush_reporters(lookup, rows);
  for (const auto& [key, n] : failed_) {
    rows.push_back(
        {&failed_table(), Op::kUpsert, {cluster_, lookup.topic(key.first), int64_t{key.second}}, {n}});
  }
  for (const auto& [key, n] : rates_) {
    const auto& [topic, minute, tier, group, reporter] = key;
    rows.push_back({&rate_table(),
                    Op::kUpsert,
                    {cluster_, lookup.topic(topic), minute, tier, group, reporter.hex()},
                    {n.first, n.second}});
  }
  for (const auto& [name, n] : counters_) {
    rows.push_back({&counter_table(), Op::kUpsert, {cluster_, int64_t{audit_partition_}, name}, {n}});
  }
  for (RowChange& row : ready_) rows.push_back(std::move(row));
  clear();
}

void RowBuffer::flush_hops(const Lookup& lookup, flow::Rows& rows) {
  auto row = [&](const BucketKey& key, std::string_view tier, std::string service, std::string host,
                 std::vector<Value> values) {
    rows.push_back({&hop_table(),
                    Op::kUpsert,
                    {cluster_, lookup.topic(key.topic), key.label.start.value, std::string(tier), key.group,
                     std::move(service), std::move(host)},
                    std::move(values)});
  };
  for (const auto& [hop, delta] : hops_) {
    const auto& [key, tier, id] = hop;
    const Reporter* reporter = lookup.reporter(id);
    if (!reporter) continue;
    row(key, tier_name(tier), reporter->service, reporter->host,
        {delta.count, int64_t{0}, int64_t{0}, tally::latency_text(delta.latency), bucket_ms_, reporter->ip});
  }
  for (const auto& [key, delta] : buckets_) {
    if (!keep_hops_ || key.group.empty() || key.label.kind != tally::BucketKind::kNormal) continue;
    if (delta.sums.lost == 0 && delta.sums.redelivered == 0) continue;
    row(key, tier_name(tally::TierKind::kConsumed), {}, {},
        {int64_t{0}, delta.sums.lost, delta.sums.redelivered, std::string(), bucket_ms_, std::string()});
  }
}

void RowBuffer::flush_buckets(const Lookup& lookup, flow::Rows& rows) {
  std::map<BucketKey, BucketDelta> hours;
  for (const auto& [key, delta] : buckets_) {
    bucket_row(bucket_table(), key, bucket_ms_, delta, lookup, rows);
    BucketKey hour = key;
    if (hour.label.kind == tally::BucketKind::kNormal) {
      hour.label.start = tally::bucket_start(key.label.start.value, kHourMs);
    }
    BucketDelta& sum = hours[hour];
    sum.sums += delta.sums;
    sum.latency.merge(delta.latency);
    sum.time_create += delta.time_create;
    sum.time_append += delta.time_append;
  }
  for (const auto& [key, delta] : hours) bucket_row(hour_table(), key, kHourMs, delta, lookup, rows);
}

void RowBuffer::bucket_row(const flow::TableSpec& table, const BucketKey& key, int64_t width_ms,
                           const BucketDelta& delta, const Lookup& lookup, flow::Rows& rows) {
  RowChange row{&table,
                Op::kUpsert,
                {cluster_, lookup.topic(key.topic), static_cast<int64_t>(key.label.kind),
                 key.label.start.value, key.group},
                {}};
  row.values.reserve(table.values.size());
  append_counts(delta.sums, row.values);
  row.values.emplace_back(tally::latency_text(delta.latency));
  append_states(delta.sums, row.values);
  row.values.emplace_back(delta.time_create);
  row.values.emplace_back(delta.time_append);
  row.values.emplace_back(int64_t{lookup.settled(key, width_ms)});
  row.values.emplace_back(width_ms);
  rows.push_back(std::move(row));
}

void RowBuffer::flush_partitions(const Lookup& lookup, flow::Rows& rows) {
  for (const auto& [key, sums] : partitions_) {
    RowChange row{
        &partition_table(),
        Op::kUpsert,
        {cluster_, lookup.topic(key.topic), key.incarnation, int64_t{key.partition.value}, key.group},
        {}};
    row.values.reserve(partition_table().values.size());
    append_counts(sums, row.values);
    append_states(sums, row.values);
    PartitionFacts f = lookup.facts(key);
    for (int64_t v : {f.next, f.high, f.committed, f.log_start, f.log_end, f.oldest_unread_ms, f.updated_ms,
                      sums.lost_found, sums.lost_retracted}) {
      row.values.emplace_back(v);
    }
    rows.push_back(std::move(row));
  }
}

void RowBuffer::flush_reporters(const Lookup& lookup, flow::Rows& rows) {
  for (const auto& [id, n] : reporters_) {
    const Reporter* r = lookup.reporter(id);
    if (!r) continue;
    std::string topics = "[";
    for (TopicIndex t : r->topics) topics += (topics.size() > 1 ? "," : "") + json_text(lookup.topic(t));
    topics += "]";
    rows.push_back(
        {&reporter_table(),
         Op::kUpsert,
         {cluster_, id.hex(), int64_t{audit_partition_}},
         {r->host, r->ip, r->service, r->data_center, static_cast<int64_t>(r->pid), clients_json(*r),
          std::move(topics), r->first_seen_ms, r->last_seen_ms, r->complete_up_to_ms, n.first,
          r->missing_reports(), n.second, int64_t{r->closed}, int64_t{r->vanished}}});
  }
}

void RowBuffer::clear() {
  buckets_.clear();
  hops_.clear();
  partitions_.clear();
  failed_.clear();
  rates_.clear();
  counters_.clear();
  reporters_.clear();
  ready_.clear();
}

bool RowBuffer::empty() const {
  return buckets_.empty() && partitions_.empty() && failed_.empty() && rates_.empty() && counters_.empty() &&
         reporters_.empty() && ready_.empty();
}

size_t RowBuffer::bytes() const {
  constexpr size_t kRow = 300;
  return kRow * (2 * buckets_.size() + hops_.size() + partitions_.size() + rates_.size() + reporters_.size() +
                 ready_.size());
}

}  // namespace waybill::audit
