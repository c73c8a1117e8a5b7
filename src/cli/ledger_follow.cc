#include "cli/ledger_follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/ledger_report.h"
#include "cli/ledger_task_options.h"
#include "cli/stop_signal.h"
#include "ledger/tables.h"
#include "tally/latency_text.h"

namespace waybill::cli {
namespace {

using flow::number;
using flow::RowChange;
using flow::text;

constexpr Millis kPollWait{200};
constexpr int64_t kPrintEveryMs = 1'000;

/// Adds up the rows that the ledger's Task would store.
class LiveFigures {
 public:
  explicit LiveFigures(const LedgerSettings& settings) {
    for (const ledger::ProducerName& producer : settings.producers) {
      Producer& to = producers_[producer.name];
      to.desc = producer.desc;
      for (const ledger::ConsumerName& consumer : producer.consumers)
        to.consumers[consumer.name].desc = consumer.desc;
    }
  }

  void add(const RowChange& row) {
    if (row.table == &ledger::line_table()) {
      counts_.lines += static_cast<uint64_t>(number(row.values[0]));
      counts_.ignored += static_cast<uint64_t>(number(row.values[1]));
      counts_.malformed += static_cast<uint64_t>(number(row.values[2]));
      counts_.failed += static_cast<uint64_t>(number(row.values[3]));
    } else if (row.table == &ledger::bucket_table()) {
      Producer& producer = producers_[text(row.key[2])];
      producer.produced += number(row.values[0]);
      if (text(row.key[3]).empty()) return;
      Consumer& consumer = producer.consumers[text(row.key[3])];
      consumer.consumed += number(row.values[1]);
      consumer.duplicated += number(row.values[2]);
      consumer.unconsumed += number(row.values[3]);
      consumer.unrecorded += number(row.values[4]);
      if (auto latency = tally::parse_latency_text(text(row.values[5]))) consumer.latency.merge(*latency);
    }
  }

  void add_oversized(uint64_t lines) {
    counts_.lines += lines;
    counts_.malformed += lines;
  }

  LedgerSummary summary(const std::string& group) const {
    LedgerSummary out{.group = group, .counts = counts_};
    for (const auto& [name, producer] : producers_) {
      LedgerSummary::Producer to{name, producer.desc, static_cast<uint64_t>(producer.produced)};
      for (const auto& [consumer_name, c] : producer.consumers) {
        to.consumers.push_back({consumer_name, c.desc, static_cast<uint64_t>(c.consumed),
                                static_cast<uint64_t>(c.unconsumed), static_cast<uint64_t>(c.duplicated),
                                static_cast<uint64_t>(c.unrecorded), c.latency});
      }
      out.producers.push_back(std::move(to));
    }
    return out;
  }

 private:
  struct Consumer {
    std::string desc{};
    int64_t consumed = 0, duplicated = 0, unconsumed = 0, unrecorded = 0;
    tally::LatencySketch latency{};
  };
  struct Producer {
    std::string desc{};
    int64_t produced = 0;
    std::map<std::string, Consumer> consumers{};
  };
  ledger::LineCounts counts_{};
  std::map<std::string, Producer> producers_{};
};

/// Of an exception: told, or taken back because the message arrived after all.
std::string exception_line(const RowChange& row) {
  const bool told = row.op == RowChange::Op::kUpsert;
  return exception_json({.producer = text(row.key[4]),
                         .consumer = text(row.key[5]),
                         .uid = text(row.key[3]),
                         .produce_time = number(row.key[2]),
                         .consume_time = told ? number(row.values[0]) : -1,
                         .late = !told});
}

/// "PATH[0]@BYTE" of a file is "PATH@BYTE" to people.
std::string malformed_line(const RowChange& row, bool of_file) {
  std::string place = text(row.key[1]);
  if (of_file) place.erase(place.rfind("[0]@"), 3);
  return malformed_json(place, text(row.values[0]), text(row.values[1]));
}

ledger::LedgerTaskOptions task_options(const LedgerSettings& settings, int64_t produced_from, uint64_t seed) {
  ledger::LedgerTaskOptions options = ledger_task_options(settings, seed);
  options.produced_from = produced_from;
  return options;
}

class Following {
 public:
  Following(const LedgerArgs& args, const LedgerSettings& settings, int64_t produced_from, uint64_t seed,
            LedgerFeed& feed)
      : args_(args),
        name_(settings.name),
        feed_(feed),
        deadline_ms_(settings.deadline.count()),
        figures_(settings),
        task_(task_options(settings, produced_from, seed)) {}

  int run(StopSignal& signal) {
    int64_t print_at_ms = system_clock().now().steady_ms + kPrintEveryMs;
    bool ended = false;
    while (!ended && !signal.wait(Millis{0})) {
      auto batch = feed_.poll(kPollWait);
      const Now now = system_clock().now();
      if (!batch && batch.error().code != Errc::kNotFound) {
        fmt::print(stderr, "waybill: {}\n", batch.error().message);
        return kExitRuntime;
      }
      ended = !batch;
      if (batch && !batch->records.empty()) task_.process(*batch, now);
      if (now.steady_ms < print_at_ms && !ended && task_.pending_bytes() < kFlushBytes) continue;
      print_at_ms = now.steady_ms + kPrintEveryMs;
      pass(now);
      if (std::ferror(stdout)) return kExitRuntime;
    }
    Now now = system_clock().now();
    if (ended) now.wall_ms += deadline_ms_ + 2'000;  // nothing more can come: what is missing is final
    pass(now);
    if (std::ferror(stdout)) return kExitRuntime;
    return ledger_fails(figures_.summary(name_), args_.fail_on) ? kExitFindings : kExitFine;
  }

 private:
  static constexpr size_t kFlushBytes = 16 << 20;

  /// Lets time pass and prints what has changed.
  void pass(Now now) {
    task_.advance(feed_.watermark(now), now);
    flow::Changes changes;
    task_.flush(changes);
    const uint64_t oversized = feed_.take_oversized();
    figures_.add_oversized(oversized);
    for (const RowChange& row : changes.rows) {
      figures_.add(row);
      if (row.table == &ledger::exception_table() && text(row.key[1]) == args_.list)
        print(exception_line(row));
      if (row.table == &ledger::malformed_table() && args_.list == "malformed")
        print(malformed_line(row, feed_.files()));
    }
    if (!changes.rows.empty() || oversized > 0) printed_ = false;
    if (args_.list.empty() && !printed_) print_summary(figures_.summary(name_));
    std::fflush(stdout);
  }

  void print_summary(const LedgerSummary& summary) {
    printed_ = true;
    switch (args_.format) {
      case LedgerArgs::Format::kJson:
        return print(ledger_json(summary) + "\n");
      case LedgerArgs::Format::kTable:
        return print(ledger_table(summary) + "\n");
      case LedgerArgs::Format::kNdjson:
        break;
    }
    std::vector<std::string> lines = ledger_ndjson(summary);
    for (const std::string& line : lines) {
      if (!lines_.contains(line)) print(line);
    }
    lines_ = {lines.begin(), lines.end()};
  }

  static void print(const std::string& out) { std::fwrite(out.data(), 1, out.size(), stdout); }

  const LedgerArgs& args_;
  const std::string name_;
  LedgerFeed& feed_;
  const int64_t deadline_ms_;
  LiveFigures figures_;
  ledger::LedgerTask task_;
  bool printed_ = false;           ///< the figures as they are
  std::set<std::string> lines_{};  ///< of pairs, as they were printed last
};

}  // namespace

int follow_ledger(const LedgerArgs& args, const LedgerSettings& settings, int64_t produced_from,
                  uint64_t seed, LedgerFeed& feed, StopSignal& signal) {
  return Following(args, settings, produced_from, seed, feed).run(signal);
}

}  // namespace waybill::cli
