#include <random>

#include "audit/query_harness.h"
#include "base/base64.h"
#include "tally/latency_sketch.h"
#include "testing/memory_store.h"

namespace waybill::audit {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'699'999'200'000;  ///< an hour, shortly before the harness's now

std::string sketch(std::initializer_list<int64_t> latencies) {
  tally::LatencySketch s;
  for (int64_t ms : latencies) s.add(ms);
  return base64_encode(s.encode());
}

class QueryBuckets : public ::testing::Test, public QueryHarness {
 protected:
  QueryBuckets() : QueryHarness(std::make_unique<testing::MemoryStore>()) {}
  void SetUp() override { partition("main", "t", -1, "", {{"count", 1}}); }
  void bucket(int64_t start, const std::string& group, Columns columns, int64_t kind = 0) {
    columns.try_emplace("interval_ms", kMinute);
    put(bucket_table(), {std::string("main"), std::string("t"), kind, start, group}, columns);
  }
  void hour(int64_t start, const std::string& group, Columns columns) {
    columns.try_emplace("interval_ms", kHour);
    put(hour_table(), {std::string("main"), std::string("t"), int64_t{0}, start, group}, columns);
  }
  std::string starts(std::map<std::string, std::string> given = {}) {
    std::string out;
    const TestJson answer = ask(buckets_json, "t", std::move(given));
    for (const auto& b : answer["buckets"]) {
      out += std::to_string((b["start"].get<int64_t>() - kStart) / kMinute) + "+" +
             std::to_string(b["interval_ms"].get<int64_t>() / kMinute) + " ";
    }
    return out;
  }
};

TEST_F(QueryBuckets, AnUnusedTopicHasEmptyOnes) {
  const TestJson empty{{"cluster", "main"},
                       {"interval_ms", 60'000},
                       {"time_type", nullptr},
                       {"settled", true},
                       {"complete", true},
                       {"produced", {{"count", 0}, {"bytes", 0}, {"failed", 0}, {"unknown", 0}}},
                       {"groups", TestJson::object()}};
  EXPECT_EQ(
      ask(buckets_json, "t"),
      (TestJson{{"step_ms", kMinute}, {"buckets", TestJson::array()}, {"far", empty}, {"untimed", empty}}));
}

TEST_F(QueryBuckets, ShowsBothSidesOfABucket) {
  bucket(
      kStart, "",
      {{"count", 10}, {"bytes", 2000}, {"failed", 2}, {"unknown", 1}, {"time_create", 10}, {"settled", 1}});
  bucket(kStart, "g",
         {{"count", 9},
          {"distinct_offsets", 8},
          {"redelivered", 1},
          {"suspected", 2},
          {"reordered", 3},
          {"time_create", 9},
          {"settled", 1},
          {"latency", sketch({10, 20, 30, -5})}});
  bucket(kStart, "g", {{"count", 1}, {"distinct_offsets", 1}, {"settled", 1}, {"latency", sketch({40})}});
  const TestJson answer = ask(buckets_json, "t");
  ASSERT_EQ(answer["buckets"].size(), 1u);
  const TestJson expected{
      {"cluster", "main"},
      {"start", kStart},
      {"interval_ms", 60'000},
      {"time_type", "create"},
      {"settled", true},
      {"complete", true},
      {"produced", {{"count", 10}, {"bytes", 2000}, {"failed", 2}, {"unknown", 1}}},
      {"groups",
       {{"g",
         {{"consumed", 9},
          {"lost", 0},
          {"redelivered", 1},
          {"late", 0},
          {"pending", 0},
          {"suspected", 2},
          {"unconfirmed", 0},
          {"excused", 0},
          {"accepted", 0},
          {"replayed", 0},
          {"reordered", 3},
          {"latency_ms",
           {{"mean", 25.0}, {"p50", 20}, {"p95", 40}, {"p99", 40}, {"max", 40}, {"negative", 1}}}}}}}};
  EXPECT_EQ(answer["buckets"][0], expected);
}

TEST_F(QueryBuckets, NothingMeasuredIsNullNotZero) {
  bucket(kStart, "g", {{"distinct_offsets", 1}});
  const TestJson latency = ask(buckets_json, "t")["buckets"][0]["groups"]["g"]["latency_ms"];
  EXPECT_EQ(latency, (TestJson{{"mean", nullptr},
                               {"p50", nullptr},
                               {"p95", nullptr},
                               {"p99", nullptr},
                               {"max", nullptr},
                               {"negative", 0}}));
}

TEST_F(QueryBuckets, IsSettledWhenEachSideIs) {
  bucket(kStart, "", {{"count", 1}, {"settled", 1}});
  bucket(kStart, "g", {{"count", 1}, {"settled", 0}});
  EXPECT_EQ(ask(buckets_json, "t")["buckets"][0]["settled"], false);
  bucket(kStart, "g", {{"settled", 1}});
  EXPECT_EQ(ask(buckets_json, "t")["buckets"][0]["settled"], true);
}

TEST_F(QueryBuckets, NamesTheTimeThatMessagesCarried) {
  bucket(kStart, "", {{"time_append", 5}});
  bucket(kStart + kMinute, "", {{"time_append", 5}});
  bucket(kStart + kMinute, "g", {{"time_create", 1}});
  const TestJson all = ask(buckets_json, "t")["buckets"];
  EXPECT_EQ(all[0]["time_type"], "append");
  EXPECT_EQ(all[1]["time_type"], "mixed");
}

TEST_F(QueryBuckets, FarAndUntimedStandApart) {
  bucket(0, "", {{"count", 3}, {"time_create", 3}}, 1);
  bucket(0, "g", {{"distinct_offsets", 2}}, 1);
  bucket(0, "", {{"count", 4}}, 2);
  const TestJson answer = ask(buckets_json, "t");
  EXPECT_EQ(answer["buckets"], TestJson::array());
  EXPECT_EQ(answer["far"]["produced"]["count"], 3);
  EXPECT_EQ(answer["far"]["groups"]["g"]["consumed"], 2);
  EXPECT_EQ(answer["far"]["settled"], false);
  EXPECT_FALSE(answer["far"].contains("start"));
  EXPECT_EQ(answer["untimed"]["produced"]["count"], 4);
  EXPECT_EQ(answer["untimed"]["time_type"], nullptr);
}

TEST_F(QueryBuckets, MarksWhatAHoleTouches) {
  for (int64_t i = 0; i < 5; ++i) bucket(kStart + i * kMinute, "", {{"count", 1}});
  auto incomplete = [&](int64_t from, int64_t to) {
    put(incomplete_table(),
        {std::string("main"), std::string("t"), std::string("r"), std::string("report_missing"), from},
        {{"to_ms", to}});
  };
  auto complete = [&] {
    std::string out;
    const TestJson answer = ask(buckets_json, "t");
    for (const auto& b : answer["buckets"]) out += b["complete"] == true ? "c" : "-";
    return out + (answer["far"]["complete"] == true ? "c" : "-");
  };
  EXPECT_EQ(complete(), "cccccc");
  incomplete(kStart + kMinute + 5, kStart + 2 * kMinute);
  EXPECT_EQ(complete(), "c--cc-") << "both ends count";
  incomplete(kStart + 4 * kMinute, 0);
  EXPECT_EQ(complete(), "c--c--") << "no end yet";
}

TEST_F(QueryBuckets, GivesWhatTouchesTheRange) {
  for (int64_t i : {0, 1, 2, 3}) bucket(kStart + i * kMinute, "", {{"count", 1}});
  const auto at = [](int64_t ms) { return std::to_string(kStart + ms); };
  EXPECT_EQ(starts(), "0+1 1+1 2+1 3+1 ");
  EXPECT_EQ(starts({{"from", at(kMinute)}, {"to", at(3 * kMinute)}}), "1+1 2+1 ");
  EXPECT_EQ(starts({{"from", at(kMinute + 1)}, {"to", at(2 * kMinute + 1)}}), "1+1 2+1 ");
  EXPECT_EQ(starts({{"from", at(kMinute)}, {"to", at(kMinute)}}), "");
  EXPECT_EQ(starts({{"from", "-1m"}}), "");
}

TEST_F(QueryBuckets, HoursTakeThePlaceOfMinutesThatHaveExpired) {
  hour(kStart - 2 * kHour, "", {{"count", 50}});
  hour(kStart - kHour, "", {{"count", 30}});
  bucket(kStart - 2 * kMinute, "", {{"count", 10}});  // of 30: the others have expired
  hour(kStart, "", {{"count", 5}, {"failed", 1}});
  hour(kStart, "g", {{"count", 4}});
  bucket(kStart, "", {{"count", 2}, {"failed", 1}});
  bucket(kStart + kMinute, "", {{"count", 3}});
  bucket(kStart + kMinute, "g", {{"count", 4}});
  EXPECT_EQ(starts(), "-120+60 -60+60 0+1 1+1 ");
  EXPECT_EQ(starts({{"from", std::to_string(kStart - 5 * kMinute)}}), "-60+60 0+1 1+1 ");
  EXPECT_EQ(starts({{"from", std::to_string(kStart + kMinute)}}), "1+1 ");
}

TEST_F(QueryBuckets, TheStepSuitsTheRange) {
  struct Case {
    std::string from, to;
    int64_t step_ms;
  };
  const auto at = [&](int64_t ms) { return std::to_string(now.wall_ms + ms); };
  for (const Case& c :
       {Case{at(-1'600'000), at(0), 1000}, Case{at(-1'600'001), at(0), 10'000}, Case{"-2h", at(0), 10'000},
        Case{"-24h", "", kMinute}, Case{"-36h", "", 5 * kMinute}, Case{"-48h", "", 5 * kMinute},
        Case{"-7d", "", kHour}, Case{"-30d", "", kHour}, Case{"-90d", "", 6 * kHour},
        Case{"-1000d", "", 24 * kHour}, Case{"0", "", 28 * 24 * kHour}}) {
    std::map<std::string, std::string> given{{"from", c.from}};
    if (!c.to.empty()) given["to"] = c.to;
    EXPECT_EQ(ask(buckets_json, "t", given)["step_ms"], c.step_ms) << c.from;
  }
  EXPECT_EQ(ask(buckets_json, "t", {{"from", "-7d"}, {"step", "5m"}})["step_ms"], 5 * kMinute);
  const Error fine = refusal(buckets_json, "t", {{"from", "-7d"}, {"step", "1m"}});
  EXPECT_EQ(fine.code, Errc::kInvalid);
  EXPECT_EQ(fine.message,
            "step: 1m over this range would be 10200 buckets, more than 5000; ask for a shorter range or for "
            "5m");
  EXPECT_EQ(refusal(buckets_json, "t", {{"step", "7m"}}).code, Errc::kInvalid);
}

TEST_F(QueryBuckets, HoursAndDaysComeFromTheHoursRows) {
  hour(kStart - 2 * kHour, "", {{"count", 50}, {"settled", 1}});
  hour(kStart - kHour, "", {{"count", 30}, {"settled", 1}});
  hour(kStart - kHour, "g", {{"distinct_offsets", 29}, {"lost", 1}, {"settled", 0}});
  bucket(kStart - kHour, "", {{"count", 30}});  // is in the hour's
  EXPECT_EQ(starts({{"step", "1h"}}), "-120+60 -60+60 ");
  const TestJson answer = ask(buckets_json, "t", {{"step", "1d"}});
  ASSERT_EQ(answer["buckets"].size(), 1u);
  const TestJson& day = answer["buckets"][0];
  EXPECT_EQ(day["start"], kStart / (24 * kHour) * (24 * kHour));
  EXPECT_EQ(day["interval_ms"], 24 * kHour);
  EXPECT_EQ(day["produced"]["count"], 80);
  EXPECT_EQ(day["groups"]["g"]["consumed"], 29);
  EXPECT_EQ(day["groups"]["g"]["lost"], 1);
  EXPECT_EQ(day["settled"], false);
}

TEST_F(QueryBuckets, AWiderRowStaysAsItIs) {
  bucket(kStart, "", {{"count", 3}, {"interval_ms", 5 * kMinute}});
  bucket(kStart + 5 * kMinute, "", {{"count", 4}, {"interval_ms", 5 * kMinute}});
  EXPECT_EQ(starts({{"step", "1m"}}), "0+5 5+5 ");
  EXPECT_EQ(starts({{"step", "15m"}}), "0+15 ");
}

/// Whatever the step, a whole range is the sum of the same rows: counts by group and state, and latencies.
TEST_F(QueryBuckets, EveryStepAddsUpToTheSame) {
  std::minstd_rand random(7);
  const auto upto = [&](int64_t most) { return static_cast<int64_t>(random() % (most + 1)); };
  constexpr int64_t kFirst = kStart - 50 * kHour;
  std::map<std::string, int64_t> counted;
  std::map<std::string, tally::LatencySketch> latencies;
  for (int i = 0; i < 700; ++i) {
    const int64_t start = kFirst + upto(50 * 60) * kMinute;
    const std::string group = std::vector<std::string>{"", "g", "h"}[random() % 3];
    tally::LatencySketch latency;
    for (int64_t n = upto(5); n > 0; --n) latency.add(upto(5000) - 20);
    Columns columns{
        {"count", upto(9)},  {"bytes", upto(999)},     {"distinct_offsets", upto(9)},
        {"failed", upto(1)}, {"unknown", upto(1)},     {"reordered", upto(2)},
        {"lost", upto(1)},   {"redelivered", upto(3)}, {"latency", base64_encode(latency.encode())}};
    for (const char* name : {"count", "bytes", "distinct_offsets", "failed", "lost", "redelivered"})
      counted[group + "." + name] += std::get<int64_t>(columns[name]);
    latencies[group].merge(latency);
    bucket(start, group, columns);
    columns.erase("interval_ms");
    hour(start / kHour * kHour, group, columns);
  }
  // Two hours have lost rows of theirs, as retention takes them.
  flow::Changes changes;
  for (int64_t start = kFirst / kHour * kHour; start < kFirst / kHour * kHour + 90 * kMinute;
       start += kMinute) {
    changes.rows.push_back({&bucket_table(),
                            flow::RowChange::Op::kErasePrefix,
                            {std::string("main"), std::string("t"), int64_t{0}, start},
                            {}});
  }
  apply(std::move(changes));
  for (const char* step : {"1m", "5m", "15m", "1h", "6h", "1d", "28d"}) {
    const TestJson answer =
        ask(buckets_json, "t", {{"step", step}, {"from", std::to_string(kFirst - kHour)}});
    std::map<std::string, int64_t> sums;
    std::map<std::string, int64_t> most, negative;
    int64_t end = 0;
    for (const auto& b : answer["buckets"]) {
      EXPECT_GE(b["start"], end) << step << ": buckets overlap";
      end = b["start"].get<int64_t>() + b["interval_ms"].get<int64_t>();
      for (const char* name : {"count", "bytes", "failed"})
        sums[std::string(".") + name] += b["produced"][name].get<int64_t>();
      for (const auto& [name, group] : b["groups"].items()) {
        sums[name + ".distinct_offsets"] += group["consumed"].get<int64_t>();
        sums[name + ".lost"] += group["lost"].get<int64_t>();
        sums[name + ".redelivered"] += group["redelivered"].get<int64_t>();
        negative[name] += group["latency_ms"]["negative"].get<int64_t>();
        if (group["latency_ms"]["max"].is_number())
          most[name] = std::max(most[name], group["latency_ms"]["max"].get<int64_t>());
      }
    }
    for (const auto& [name, sum] : sums) EXPECT_EQ(sum, counted[name]) << step << " " << name;
    for (const char* group : {"g", "h"}) {
      EXPECT_EQ(most[group], latencies[group].max()) << step;
      EXPECT_EQ(negative[group], static_cast<int64_t>(latencies[group].negative())) << step;
    }
    if (std::string_view(step) == "28d" && answer["buckets"].size() == 1) {
      const auto& group = answer["buckets"][0]["groups"]["g"]["latency_ms"];
      EXPECT_EQ(group["p99"], latencies["g"].quantile(0.99));
      EXPECT_DOUBLE_EQ(group["mean"], latencies["g"].mean());
    }
  }
}

TEST_F(QueryBuckets, RatesAreByMinuteAndGroupOrReporter) {
  auto rate = [&](int64_t minute, const char* tier, const char* group, const char* reporter, int64_t count) {
    put(rate_table(),
        {std::string("main"), std::string("t"), minute, std::string(tier), std::string(group),
         std::string(reporter)},
        {{"count", count}, {"bytes", count * 10}});
  };
  rate(kStart, "sent", "", "r1", 99);
  rate(kStart, "produced", "", "r1", 5);
  rate(kStart, "produced", "", "r2", 6);
  rate(kStart, "consumed", "g", "r3", 7);
  rate(kStart, "consumed", "h", "r3", 8);
  rate(kStart + kMinute, "consumed", "g", "r1", 1);
  rate(kStart - kHour, "consumed", "g", "r1", 1000);
  auto lines = [&](std::map<std::string, std::string> given) {
    std::string out;
    const TestJson answer = ask(rates_json, "t", std::move(given));
    for (const auto& r : answer["rates"]) {
      EXPECT_EQ(r["consumed_bytes"], r["consumed"].get<int64_t>() * 10);
      EXPECT_EQ(r["produced_bytes"], r["produced"].get<int64_t>() * 10);
      out += std::to_string((r["minute"].get<int64_t>() - kStart) / kMinute) + " " + r["group"].dump() + " " +
             r["reporter"].dump() + " " + r["produced"].dump() + " " + r["consumed"].dump() + "\n";
    }
    return out;
  };
  EXPECT_EQ(lines({}), "0 null null 11 0\n0 \"g\" null 0 7\n0 \"h\" null 0 8\n1 \"g\" null 0 1\n");
  EXPECT_EQ(lines({{"by", "reporter"}}),
            "0 null \"r1\" 5 0\n0 null \"r2\" 6 0\n0 null \"r3\" 0 15\n1 null \"r1\" 0 1\n");
  EXPECT_EQ(lines({{"from", std::to_string(kStart + 1)}}), "1 \"g\" null 0 1\n");
  const Error wrong = refusal(rates_json, "t", {{"by", "host"}});
  EXPECT_EQ(wrong.code, Errc::kInvalid);
  EXPECT_NE(wrong.message.find("group, reporter"), std::string::npos) << wrong.message;
}

}  // namespace
}  // namespace waybill::audit
