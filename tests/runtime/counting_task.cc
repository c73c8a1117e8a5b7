// The trivial Task that proves the runtime: counts records by key, keeps a total in its state, and asks the
// broker about every hundredth record. Whatever is killed, the rows must equal what was produced. Usage:
// counting_task bootstrap=HOST:PORT topics=A,B group=G store=sqlite:PATH [runners=1]
// [plan=each|aligned|whole]
//        [start=begin|end] [commit_ms=200] [KAFKA.PROPERTY=VALUE...]
// Prints a line of JSON every 100 ms, and what it counted at the end. SIGTERM stops it, SIGUSR1 adds or
// removes a runner.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/types.h"
#include "flow/joined_store.h"
#include "flow/runner.h"
#include "source/kafka.h"
#include "store/store.h"

namespace waybill {
namespace {

constexpr int64_t kAskEvery = 100;
constexpr uint64_t kOffsetMask = (uint64_t{1} << 48) - 1;

const flow::TableSpec& count_table() {
  static const flow::TableSpec table{
      .name = "counted",
      .keys = {{"topic"}, {"name"}},
      .values = {{"records"}, {"value_sum"}},
  };
  return table;
}

const flow::TableSpec& check_table() {
  static const flow::TableSpec table{
      .name = "checked",
      .keys = {{"topic"}, {"part", flow::ColumnType::kInt64}},
      .values = {{"asked"}, {"confirmed"}, {"lost"}, {"total", flow::ColumnType::kInt64, flow::Merge::kLast}},
  };
  return table;
}

struct Check {
  int64_t asked = 0, confirmed = 0, lost = 0;
};

/// State: segment "total" is the number of records so far, "open" the offsets asked about as "partition
/// index:offset,".
class CountingTask final : public flow::Task {
 public:
  explicit CountingTask(std::span<const flow::SourcePartition> partitions)
      : partitions_(partitions.begin(), partitions.end()) {}

  Result<void> restore(const flow::SegmentReader& segments) override {
    for (const auto& name : segments.names()) {
      auto bytes = segments.read(name);
      if (!bytes) return tl::make_unexpected(bytes.error());
      if (name == "total") total_ = std::stoll(*bytes);
      if (name == "open") restore_open(*bytes);
    }
    return {};
  }

  void process(const flow::Batch& batch, Now) override {
    size_t index = index_of(batch.from);
    if (batch.gap) checks_[index].lost += batch.gap->range.size();
    for (const auto& record : batch.records) {
      auto& [records, sum] = counts_[{batch.from.topic, std::string(record.key)}];
      ++records;
      sum += std::atoll(std::string(record.value.substr(0, record.value.find(' '))).c_str());
      ++total_;
      if (record.offset.value % kAskEvery != 0) continue;
      uint64_t id = id_of(index, record.offset);
      if (open_.insert({id, false}).second) ++checks_[index].asked;
    }
    changed_ = true;
  }

  void answer(const flow::Answer& answer, Now) override {
    auto found = open_.find(answer.id);
    if (found == open_.end()) return;
    const auto* read = std::get_if<flow::RangeAnswer>(&answer.value);
    if (!read || read->judged_to.value <= static_cast<int64_t>(answer.id & kOffsetMask)) {
      found->second = false;  // ask again
    } else {
      ++checks_[answer.id >> 48].confirmed;
      open_.erase(found);
    }
    changed_ = true;
  }

  void advance(flow::Watermark, Now) override {}

  void flush(flow::Changes& changes) override {
    if (!changed_) return;
    for (const auto& [key, value] : counts_) {
      changes.rows.push_back({&count_table(),
                              flow::RowChange::Op::kUpsert,
                              {key.first, key.second},
                              {value.first, value.second}});
    }
    for (size_t i = 0; i < partitions_.size(); ++i) {
      const Check& check = checks_[i];
      changes.rows.push_back({&check_table(),
                              flow::RowChange::Op::kUpsert,
                              {partitions_[i].topic, int64_t{partitions_[i].partition.value}},
                              {check.asked, check.confirmed, check.lost, total_}});
    }
    std::string open;
    for (auto& [id, sent] : open_) {
      open += std::to_string(id) + ",";
      if (!sent) changes.asks.push_back(ask_of(id));
      sent = true;
    }
    changes.segments.push_back({flow::SegmentChange::Op::kReplace, "total", std::to_string(total_)});
    changes.segments.push_back({flow::SegmentChange::Op::kReplace, "open", open});
    counts_.clear();
    checks_.clear();
    changed_ = false;
  }

 private:
  static uint64_t id_of(size_t index, Offset offset) {
    return (uint64_t{index} << 48) | static_cast<uint64_t>(offset.value);
  }

  size_t index_of(const flow::SourcePartition& partition) const {
    return static_cast<size_t>(std::find(partitions_.begin(), partitions_.end(), partition) -
                               partitions_.begin());
  }

  void restore_open(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      size_t comma = text.find(',', at);
      open_[std::stoull(text.substr(at, comma - at))] = false;
      at = comma + 1;
    }
    changed_ = !open_.empty();
  }

  flow::Ask ask_of(uint64_t id) const {
    flow::Ask ask;
    ask.id = id;
    ask.partition = partitions_[id >> 48];
    Offset offset(static_cast<int64_t>(id & kOffsetMask));
    ask.range = {offset, offset + 1};
    return ask;
  }

  std::vector<flow::SourcePartition> partitions_;
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> counts_;
  std::map<size_t, Check> checks_;
  std::map<uint64_t, bool> open_;  ///< asked about; true: sent in this life
  int64_t total_ = 0;
  bool changed_ = false;
};

struct Settings {
  std::map<std::string, std::string> own{
      {"runners", "1"}, {"plan", "each"}, {"start", "begin"}, {"commit_ms", "200"}};
  source::KafkaCluster cluster{"main", {}};
  std::vector<std::string> topics;
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    std::string argument(argv[i]);
    size_t equals = argument.find('=');
    if (equals == std::string::npos) continue;
    std::string name = argument.substr(0, equals), value = argument.substr(equals + 1);
    if (name == "bootstrap") name = "bootstrap.servers";
    if (name.find('.') != std::string::npos) {
      settings.cluster.properties.push_back({name, value});
    } else {
      settings.own[name] = value;
    }
  }
  std::string topics = settings.own["topics"];
  for (size_t at = 0; at < topics.size();) {
    size_t comma = std::min(topics.find(',', at), topics.size());
    settings.topics.push_back(topics.substr(at, comma - at));
    at = comma + 1;
  }
  return settings;
}

std::unique_ptr<flow::Runner> make_runner(const Settings& settings, int number, flow::Store& store,
                                          flow::RangeReader& reader, const LogFn& log) {
  const auto& own = settings.own;
  flow::Plan plan{"count",
                  own.at("group"),
                  flow::Plan::Kind::kEach,
                  settings.topics,
                  {&count_table(), &check_table()},
                  [](const flow::TaskId&, std::span<const flow::SourcePartition> partitions) {
                    return std::make_unique<CountingTask>(partitions);
                  }};
  if (own.at("plan") == "aligned") plan.kind = flow::Plan::Kind::kAligned;
  if (own.at("plan") == "whole") plan.kind = flow::Plan::Kind::kWhole;
  source::KafkaSourceOptions source{settings.cluster, own.at("group"), "", settings.topics, {}, store.id()};
  source.member = own.at("group") + "-" + std::to_string(getpid()) + "-" + std::to_string(number);
  source.range_assignor = plan.kind == flow::Plan::Kind::kAligned;
  source.whole = plan.kind == flow::Plan::Kind::kWhole;
  if (own.at("start") == "end") source.start.kind = source::StartAt::Kind::kEnd;
  flow::RunnerOptions options;
  options.owner = source.member + "-" + Id128::random().hex().substr(0, 8);
  options.commit_every = Millis{std::stoll(own.at("commit_ms"))};
  auto make_source = [source, log](flow::Assignments& assignments) {
    return source::make_kafka_source(source, assignments, system_clock(), log);
  };
  return std::make_unique<flow::Runner>(std::move(plan), std::move(options), make_source, store, &reader,
                                        system_clock(), log);
}

std::vector<flow::Page::Row> rows_of(flow::Store& store, const flow::TableSpec& table) {
  flow::Query query;
  query.table = &table;
  query.limit = 100'000;
  auto page = store.query(query);
  return page ? std::move(page->rows) : std::vector<flow::Page::Row>{};
}

void print_value(const flow::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) std::printf("\"%s\"", text->c_str());
  if (const auto* number = std::get_if<int64_t>(&value)) std::printf("%lld", static_cast<long long>(*number));
}

/// "name":[[key..., value...],...]
void print_table(flow::Store& store, const char* name, const flow::TableSpec& table) {
  std::printf("\"%s\":[", name);
  const char* between = "";
  for (const auto& row : rows_of(store, table)) {
    std::printf("%s[", between);
    between = ",";
    for (size_t i = 0; i < row.key.size() + row.values.size(); ++i) {
      if (i > 0) std::printf(",");
      print_value(i < row.key.size() ? row.key[i] : row.values[i - row.key.size()]);
    }
    std::printf("]");
  }
  std::printf("]");
}

/// What the runners say, and what the store holds.
void print_status(flow::Store& store, std::span<const std::unique_ptr<flow::Runner>> runners) {
  const char* between = "";
  std::printf("{\"runners\":[");
  for (const auto& runner : runners) {
    auto health = runner->health();
    std::printf(
        "%s{\"records\":%lld,\"lag\":%lld,\"tasks\":%lld,\"commits\":%lld,\"fenced\":%lld,\"failures\":%lld,"
        "\"gaps\":%lld,\"degraded\":%s}",
        between, static_cast<long long>(health.records), static_cast<long long>(health.source.lag_messages),
        static_cast<long long>(health.tasks), static_cast<long long>(health.commits),
        static_cast<long long>(health.fenced), static_cast<long long>(health.commit_failures),
        static_cast<long long>(health.gap_messages), health.source.degraded ? "true" : "false");
    between = ",";
  }
  std::printf("],");
  print_table(store, "checked", check_table());
  std::printf("}\n");
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Settings settings = parse(argc, argv);
  LogFn log = [](LogLevel level, std::string_view text) {
    if (level != LogLevel::kDebug) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  };
  auto store = store::open_store({.url = settings.own["store"], .retention = {}}, log);
  auto reader = source::make_kafka_range_reader(settings.cluster, log);
  if (!store || !reader) {
    std::fprintf(stderr, "%s\n", (store ? reader.error() : store.error()).message.c_str());
    return 3;
  }
  auto joined = flow::make_joined_store(**store);
  std::vector<std::unique_ptr<flow::Runner>> runners;
  std::vector<std::jthread> threads;
  std::atomic<int> result{0};
  std::atomic<int> running{0};
  auto start = [&] {
    runners.push_back(make_runner(settings, static_cast<int>(runners.size()), *joined, **reader, log));
    ++running;
    threads.emplace_back([&, runner = runners.back().get()](std::stop_token stop) {
      if (auto done = runner->run(stop); !done) {
        std::fprintf(stderr, "stopped: %s\n", done.error().message.c_str());
        result = 3;
      }
      --running;
    });
  };
  for (int i = 0; i < std::stoi(settings.own["runners"]); ++i) start();
  timespec tick{0, 100'000'000};
  while (running > 0) {
    int number = sigtimedwait(&signals, nullptr, &tick);
    print_status(*joined, runners);
    if (number == SIGTERM || number == SIGINT) break;
    // A member more, or one less: rebalances inside one process, whose runners share the store.
    if (number == SIGUSR1 && runners.size() % 2 == 1) {
      start();
    } else if (number == SIGUSR1) {
      threads.pop_back();
      runners.pop_back();
    }
  }
  for (auto& thread : threads) thread.request_stop();
  threads.clear();
  print_status(*joined, runners);
  std::printf("{");
  print_table(*joined, "counted", count_table());
  std::printf("}\n");
  return result;
}

}  // namespace
}  // namespace waybill

int main(int argc, char** argv) { return waybill::run(argc, argv); }
