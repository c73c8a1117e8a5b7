#include "ledger/stream_rows.h"

#include "ledger/tables.h"
#include "tally/latency_text.h"

namespace waybill::ledger {
namespace {

using flow::RowChange;

std::string kind_text(Exception::Kind kind) {
  switch (kind) {
    case Exception::Kind::kUnconsumed:
      return "unconsumed";
    case Exception::Kind::kDuplicated:
      return "duplicated";
    case Exception::Kind::kUnrecorded:
      return "unrecorded";
  }
  return {};
}

}  // namespace

void StreamRows::change(const Exception& e, const Roster& roster, RowChange::Op op) {
  const ProducerName& producer = roster.producers()[e.producer];
  RowChange row{.table = &exception_table(),
                .op = op,
                .key = {ledger_, kind_text(e.kind), e.produce_time, uid_key(e.uid), producer.name,
                        producer.consumers[e.consumer].name},
                .values = {}};
  if (op == RowChange::Op::kUpsert) row.values = {e.consume_time};
  rows_.push_back(std::move(row));
}

void StreamRows::malformed(std::string place, const MalformedLine& line, int64_t time_ms) {
  rows_.push_back({.table = &malformed_table(),
                   .op = RowChange::Op::kUpsert,
                   .key = {ledger_, std::move(place)},
                   .values = {std::string(fault_text(line.fault)), line.text, time_ms}});
}

void StreamRows::lines(const LineCounts& counts, int64_t overflow) {
  counts_ += counts;
  overflow_ += overflow;
}

void StreamRows::flush(const Roster& roster, flow::Rows& rows) {
  std::move(rows_.begin(), rows_.end(), std::back_inserter(rows));
  rows_.clear();
  for (const auto& [key, delta] : deltas_) {
    const ProducerName& producer = roster.producers()[key.producer];
    const bool own = key.consumer == kProducer;
    rows.push_back({.table = &bucket_table(),
                    .op = RowChange::Op::kUpsert,
                    .key = {ledger_, key.start, producer.name,
                            own ? std::string() : producer.consumers[key.consumer].name},
                    .values = {delta.produced, delta.consumed, delta.duplicated, delta.unconsumed,
                               delta.unrecorded, tally::latency_text(delta.latency)}});
  }
  deltas_.clear();
  last_ = nullptr;
  if (counts_.lines == 0 && overflow_ == 0) return;
  auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
  rows.push_back({.table = &line_table(),
                  .op = RowChange::Op::kUpsert,
                  .key = {ledger_, part_},
                  .values = {number(counts_.lines), number(counts_.ignored), number(counts_.malformed),
                             number(counts_.failed), overflow_}});
  counts_ = {};
  overflow_ = 0;
}

}  // namespace waybill::ledger
