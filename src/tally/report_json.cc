// Report -> one line of JSON, for `waybill reports` and people. Standard library only.

#include <charconv>
#include <string_view>

#include "base/utf8.h"
#include "tally/report_codec.h"

namespace waybill::tally {
namespace {

std::string_view name_of(TierKind kind) {
  switch (kind) {
    case TierKind::kSent:
      return "sent";
    case TierKind::kProduced:
      return "produced";
    case TierKind::kConsumed:
      return "consumed";
    case TierKind::kStored:
      return "stored";
    case TierKind::kCustom:
      return "custom";
  }
  return "unknown";
}

std::string_view name_of(BucketKind kind) {
  switch (kind) {
    case BucketKind::kNormal:
      return "normal";
    case BucketKind::kFar:
      return "far";
    case BucketKind::kUntimed:
      return "untimed";
  }
  return "unknown";
}

void append_quoted(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const size_t length = utf8_sequence_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += "\\ufffd";
    } else if (first == '"' || first == '\\') {
      out += {'\\', text.front()};
    } else if (first < 0x20 || first == 0x7f) {
      out += "\\u00";
      out += {kHex[first >> 4], kHex[first & 15]};
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

template <class Int>
void append_number(Int value, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

/// Writes commas and keys of nested objects and arrays; the scopes are closed by the caller in order.
class JsonLine {
 public:
  JsonLine& key(std::string_view name) {
    comma();
    append_quoted(name, out_);
    out_ += ':';
    fresh_ = true;
    return *this;
  }
  JsonLine& open(char bracket) {
    comma();
    out_ += bracket;
    fresh_ = true;
    return *this;
  }
  JsonLine& close(char bracket) {
    out_ += bracket;
    fresh_ = false;
    return *this;
  }
  JsonLine& text(std::string_view value) {
    comma();
    append_quoted(value, out_);
    return *this;
  }
  JsonLine& boolean(bool value) {
    comma();
    out_ += value ? "true" : "false";
    return *this;
  }
  template <class Int>
  JsonLine& number(Int value) {
    comma();
    append_number(value, out_);
    return *this;
  }
  std::string take() && { return std::move(out_); }

 private:
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  std::string out_;
  bool fresh_ = true;  // nothing stands before the next value in its scope
};

void write_tier(const Tier& tier, JsonLine& json) {
  json.key("tier").text(name_of(tier.kind)).key("tier_name").text(tier.name);
}

void write_label(const BucketLabel& label, JsonLine& json) {
  json.key("bucket").text(name_of(label.kind)).key("start_ms").number(label.start.value);
}

void write_latency(const LatencySketch& latency, JsonLine& json) {
  json.key("latency").open('{');
  json.key("count").number(latency.count()).key("negative").number(latency.negative());
  json.key("sum").number(latency.sum()).key("min").number(latency.min()).key("max").number(latency.max());
  json.key("cells").open('[');
  for (const LatencySketch::Cell& cell : latency.cells()) {
    json.open('[')
        .number(cell.low_ms())
        .number(cell.low_ms() + cell.width_ms() - 1)
        .number(cell.count)
        .close(']');
  }
  json.close(']').close('}');
}

void write(const ClientInfo& client, JsonLine& json) {
  json.key("ref").number(client.ref).key("client_id").text(client.client_id);
  json.key("kind").text(name_of(client.kind)).key("group").text(client.group);
  json.key("instance").text(client.instance).key("flags").number(client.flags);
  json.key("library").text(client.library);
}

void write(const Entry& entry, JsonLine& json) {
  const Bucket& bucket = entry.bucket;
  json.key("client").number(entry.client);
  write_tier(entry.tier, json);
  json.key("topic").text(entry.topic);
  write_label(bucket.label, json);
  json.key("time_types").number(unsigned{bucket.time_types});
  json.key("count").number(bucket.count).key("bytes").number(bucket.bytes);
  json.key("unknown").number(bucket.unknown).key("offset_unknown").number(bucket.offset_unknown);
  json.key("failed").open('[');
  for (const auto& [code, count] : bucket.failed) {
    json.open('{').key("code").number(code).key("count").number(count).close('}');
  }
  json.close(']');
  write_latency(bucket.latency, json);
}

void write_ranges(std::string_view name, const std::vector<OffsetRange>& ranges, JsonLine& json) {
  json.key(name).open('[');
  for (const OffsetRange& range : ranges) {
    json.open('[').number(range.begin.value).number(range.end.value - 1).close(']');
  }
  json.close(']');
}

void write(const CoverageChunk& chunk, JsonLine& json) {
  json.key("client").number(chunk.client);
  write_tier(chunk.tier, json);
  json.key("topic").text(chunk.topic).key("partition").number(chunk.partition.value);
  write_label(chunk.label, json);
  json.key("session").number(chunk.session);
  write_ranges("seen", chunk.seen, json);
  json.key("again").open('[');
  for (const Repeat& repeat : chunk.again) {
    json.open('[')
        .number(repeat.range.begin.value)
        .number(repeat.range.end.value - 1)
        .number(repeat.times)
        .close(']');
  }
  json.close(']');
  if (!chunk.reordered.empty()) write_ranges("reordered", chunk.reordered, json);
}

void write(const Position& position, JsonLine& json) {
  json.key("client").number(position.client).key("topic").text(position.topic);
  json.key("partition").number(position.partition.value).key("session").number(position.session);
  json.key("session_first").number(position.session_first.value).key("next").number(position.next.value);
  json.key("high").number(position.high.value).key("committed").number(position.committed.value);
  json.key("last_time_ms").number(position.last_time_ms);
}

void write(const Rate& rate, JsonLine& json) {
  json.key("client").number(rate.client);
  write_tier(rate.tier, json);
  json.key("topic").text(rate.topic).key("minute_ms").number(rate.minute_ms);
  json.key("count").number(rate.count).key("bytes").number(rate.bytes);
}

template <class Item>
void write_all(std::string_view key, const std::vector<Item>& items, JsonLine& json) {
  json.key(key).open('[');
  for (const Item& item : items) {
    json.open('{');
    write(item, json);
    json.close('}');
  }
  json.close(']');
}

}  // namespace

std::string report_to_json(const Report& report) {
  JsonLine json;
  json.open('{').key("version").number(report.version).key("reporter").text(report.reporter.hex());
  json.key("number").number(report.number.value).key("from_ms").number(report.from_ms);
  json.key("complete_up_to_ms").number(report.complete_up_to_ms).key("closed").boolean(report.closed);
  json.key("cluster_id").text(report.cluster_id).key("data_center").text(report.data_center);
  json.key("host").text(report.host).key("ip").text(report.ip).key("service").text(report.service);
  json.key("pid").number(report.pid).key("bucket_ms").number(report.bucket_ms);
  json.key("audit_partitions").number(report.audit_partitions);
  write_all("clients", report.clients, json);
  write_all("entries", report.entries, json);
  write_all("coverage", report.coverage, json);
  write_all("positions", report.positions, json);
  write_all("rates", report.rates, json);
  json.key("dropped").open('{').key("messages").number(report.dropped.messages);
  json.key("coverage").number(report.dropped.coverage).key("topics").number(report.dropped.topics).close('}');
  json.close('}');
  return std::move(json).take();
}

}  // namespace waybill::tally
