// Report -> bytes.

#include <protozero/pbf_builder.hpp>
#include <string_view>
#include <unordered_map>

#include "base/utf8.h"
#include "tally/report_codec.h"
#include "tally/report_fields.h"
#include "tally/report_writer.h"

namespace waybill::tally {
namespace wire {
namespace {

template <class Field>
using Builder = protozero::pbf_builder<Field>;

// proto3: a field that holds its default is not written.

template <class Field, class Value>
void add(Builder<Field>& out, Field field, Value value) {
  if (value != 0) out.add_uint64(field, static_cast<uint64_t>(value));
}

template <class Field>
void add_signed(Builder<Field>& out, Field field, int64_t value) {
  if (value != 0) out.add_sint64(field, value);
}

template <class Field>
void add_text(Builder<Field>& out, Field field, const std::string& text) {
  if (text.empty()) return;
  if (is_utf8(text)) {
    out.add_string(field, text);
  } else {
    out.add_string(field, to_utf8(text));
  }
}

template <class Field>
void add_tier(Builder<Field>& out, const Tier& tier) {
  add(out, Field::kTier, static_cast<uint64_t>(tier.kind));
  add_text(out, Field::kTierName, tier.name);
}

template <class Field>
void add_label(Builder<Field>& out, const BucketLabel& label) {
  add(out, Field::kBucket, static_cast<uint64_t>(label.kind));
  add_signed(out, Field::kStartMs, label.start.value);
}

/// offset + 1, so that "none" is 0 and costs nothing. librdkafka has many negative spellings of none.
void add_offset(Builder<fields::Position>& out, fields::Position field, Offset offset) {
  if (offset.value >= 0) add(out, field, static_cast<uint64_t>(offset.value) + 1);
}

void add_ranges(Builder<fields::Coverage>& out, fields::Coverage field,
                const std::vector<OffsetRange>& ranges) {
  if (ranges.empty()) return;
  protozero::packed_field_uint64 packed(out, static_cast<protozero::pbf_tag_type>(field));
  int64_t previous_end = 0;
  for (const OffsetRange& range : ranges) {
    packed.add_element(static_cast<uint64_t>(range.begin.value - previous_end));
    packed.add_element(static_cast<uint64_t>(range.size()));
    previous_end = range.end.value;
  }
}

void add_runs(Builder<fields::Coverage>& out, const CoverageChunk& chunk) {
  add_ranges(out, fields::Coverage::kSeen, chunk.seen);
  if (!chunk.again.empty()) {
    protozero::packed_field_uint64 packed(out,
                                          static_cast<protozero::pbf_tag_type>(fields::Coverage::kAgain));
    int64_t previous_end = 0;
    for (const Repeat& repeat : chunk.again) {
      packed.add_element(static_cast<uint64_t>(repeat.range.begin.value - previous_end));
      packed.add_element(static_cast<uint64_t>(repeat.range.size()));
      packed.add_element(repeat.times);
      previous_end = repeat.range.end.value;
    }
  }
  add_ranges(out, fields::Coverage::kReordered, chunk.reordered);
}

template <class Message, class Fill>
void append_message(fields::Report field, std::string& out, Fill fill) {
  Builder<fields::Report> report(out);
  Builder<Message> message(report, field);
  fill(message);
}

}  // namespace

void append_header(const Report& report, std::string& out) {
  using F = fields::Report;
  Builder<F> w(out);
  add(w, F::kVersion, report.version);
  w.add_bytes(F::kReporter, reinterpret_cast<const char*>(report.reporter.bytes.data()),
              report.reporter.bytes.size());
  add(w, F::kNumber, report.number.value);
  add_signed(w, F::kFromMs, report.from_ms);
  add_signed(w, F::kCompleteUpToMs, report.complete_up_to_ms);
  if (report.closed) w.add_bool(F::kClosed, true);
  add_text(w, F::kClusterId, report.cluster_id);
  add_text(w, F::kDataCenter, report.data_center);
  add_text(w, F::kHost, report.host);
  add_text(w, F::kIp, report.ip);
  add_text(w, F::kService, report.service);
  add(w, F::kPid, report.pid);
  add(w, F::kBucketMs, report.bucket_ms);
  add(w, F::kAuditPartitions, report.audit_partitions);
}

void append_topic(const std::string& topic, std::string& out) {
  Builder<fields::Report> w(out);
  w.add_string(fields::Report::kTopics, to_utf8(topic));
}

void append_client(const ClientInfo& client, std::string& out) {
  using F = fields::Client;
  append_message<F>(fields::Report::kClients, out, [&](Builder<F>& w) {
    add(w, F::kRef, client.ref);
    add_text(w, F::kClientId, client.client_id);
    add(w, F::kKind, static_cast<uint64_t>(client.kind));
    add_text(w, F::kGroup, client.group);
    add_text(w, F::kInstance, client.instance);
    add(w, F::kFlags, client.flags);
    add_text(w, F::kLibrary, client.library);
  });
}

void append_entry(const Entry& entry, uint32_t topic, std::string& out) {
  using F = fields::Entry;
  const Bucket& bucket = entry.bucket;
  append_message<F>(fields::Report::kEntries, out, [&](Builder<F>& w) {
    add(w, F::kClient, entry.client);
    add_tier(w, entry.tier);
    add(w, F::kTopic, topic);
    add_label(w, bucket.label);
    add(w, F::kTimeTypes, bucket.time_types);
    add(w, F::kCount, bucket.count);
    add(w, F::kBytes, bucket.bytes);
    add(w, F::kUnknown, bucket.unknown);
    add(w, F::kOffsetUnknown, bucket.offset_unknown);
    for (const auto& [code, count] : bucket.failed) {
      Builder<fields::Failed> failed(w, F::kFailed);
      if (code != 0) failed.add_sint32(fields::Failed::kCode, code);
      add(failed, fields::Failed::kCount, count);
    }
    if (!bucket.latency.empty()) w.add_bytes(F::kLatency, bucket.latency.encode());
  });
}

void append_coverage(const CoverageChunk& chunk, uint32_t topic, std::string& out) {
  using F = fields::Coverage;
  append_message<F>(fields::Report::kCoverage, out, [&](Builder<F>& w) {
    add(w, F::kClient, chunk.client);
    add_tier(w, chunk.tier);
    add(w, F::kTopic, topic);
    add(w, F::kPartition, chunk.partition.value);
    add_label(w, chunk.label);
    add(w, F::kSession, chunk.session);
    add_runs(w, chunk);
  });
}

void append_position(const Position& position, uint32_t topic, std::string& out) {
  using F = fields::Position;
  append_message<F>(fields::Report::kPositions, out, [&](Builder<F>& w) {
    add(w, F::kClient, position.client);
    add(w, F::kTopic, topic);
    add(w, F::kPartition, position.partition.value);
    add(w, F::kSession, position.session);
    add_offset(w, F::kSessionFirst, position.session_first);
    add_offset(w, F::kNext, position.next);
    add_offset(w, F::kHigh, position.high);
    add_offset(w, F::kCommitted, position.committed);
    add_signed(w, F::kLastTimeMs, position.last_time_ms);
  });
}

void append_rate(const Rate& rate, uint32_t topic, std::string& out) {
  using F = fields::Rate;
  append_message<F>(fields::Report::kRates, out, [&](Builder<F>& w) {
    add(w, F::kClient, rate.client);
    add_tier(w, rate.tier);
    add(w, F::kTopic, topic);
    add_signed(w, F::kMinuteMs, rate.minute_ms);
    add(w, F::kCount, rate.count);
    add(w, F::kBytes, rate.bytes);
  });
}

void append_dropped(const Dropped& dropped, std::string& out) {
  using F = fields::Dropped;
  if (!dropped.any()) return;
  append_message<F>(fields::Report::kDropped, out, [&](Builder<F>& w) {
    add(w, F::kMessages, dropped.messages);
    add(w, F::kCoverage, dropped.coverage);
    add(w, F::kTopics, dropped.topics);
  });
}

}  // namespace wire

namespace {

/// Gives each topic its index in the order of first use, and writes it then.
class TopicTable {
 public:
  explicit TopicTable(std::string& out) : out_(out) {}
  uint32_t index_of(const std::string& topic) {
    if (topic == last_ && !indexes_.empty()) return last_index_;  // neighbours mostly share their topic
    const auto [it, is_new] = indexes_.emplace(topic, static_cast<uint32_t>(indexes_.size()));
    if (is_new) wire::append_topic(topic, out_);
    last_ = it->first;
    return last_index_ = it->second;
  }

 private:
  std::string& out_;
  std::unordered_map<std::string_view, uint32_t> indexes_;
  std::string_view last_{};
  uint32_t last_index_ = 0;
};

}  // namespace

std::string encode_report(const Report& report) {
  std::string out;
  wire::append_header(report, out);
  for (const ClientInfo& client : report.clients) wire::append_client(client, out);
  TopicTable topics(out);
  for (const Entry& entry : report.entries) {
    const uint32_t topic = topics.index_of(entry.topic);
    wire::append_entry(entry, topic, out);
  }
  for (const CoverageChunk& chunk : report.coverage) {
    const uint32_t topic = topics.index_of(chunk.topic);
    wire::append_coverage(chunk, topic, out);
  }
  for (const Position& position : report.positions) {
    const uint32_t topic = topics.index_of(position.topic);
    wire::append_position(position, topic, out);
  }
  for (const Rate& rate : report.rates) {
    const uint32_t topic = topics.index_of(rate.topic);
    wire::append_rate(rate, topic, out);
  }
  wire::append_dropped(report.dropped, out);
  return out;
}

}  // namespace waybill::tally
