// Both stages over 64 MiB of access log lines of about 420 B with decoys, beside a bare Hyperscan pass over
// the same buffer.
#include <benchmark/benchmark.h>

#include <cstdio>

#include "base/assert.h"
#include "watch/matcher.h"
#include "watch/watch_random.h"

namespace waybill::watch {
namespace {

constexpr size_t kBytes = 64 << 20;
constexpr std::string_view kAgent =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.66 (KHTML, like Gecko) Chrome/86.0.2442 Safari/537.66";

struct Log {
  std::string text;
  size_t size = 0;
  int64_t lines = 0;
  int64_t found[4] = {};  ///< lines with a status of 5xx, a timeout, out of memory, a scanner
};

/// Each of the four things in about one line of 300; the status, port and numbers of other lines are decoys.
Log make_log() {
  Log log;
  Random random(1);
  char line[1024];
  while (log.text.size() < kBytes) {
    bool is[4];
    for (int i = 0; i < 4; ++i) log.found[i] += is[i] = random.chance(300);
    std::snprintf(line, sizeof line,
                  "{\"time_local\":\"23/Nov/2018:00:00:%02zu "
                  "+0800\",\"remote_addr\":\"10.5%02zu.34.208\",\"request_method\":\"GET\","
                  "\"request_uri\":\"/status/order/"
                  "api?id=%zu&status=503\",\"status\":\"%s\",\"body_bytes_sent\":\"50%zu\","
                  "\"http_user_agent\":\"%s\",\"request_time\":\"0.%zu\",\"upstream_addr\":\"10.0.4.208:"
                  "8080\",\"message\":\"%s in 521 us\"}\n",
                  random.below(60), random.below(100), random.below(5000), is[0] ? "503" : "200",
                  random.below(1000), is[3] ? "sqlmap/1.4" : std::string(kAgent).c_str(), random.below(1000),
                  is[1]   ? is[2] ? "upstream timed out (110: Connection timed out), Out of memory"
                                  : "upstream timed out (110: Connection timed out)"
                  : is[2] ? "Out of memory"
                          : "request served from cache node 503");
    log.text += line;
    ++log.lines;
  }
  log.size = log.text.size();
  log.text.append(decode::kJsonPadding, '\0');
  return log;
}

const Log& the_log() {
  static const Log log = make_log();
  return log;
}

Rule rule(std::string field, std::string pattern) {
  return {pattern, Condition::of_field(std::move(field), {Test::Op::kPattern, pattern}), {}};
}

std::vector<Rule> rules_of(size_t count) {
  std::vector<Rule> rules = {rule("status", "5\\d{2}"),
                             rule("message", "upstream timed out \\(\\d+: [A-Za-z ]+\\)"),
                             rule("message", "(?i)out ?of ?memory|oom-kill"),
                             rule("http_user_agent", "(?:sqlmap|nikto|masscan|zgrab)/\\d+\\.\\d+")};
  for (size_t i = 4; i < count; ++i) {
    rules.push_back(rule(i % 3 ? "message" : "http_user_agent",
                         "(?i)fault[-_ ]" + std::to_string(i * 37 % 1000) + ": [a-z]+ refused"));
  }
  rules.resize(count, rules[0]);
  return rules;
}

struct Count : MatchSink {
  int64_t found[128] = {};
  void matched(const Match& match) override { ++found[match.rule]; }
};

void BM_TwoStages(benchmark::State& state) {
  const Log& log = the_log();
  auto count = static_cast<size_t>(state.range(0));
  auto set = RuleSet::compile(rules_of(count));
  ASSERT(set.has_value());
  Matcher matcher(**set);
  for (auto _ : state) {
    Count sink;
    ScanCounts counts =
        matcher.scan(std::string_view(log.text).substr(0, log.size), decode::kJsonPadding, sink);
    ASSERT(counts.lines == log.lines);
    for (size_t i = 0; i < std::min<size_t>(count, 4); ++i) ASSERT(sink.found[i] == log.found[i]);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * log.size));
  state.counters["lines/s"] =
      benchmark::Counter(static_cast<double>(log.lines), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_TwoStages)->Arg(1)->Arg(4)->Arg(100)->Unit(benchmark::kMillisecond);

void BM_BareHyperscan(benchmark::State& state) {
  const Log& log = the_log();
  Prefilter::Expression expression{
      state.range(0) == 0 ? "\"status\":\"5[0-9]{2}" : "\"status\"\\s*:\\s*\"?5[0-9]{2}", 0};
  Prefilter scan(std::span(&expression, 1));
  Scratch scratch = scan.scratch();
  for (auto _ : state) {
    int64_t found = 0;
    scan.scan(std::string_view(log.text).substr(0, log.size), scratch, [&](uint64_t, uint32_t) { ++found; });
    ASSERT(found == log.found[0]);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * log.size));
}
BENCHMARK(BM_BareHyperscan)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace waybill::watch
