#include "cli/ledger_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/finding_text.h"
#include "cli/ledger_latency.h"

namespace waybill::cli {
namespace {

using Json = nlohmann::ordered_json;
using ledger::ConsumerTotals;

/// Of a producer without lines, or a consumer that never appeared: nothing.
const ledger::ProducerTotals& totals_of(const LedgerFindings& findings, size_t producer) {
  static const ledger::ProducerTotals kNone;
  return producer < findings.totals.producers().size() ? findings.totals.producers()[producer] : kNone;
}
const ConsumerTotals& totals_of(const ledger::ProducerTotals& producer, size_t consumer) {
  static const ConsumerTotals kNone;
  return consumer < producer.consumers.size() ? producer.consumers[consumer] : kNone;
}

template <class Names>
std::vector<size_t> sorted(const Names& names) {
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&names](size_t a, size_t b) { return names[a].name < names[b].name; });
  return order;
}

Json consumer_json(const ledger::ConsumerName& name, uint64_t produced, const ConsumerTotals& totals) {
  Json out;
  out["name"] = name.name;
  out["desc"] = name.desc;
  out["consumed"] = totals.consumed;
  out["unconsumed"] = produced - totals.matched;
  out["duplicated"] = totals.duplicated;
  out["unrecorded"] = totals.unrecorded();
  out["latency_ms"] = latency_json(totals.latency);
  return out;
}

/// fn(producer's name, its totals, consumer's name, its totals), sorted by names.
template <class Fn>
void for_each_pair(const LedgerFindings& findings, Fn fn) {
  for (size_t p : sorted(findings.names)) {
    const ledger::ProducerName& producer = findings.names[p];
    const ledger::ProducerTotals& totals = totals_of(findings, p);
    for (size_t c : sorted(producer.consumers))
      fn(producer, totals, producer.consumers[c], totals_of(totals, c));
  }
}

std::string text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

LedgerSums ledger_sums(const LedgerFindings& findings) {
  LedgerSums sums;
  for_each_pair(findings,
                [&sums](const auto&, const auto& producer, const auto&, const ConsumerTotals& totals) {
                  sums.unconsumed += producer.produced - totals.matched;
                  sums.duplicated += totals.duplicated;
                  sums.unrecorded += totals.unrecorded();
                });
  return sums;
}

std::string ledger_json(std::string_view group, const LedgerFindings& findings) {
  Json out;
  out["group"] = group;
  out["lines"] = findings.counts.lines;
  out["ignored"] = findings.counts.ignored;
  out["malformed"] = findings.counts.malformed;
  out["failed"] = findings.counts.failed;
  out["producers"] = Json::array();
  for (size_t p : sorted(findings.names)) {
    const ledger::ProducerName& name = findings.names[p];
    const ledger::ProducerTotals& totals = totals_of(findings, p);
    Json producer;
    producer["name"] = name.name;
    producer["desc"] = name.desc;
    producer["produced"] = totals.produced;
    producer["consumers"] = Json::array();
    for (size_t c : sorted(name.consumers))
      producer["consumers"].push_back(
          consumer_json(name.consumers[c], totals.produced, totals_of(totals, c)));
    out["producers"].push_back(std::move(producer));
  }
  return text(out);
}

std::string ledger_ndjson(std::string_view group, const LedgerFindings& findings) {
  std::string out;
  for_each_pair(findings, [&](const auto& producer, const auto& totals, const auto& consumer,
                              const ConsumerTotals& figures) {
    Json line;
    line["group"] = group;
    line["producer"] = producer.name;
    line["consumer"] = consumer.name;
    line["produced"] = totals.produced;
    line.update(consumer_json(consumer, totals.produced, figures));
    line.erase("name");
    line.erase("desc");
    out += text(line) + "\n";
  });
  return out;
}

std::string ledger_table(std::string_view group, const LedgerFindings& findings) {
  std::string out = fmt::format("{:<32}  {:<32} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}\n",
                                "PRODUCER", "CONSUMER", "PRODUCED", "CONSUMED", "UNCONSUMED", "DUPLICATED",
                                "UNRECORDED", "P50 MS", "P99 MS", "MAX MS");
  for_each_pair(findings, [&out](const auto& producer, const auto& totals, const auto& consumer,
                                 const ConsumerTotals& figures) {
    out += fmt::format("{:<32}  {:<32} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}\n",
                       shown(producer.desc.empty() ? producer.name : producer.desc),
                       shown(consumer.desc.empty() ? consumer.name : consumer.desc), totals.produced,
                       figures.consumed, totals.produced - figures.matched, figures.duplicated,
                       figures.unrecorded(), figures.latency.quantile(0.5), figures.latency.quantile(0.99),
                       figures.latency.max());
  });
  const LedgerSums sums = ledger_sums(findings);
  const ledger::LineCounts& counts = findings.counts;
  out += fmt::format(
      "\n{}: {} unconsumed, {} duplicated, {} unrecorded; {} lines, {} ignored, {} malformed, {} failed "
      "sends\n",
      shown(group), sums.unconsumed, sums.duplicated, sums.unrecorded, counts.lines, counts.ignored,
      counts.malformed, counts.failed);
  for (const MalformedPlace& place : findings.malformed)
    out += fmt::format("malformed: {}:{}: {}\n", shown(place.file), place.line, fault_text(place.fault));
  if (counts.malformed > findings.malformed.size())
    out +=
        fmt::format("malformed: {} more (--list malformed)\n", counts.malformed - findings.malformed.size());
  return out;
}

std::string exception_json(const ledger::Exception& exception,
                           const std::vector<ledger::ProducerName>& names) {
  const ledger::ProducerName& producer = names[exception.producer];
  const bool consumed = exception.consume_time >= 0;
  Json out;
  out["producer"] = producer.name;
  out["consumer"] = producer.consumers[exception.consumer].name;
  out["uid"] = exception.uid;
  out["produce_time"] = exception.produce_time;
  out["consume_time"] = consumed ? Json(exception.consume_time) : Json();
  out["latency_ms"] = consumed ? Json(exception.consume_time - exception.produce_time) : Json();
  return text(out) + "\n";
}

std::string malformed_json(const MalformedPlace& place) {
  Json out;
  out["place"] = fmt::format("{}:{}", place.file, place.line);
  out["reason"] = fault_text(place.fault);
  out["text"] = place.text;
  return text(out) + "\n";
}

}  // namespace waybill::cli
