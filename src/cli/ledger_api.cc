#include "cli/ledger_api.h"

#include <algorithm>
#include <array>

#include "audit/query_json.h"
#include "audit/query_params.h"
#include "cli/ledger_latency.h"
#include "ledger/tables.h"
#include "tally/latency_text.h"

namespace waybill::cli {
namespace {

using audit::Json;
using audit::text_of;
using flow::Filter;
using flow::number;
using flow::text;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kPageRows = 1000;
constexpr int64_t kPageRowsMax = 10'000;
constexpr int64_t kGroupRowsMax = 100'000;
constexpr int64_t kMalformedShown = 20;

Filter equals(std::string column, flow::Value value) {
  return {std::move(column), Filter::Op::kEq, std::move(value)};
}

/// Of an encoded sketch; nulls when it holds nothing.
Json stored_latency(const std::string& encoded) {
  auto sketch = tally::parse_latency_text(encoded);
  return latency_json(sketch ? *sketch : tally::LatencySketch());
}

/// Values in the order of ledger::bucket_table().
void add_figures(Json& out, const std::vector<flow::Value>& values) {
  out["consumed"] = number(values[1]);
  out["unconsumed"] = number(values[3]);
  out["duplicated"] = number(values[2]);
  out["unrecorded"] = number(values[4]);
  out["latency_ms"] = stored_latency(text(values[5]));
}

Json producers_of(const LedgerSettings& ledger, const flow::Page& page) {
  auto desc_of = [&ledger](const std::string& producer, const std::string& consumer) -> std::string {
    for (const ledger::ProducerName& p : ledger.producers) {
      if (p.name != producer) continue;
      if (consumer.empty()) return p.desc;
      for (const ledger::ConsumerName& c : p.consumers) {
        if (c.name == consumer) return c.desc;
      }
    }
    return {};
  };
  Json producers = Json::array();
  std::vector<const flow::Page::Row*> rows;
  for (const auto& row : page.rows) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  for (const flow::Page::Row* row : rows) {
    const std::string& name = text(row->key[0]);
    const std::string& consumer = text(row->key[1]);
    if (producers.empty() || producers.back()["name"] != name)
      producers.push_back(
          {{"name", name}, {"desc", desc_of(name, "")}, {"produced", 0}, {"consumers", Json::array()}});
    if (consumer.empty()) {
      producers.back()["produced"] = number(row->values[0]);
      continue;
    }
    Json entry{{"name", consumer}, {"desc", desc_of(name, consumer)}};
    add_figures(entry, row->values);
    producers.back()["consumers"].push_back(std::move(entry));
  }
  return producers;
}

Result<Json> ledger_json(flow::Store& store, const LedgerSettings& ledger) {
  Json out{{"group", ledger.name},
           {"deadline_ms", ledger.deadline.count()},
           {"horizon_ms", ledger.horizon.count()},
           {"bucket_ms", ledger.bucket.count()},
           {"cluster", ledger.source.cluster},
           {"topics", ledger.source.topics}};
  auto lines = store.query(
      {.table = &ledger::line_table(), .where = {equals("ledger", ledger.name)}, .group_by = {"ledger"}});
  if (!lines) return tl::make_unexpected(std::move(lines.error()));
  constexpr std::array kNames = {"lines", "ignored", "malformed", "failed", "overflow"};
  for (size_t i = 0; i < kNames.size(); ++i)
    out[kNames[i]] = lines->rows.empty() ? 0 : number(lines->rows[0].values[i]);
  auto sums = store.query({.table = &ledger::bucket_table(),
                           .where = {equals("ledger", ledger.name)},
                           .group_by = {"producer", "consumer"},
                           .limit = kGroupRowsMax});
  if (!sums) return tl::make_unexpected(std::move(sums.error()));
  out["producers"] = producers_of(ledger, *sums);
  auto samples = store.query({.table = &ledger::malformed_table(),
                              .where = {equals("ledger", ledger.name)},
                              .limit = kMalformedShown});
  if (!samples) return tl::make_unexpected(std::move(samples.error()));
  out["malformed_samples"] = Json::array();
  for (const auto& row : samples->rows)
    out["malformed_samples"].push_back(
        {{"place", text(row.key[1])}, {"reason", text(row.values[0])}, {"text", text(row.values[1])}});
  return out;
}

/// Filters that both lists share; the page's size and place.
Result<flow::Query> page_query(const flow::TableSpec& table, std::string time_column,
                               const LedgerSettings& ledger, const audit::Params& params,
                               audit::TimeRange range) {
  flow::Query query{.table = &table, .where = {equals("ledger", ledger.name)}};
  query.where.push_back({time_column, Filter::Op::kGe, range.from_ms});
  query.where.push_back({std::move(time_column), Filter::Op::kLt, range.to_ms});
  if (auto producer = params("producer")) query.where.push_back(equals("producer", *producer));
  if (auto consumer = params("consumer")) query.where.push_back(equals("consumer", *consumer));
  auto limit = audit::positive_number(params, "limit", kPageRows, kPageRowsMax);
  if (!limit) return tl::make_unexpected(std::move(limit.error()));
  query.limit = *limit;
  query.cursor = params("next").value_or("");
  return query;
}

}  // namespace

Result<std::string> ledgers_json(flow::Store& store, const std::vector<LedgerSettings>& ledgers) {
  Json list = Json::array();
  for (const LedgerSettings& ledger : ledgers) {
    auto entry = ledger_json(store, ledger);
    if (!entry) return tl::make_unexpected(std::move(entry.error()));
    list.push_back(std::move(*entry));
  }
  return text_of({{"ledgers", std::move(list)}});
}

Result<std::string> ledger_buckets_json(flow::Store& store, const LedgerSettings& ledger,
                                        const audit::Params& params, Now now) {
  auto range = audit::time_range(params, now, {now.wall_ms - kDayMs, now.wall_ms + kDayMs});
  if (!range) return tl::make_unexpected(std::move(range.error()));
  auto query = page_query(ledger::bucket_table(), "start", ledger, params, *range);
  if (!query) return tl::make_unexpected(std::move(query.error()));
  auto page = store.query(*query);
  if (!page) return tl::make_unexpected(std::move(page.error()));
  Json list = Json::array();
  for (const auto& row : page->rows) {
    const std::string& consumer = text(row.key[3]);
    Json entry{{"start", number(row.key[1])}, {"producer", text(row.key[2])}};
    if (consumer.empty()) {
      entry["produced"] = number(row.values[0]);
    } else {
      entry["consumer"] = consumer;
      add_figures(entry, row.values);
    }
    list.push_back(std::move(entry));
  }
  Json out{{"group", ledger.name}, {"bucket_ms", ledger.bucket.count()}, {"buckets", std::move(list)}};
  if (page->next) out["next"] = *page->next;
  return text_of(out);
}

Result<std::string> ledger_exceptions_json(flow::Store& store, const LedgerSettings& ledger,
                                           const audit::Params& params, Now now) {
  constexpr std::array<std::string_view, 4> kKinds = {"all", "unconsumed", "duplicated", "unrecorded"};
  auto kind = audit::one_of(params, "kind", kKinds, "all");
  if (!kind) return tl::make_unexpected(std::move(kind.error()));
  auto range = audit::time_range(params, now, {0, now.wall_ms + kDayMs});
  if (!range) return tl::make_unexpected(std::move(range.error()));
  auto query = page_query(ledger::exception_table(), "produce_time", ledger, params, *range);
  if (!query) return tl::make_unexpected(std::move(query.error()));
  if (*kind != "all") query->where.push_back(equals("kind", *kind));
  auto page = store.query(*query);
  if (!page) return tl::make_unexpected(std::move(page.error()));
  Json list = Json::array();
  for (const auto& row : page->rows) {
    const int64_t produced = number(row.key[2]);
    const int64_t consumed = number(row.values[0]);
    list.push_back({{"kind", text(row.key[1])},
                    {"producer", text(row.key[4])},
                    {"consumer", text(row.key[5])},
                    {"uid", text(row.key[3])},
                    {"produce_time", produced},
                    {"consume_time", consumed < 0 ? Json() : Json(consumed)},
                    {"latency_ms", consumed < 0 ? Json() : Json(consumed - produced)}});
  }
  Json out{{"group", ledger.name}, {"exceptions", std::move(list)}};
  if (page->next) out["next"] = *page->next;
  return text_of(out);
}

}  // namespace waybill::cli
