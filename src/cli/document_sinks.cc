#include "cli/document_sinks.h"

#include <algorithm>

#include "audit/query_hops.h"
#include "audit/tables.h"
#include "base/assert.h"
#include "cli/ledger_search.h"
#include "ledger/documents.h"
#include "sink/opensearch.h"
#include "sink/version_base.h"

namespace waybill::cli {
namespace {

sink::OpensearchSinkOptions sink_options(const JobParts& parts, const IndexSettings& index,
                                         sink::DocumentKind kind) {
  const search::Server* server = search_server(parts.config.search, index.server);
  ASSERT(server != nullptr);  // the configuration's check has found it before
  return {.server = *server,
          .alias = index.alias,
          .kind = kind,
          .keep_days = index.keep_days,
          .version_base = [&store = parts.store, &clock = parts.clock, owner = parts.owner] {
            return sink::version_base(store, owner, clock);
          }};
}

/// Reads the rows that records name, and passes them on as documents.
class HopSink final : public sink::ForwardSink {
 public:
  HopSink(std::unique_ptr<sink::ForwardSink> inner, flow::Store& store)
      : inner_(std::move(inner)), store_(store) {}

  sink::Delivery deliver(std::span<const sink::ForwardRecord> records, Millis wait) override {
    auto before = [](const sink::ForwardRecord& a, int64_t sequence) { return a.sequence < sequence; };
    documents_.erase(documents_.begin(), std::lower_bound(documents_.begin(), documents_.end(),
                                                          records.front().sequence, before));
    for (const sink::ForwardRecord& record : records) {
      if (record.sequence <= read_to_) continue;
      auto found = audit::hop_document(store_, record.key);
      if (!found) return {.error = std::move(found.error())};
      read_to_ = record.sequence;
      if (!*found) continue;  // expired
      sink::ForwardRecord& document = documents_.emplace_back();
      document.sequence = record.sequence;
      document.time_ms = (*found)->begin_ms;
      document.has_key = true;
      document.key = std::move((*found)->id);
      document.value = std::move((*found)->body);
    }
    if (documents_.empty()) return {.done = records.size(), .error = std::nullopt};
    sink::Delivery delivery = inner_->deliver(documents_, wait);
    if (delivery.done == documents_.size()) {
      delivery.done = records.size();
    } else {
      const auto rest =
          std::lower_bound(records.begin(), records.end(), documents_[delivery.done].sequence, before);
      delivery.done = static_cast<size_t>(rest - records.begin());
    }
    return delivery;
  }
  Result<sink::SinkState> check(int64_t done_to, Millis wait) override {
    return inner_->check(done_to, wait);
  }
  void begin() override {
    documents_.clear();
    read_to_ = 0;
    inner_->begin();
  }
  void interrupt() override { inner_->interrupt(); }

 private:
  std::unique_ptr<sink::ForwardSink> inner_;
  flow::Store& store_;
  std::vector<sink::ForwardRecord> documents_;  ///< of records that are offered and not expired
  int64_t read_to_ = 0;                         ///< records up to here have been looked up
};

}  // namespace

DocumentRoutes::DocumentRoutes(const JobParts& parts, std::vector<sink::NamedSink>& sinks) {
  std::map<std::pair<std::string, std::string>, size_t> known;
  for (const LedgerSettings& ledger : parts.config.ledgers) {
    const IndexSettings& index = ledger.index;
    if (index.server.empty()) continue;
    auto [at, is_new] = known.try_emplace({index.server, index.alias}, sinks.size());
    if (is_new) {
      sinks.push_back({.name = index.server + " " + index.alias,
                       .sink = sink::make_opensearch_sink(
                           sink_options(parts, index, sink::DocumentKind::kMessages), parts.clock, parts.log),
                       .latest_only = true});
    }
    ledgers_[ledger.name] = at->second;
  }
  const IndexSettings& hops = parts.config.audit.index;
  if (hops.server.empty()) return;
  hops_ = sinks.size();
  sinks.push_back({.name = hops.server + " " + hops.alias,
                   .sink = std::make_unique<HopSink>(
                       sink::make_opensearch_sink(sink_options(parts, hops, sink::DocumentKind::kHops),
                                                  parts.clock, parts.log),
                       parts.store),
                   .latest_only = true});
}

std::vector<sink::ShownTable> document_tables(const Config& config) {
  if (config.audit.index.server.empty()) return {};
  const flow::TableSpec& table = audit::hop_table();
  sink::ShownTable shown{.table = &table, .columns = {}};
  for (size_t i = 0; i < table.keys.size(); ++i) shown.columns.push_back(i);
  return {shown};
}

std::optional<sink::Routed> DocumentRoutes::route(flow::OutboxRow& row) const {
  if (hops_ && row.key.table == audit::hop_table().name) {
    sink::Routed hop{.sink = *hops_, .record = {}};
    hop.record.sequence = row.sequence;
    hop.record.key = row.key.key;
    return hop;
  }
  auto document = ledger::parse_document_row(row.key);
  if (!document) return std::nullopt;
  auto at = ledgers_.find(document->ledger);
  if (at == ledgers_.end()) return std::nullopt;
  sink::Routed out{.sink = at->second, .record = {}};
  out.record.sequence = row.sequence;
  out.record.time_ms = document->time_ms;
  out.record.has_key = true;
  out.record.key = document->id;
  out.record.value = std::move(row.key.body);
  return out;
}

}  // namespace waybill::cli
