#include "ledger/documents.h"

#include <algorithm>
#include <charconv>

#include "base/json_text.h"
#include "base/utf8.h"

namespace waybill::ledger {
namespace {

constexpr char kSeparator = '\x1f';

/// "_source.message" stands beside "_source.hostName".
std::vector<std::string> paths_beside(const std::vector<std::string>& envelope) {
  std::string prefix;
  for (size_t i = 0; i + 1 < envelope.size(); ++i) prefix += envelope[i] + ".";
  std::vector<std::string> paths;
  for (std::string_view field : Origins::kFields) paths.push_back(prefix + std::string(field));
  return paths;
}

std::string joined(const Origins::Values& values) {
  std::string out;
  for (const std::string& value : values) {
    out += std::to_string(value.size());
    (out += ':') += value;
  }
  return out;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
}

void append_member(std::string& out, std::string_view name, int64_t number) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
  out += std::to_string(number);
}

void append_origin(std::string& out, std::string_view name, const Origins::Values& values) {
  out += ',';
  append_json_string(out, name);
  out += ":{";
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i].empty()) append_member(out, Origins::kFields[i], values[i]);
  }
  out += '}';
}

/// Of both log lines: one value, or a list when they differ.
void append_both(std::string& out, const Origins::Values& a, const Origins::Values& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].empty() || b[i].empty() || a[i] == b[i]) {
      const std::string& value = a[i].empty() ? b[i] : a[i];
      if (!value.empty()) append_member(out, Origins::kFields[i], value);
      continue;
    }
    out += ',';
    append_json_string(out, Origins::kFields[i]);
    out += ":[";
    append_json_string(out, a[i]);
    out += ',';
    append_json_string(out, b[i]);
    out += ']';
  }
}

void append_escaped(std::string& out, std::string_view part) {
  for (const char c : part) {
    if (c == '/' || c == '%') {
      out += c == '/' ? "%2F" : "%25";
    } else {
      out += c;
    }
  }
}

}  // namespace

Origins::Origins(const std::vector<std::string>& envelope) : fields_(paths_beside(envelope)), values_(1) {}

uint16_t Origins::of(std::string_view line) {
  Values values;
  if (fields_.parse(line) != decode::LineState::kObject) return 0;
  bool any = false;
  for (size_t i = 0; i < values.size(); ++i) {
    const decode::FieldValue value = fields_.value(i);
    if (!value.has_text()) continue;
    values[i] = to_utf8(value.text.substr(0, kValueBytesMax));
    any = any || !values[i].empty();
  }
  return any ? number_of(std::move(values)) : uint16_t{0};
}

uint16_t Origins::number_of(Values values) {
  key_ = joined(values);
  auto found = numbers_.find(key_);
  if (found != numbers_.end()) return found->second;
  if (values_.size() > kOriginsMax) return 0;
  const auto number = static_cast<uint16_t>(values_.size());
  numbers_.emplace(key_, number);
  values_.push_back(std::move(values));
  changed_ = true;
  return number;
}

std::string Origins::encode() {
  changed_ = false;
  std::string out;
  for (size_t i = 1; i < values_.size(); ++i) out += joined(values_[i]);
  return out;
}

Result<void> Origins::restore(std::string_view bytes) {
  while (!bytes.empty()) {
    Values values;
    for (std::string& value : values) {
      size_t size = 0;
      auto [at, fault] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), size);
      const auto digits = static_cast<size_t>(at - bytes.data());
      if (fault != std::errc() || digits == bytes.size() || *at != ':' || size > bytes.size() - digits - 1)
        return fail(Errc::kCorrupt, "ledger state: origins cannot be read");
      value = bytes.substr(digits + 1, size);
      bytes.remove_prefix(digits + 1 + size);
    }
    (void)number_of(std::move(values));
  }
  changed_ = false;
  return {};
}

std::optional<DocumentRow> parse_document_row(const flow::OutboxKey& row) {
  if (row.table != kDocumentOutbox) return std::nullopt;
  const std::string_view key = row.key;
  const size_t first = key.find(kSeparator);
  const size_t second = first == std::string_view::npos ? first : key.find(kSeparator, first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  DocumentRow out{.ledger = key.substr(0, first), .time_ms = 0, .id = key.substr(second + 1)};
  auto [at, fault] = std::from_chars(key.data() + first + 1, key.data() + second, out.time_ms);
  if (fault != std::errc() || at != key.data() + second) return std::nullopt;
  return out;
}

std::string document_id(std::string_view producer, std::string_view uid, std::string_view consumer) {
  std::string out;
  append_escaped(out, producer);
  out += '/';
  append_escaped(out, uid);
  out += '/';
  append_escaped(out, consumer);
  return out;
}

void Documents::put(const MessageState& state, const Roster& roster, const Origins& origins) {
  const ProducerName& producer = roster.producers()[state.producer];
  const ConsumerName& consumer = producer.consumers[state.consumer];
  std::string key = ledger_ + kSeparator + std::to_string(state.produce_time) + kSeparator +
                    document_id(producer.name, state.uid, consumer.name);
  std::string body = "{";
  append_member(body, "producer", producer.name);
  append_member(body, "uid", state.uid);
  append_member(body, "consumer", consumer.name);
  append_member(body, "produce_time", state.produce_time);
  if (!producer.desc.empty()) append_member(body, "desc", producer.desc);
  if (!consumer.desc.empty()) append_member(body, "consumer_desc", consumer.desc);
  if (state.produced) append_member(body, "mq_chanel", consumer.name);
  const Origins::Values& sent = origins[state.produce_origin];
  const Origins::Values& handled = origins[state.consumed ? state.consumed->origin : uint16_t{0}];
  if (state.consumed) {
    append_member(body, "ctime", state.consumed->latency_ms);
    append_member(body, "consume_time", state.consumed->time);
  }
  append_both(body, sent, handled);
  if (state.produce_origin != 0) append_origin(body, "produce_log", sent);
  if (state.consumed && state.consumed->origin != 0) append_origin(body, "consume_log", handled);
  body += '}';
  auto [at, is_new] = by_key_.try_emplace(key, rows_.size());
  bytes_ += body.size() + (is_new ? key.size() : 0);
  if (is_new) {
    rows_.push_back({std::string(kDocumentOutbox), std::move(key), std::move(body)});
  } else {
    rows_[at->second].body = std::move(body);
  }
}

void Documents::flush(std::vector<flow::OutboxKey>& outbox) {
  std::move(rows_.begin(), rows_.end(), std::back_inserter(outbox));
  rows_.clear();
  by_key_.clear();
  bytes_ = 0;
}

}  // namespace waybill::ledger
