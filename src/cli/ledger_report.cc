#include "cli/ledger_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/finding_text.h"
#include "cli/ledger_latency.h"

namespace waybill::cli {
namespace {

using Json = nlohmann::ordered_json;
using Consumer = LedgerSummary::Consumer;
using Producer = LedgerSummary::Producer;

Json consumer_json(const Consumer& consumer) {
  Json out;
  out["name"] = consumer.name;
  out["desc"] = consumer.desc;
  out["consumed"] = consumer.consumed;
  out["unconsumed"] = consumer.unconsumed;
  out["duplicated"] = consumer.duplicated;
  out["unrecorded"] = consumer.unrecorded;
  out["latency_ms"] = latency_json(consumer.latency);
  return out;
}

std::string text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

LedgerSummary summary_of(std::string group, const LedgerFindings& findings) {
  LedgerSummary out{.group = std::move(group), .counts = findings.counts, .malformed = findings.malformed};
  for (size_t p = 0; p < findings.names.size(); ++p) {
    const ledger::ProducerName& name = findings.names[p];
    // Of a producer without lines, or a consumer that never appeared, there are no totals.
    static const ledger::ProducerTotals kNone;
    const bool any = p < findings.totals.producers().size();
    const ledger::ProducerTotals& totals = any ? findings.totals.producers()[p] : kNone;
    Producer producer{name.name, name.desc, totals.produced};
    for (size_t c = 0; c < name.consumers.size(); ++c) {
      static const ledger::ConsumerTotals kNever;
      const ledger::ConsumerTotals& figures = c < totals.consumers.size() ? totals.consumers[c] : kNever;
      producer.consumers.push_back({name.consumers[c].name, name.consumers[c].desc, figures.consumed,
                                    totals.produced - figures.matched, figures.duplicated,
                                    figures.unrecorded(), figures.latency});
    }
    out.producers.push_back(std::move(producer));
  }
  out.sort();
  return out;
}

void LedgerSummary::sort() {
  auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(producers.begin(), producers.end(), by_name);
  for (Producer& producer : producers)
    std::sort(producer.consumers.begin(), producer.consumers.end(), by_name);
}

LedgerSums ledger_sums(const LedgerSummary& summary) {
  LedgerSums sums;
  for (const Producer& producer : summary.producers) {
    for (const Consumer& consumer : producer.consumers) {
      sums.unconsumed += consumer.unconsumed;
      sums.duplicated += consumer.duplicated;
      sums.unrecorded += consumer.unrecorded;
    }
  }
  return sums;
}

std::string ledger_json(const LedgerSummary& summary) {
  Json out;
  out["group"] = summary.group;
  out["lines"] = summary.counts.lines;
  out["ignored"] = summary.counts.ignored;
  out["malformed"] = summary.counts.malformed;
  out["failed"] = summary.counts.failed;
  out["producers"] = Json::array();
  for (const Producer& from : summary.producers) {
    Json producer;
    producer["name"] = from.name;
    producer["desc"] = from.desc;
    producer["produced"] = from.produced;
    producer["consumers"] = Json::array();
    for (const Consumer& consumer : from.consumers) producer["consumers"].push_back(consumer_json(consumer));
    out["producers"].push_back(std::move(producer));
  }
  return text(out);
}

std::vector<std::string> ledger_ndjson(const LedgerSummary& summary) {
  std::vector<std::string> out;
  for (const Producer& producer : summary.producers) {
    for (const Consumer& consumer : producer.consumers) {
      Json line;
      line["group"] = summary.group;
      line["producer"] = producer.name;
      line["consumer"] = consumer.name;
      line["produced"] = producer.produced;
      line.update(consumer_json(consumer));
      line.erase("name");
      line.erase("desc");
      out.push_back(text(line) + "\n");
    }
  }
  return out;
}

std::string ledger_table(const LedgerSummary& summary) {
  std::string out = fmt::format("{:<32}  {:<32} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}\n",
                                "PRODUCER", "CONSUMER", "PRODUCED", "CONSUMED", "UNCONSUMED", "DUPLICATED",
                                "UNRECORDED", "P50 MS", "P99 MS", "MAX MS");
  for (const Producer& producer : summary.producers) {
    for (const Consumer& consumer : producer.consumers) {
      out += fmt::format("{:<32}  {:<32} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8}\n",
                         shown(producer.desc.empty() ? producer.name : producer.desc),
                         shown(consumer.desc.empty() ? consumer.name : consumer.desc), producer.produced,
                         consumer.consumed, consumer.unconsumed, consumer.duplicated, consumer.unrecorded,
                         consumer.latency.quantile(0.5), consumer.latency.quantile(0.99),
                         consumer.latency.max());
    }
  }
  const LedgerSums sums = ledger_sums(summary);
  const ledger::LineCounts& counts = summary.counts;
  out += fmt::format(
      "\n{}: {} unconsumed, {} duplicated, {} unrecorded; {} lines, {} ignored, {} malformed, {} failed "
      "sends\n",
      shown(summary.group), sums.unconsumed, sums.duplicated, sums.unrecorded, counts.lines, counts.ignored,
      counts.malformed, counts.failed);
  for (const MalformedPlace& place : summary.malformed)
    out += fmt::format("malformed: {}: {}\n", shown(place.place), fault_text(place.fault));
  if (counts.malformed > summary.malformed.size())
    out +=
        fmt::format("malformed: {} more (--list malformed)\n", counts.malformed - summary.malformed.size());
  return out;
}

bool ledger_fails(const LedgerSummary& summary, const std::vector<std::string>& fail_on) {
  const LedgerSums sums = ledger_sums(summary);
  return std::any_of(fail_on.begin(), fail_on.end(), [&](const std::string& what) {
    return (what == "unconsumed" && sums.unconsumed) || (what == "duplicated" && sums.duplicated) ||
           (what == "unrecorded" && sums.unrecorded) || (what == "malformed" && summary.counts.malformed);
  });
}

std::string exception_json(const ExceptionLine& line) {
  const bool consumed = line.consume_time >= 0;
  Json out;
  out["producer"] = line.producer;
  out["consumer"] = line.consumer;
  out["uid"] = line.uid;
  out["produce_time"] = line.produce_time;
  out["consume_time"] = consumed ? Json(line.consume_time) : Json();
  out["latency_ms"] = consumed ? Json(line.consume_time - line.produce_time) : Json();
  if (line.late) out["late"] = true;
  return text(out) + "\n";
}

std::string malformed_json(std::string_view place, std::string_view reason, std::string_view sample) {
  Json out;
  out["place"] = place;
  out["reason"] = reason;
  out["text"] = sample;
  return text(out) + "\n";
}

}  // namespace waybill::cli
