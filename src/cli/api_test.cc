#include "cli/api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "audit/tables.h"
#include "cli/metrics.h"
#include "cli/noticing_store.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace waybill::cli {
namespace {

using flow::RowChange;
using nlohmann::json;
using waybill::testing::FakeClock;
using waybill::testing::MemoryStore;

/// Values of a row by column name; the rest is neutral.
std::vector<flow::Value> values(const flow::TableSpec& table, std::map<std::string_view, flow::Value> given) {
  std::vector<flow::Value> all;
  for (const flow::ValueColumn& column : table.values) {
    auto it = given.find(column.name);
    flow::Value neutral =
        column.type == flow::ColumnType::kText ? flow::Value(std::string()) : flow::Value(int64_t{0});
    all.push_back(it == given.end() ? neutral : it->second);
  }
  return all;
}

RowChange partition_row(const std::string& topic, int64_t part, const std::string& group,
                        std::map<std::string_view, flow::Value> given) {
  return {&audit::partition_table(),
          RowChange::Op::kUpsert,
          {std::string("main"), topic, int64_t{0}, part, group},
          values(audit::partition_table(), std::move(given))};
}

RowChange counter_row(int64_t audit_partition, const std::string& name, int64_t count) {
  return {
      &audit::counter_table(), RowChange::Op::kUpsert, {std::string("main"), audit_partition, name}, {count}};
}

/// Commits rows as the Task "t", which this owner has taken.
void commit(flow::Store& store, std::vector<RowChange> rows) {
  auto owned = store.take("t", "test");
  ASSERT_TRUE(owned.has_value());
  flow::Changes changes;
  changes.rows = std::move(rows);
  flow::TaskCommit one{"t", owned->epoch, {}, &changes};
  auto done = store.commit(std::span(&one, 1));
  ASSERT_TRUE(done.has_value());
}

JobStatus running(const std::string& cluster) {
  JobStatus status;
  status.cluster = cluster;
  status.state = JobStatus::State::kRunning;
  status.health.engine = "collector";
  status.health.name = cluster;
  status.health.records = 12;
  return status;
}

TEST(Readiness, SaysWhatIsMissing) {
  MemoryStore store;
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  http::Response response = readiness(store, {running("a")});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(json::parse(response.body), json::parse(R"({"ready":true,"reasons":[]})"));

  JobStatus waiting;
  waiting.cluster = waiting.health.name = "b";
  waiting.health.engine = "collector";
  waiting.waiting_for = "no broker \xff answers";
  JobStatus stopped;
  stopped.cluster = "c";
  stopped.state = JobStatus::State::kStopped;
  stopped.error = Error{Errc::kConflict, "another store"};
  response = readiness(store, {running("a"), waiting, stopped});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(json::parse(response.body)["reasons"],
            json({"cluster b: waiting for the audit topic: no broker \xef\xbf\xbd answers",
                  "cluster c: stopped: another store"}));
}

TEST(Sources, AStoppedOneIsDegradedAndSaysWhy) {
  JobStatus stopped = running("c");
  stopped.state = JobStatus::State::kStopped;
  stopped.error = Error{Errc::kConflict, "another store"};
  json answer = json::parse(sources_json({running("a"), stopped}));
  ASSERT_EQ(answer["sources"].size(), 2u);
  EXPECT_EQ(answer["sources"][0]["state"], "running");
  EXPECT_EQ(answer["sources"][0]["degraded"], false);
  EXPECT_EQ(answer["sources"][0]["records"], 12);
  EXPECT_TRUE(answer["sources"][0]["last_commit"].is_null());
  EXPECT_EQ(answer["sources"][1]["state"], "stopped");
  EXPECT_EQ(answer["sources"][1]["degraded"], true);
  EXPECT_EQ(answer["sources"][1]["detail"], "another store");
}

std::string sample(const std::string& text, const std::string& series) {
  size_t at = text.find("\n" + series + " ");
  if (at == std::string::npos) return "absent";
  at += series.size() + 2;
  return text.substr(at, text.find('\n', at) - at);
}

TEST(Metrics, AreTheSummedRows) {
  MemoryStore store;
  FakeClock clock;
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  commit(store,
         {partition_row("orders", -1, "",
                        {{"count", int64_t{100}}, {"bytes", int64_t{1000}}, {"unknown", int64_t{2}}}),
          partition_row("orders", 0, "", {{"distinct_offsets", int64_t{70}}}),
          partition_row("orders", 1, "", {{"distinct_offsets", int64_t{30}}}),
          partition_row("orders", -1, "g", {{"count", int64_t{71}}, {"bytes", int64_t{710}}}),
          partition_row(
              "orders", 0, "g",
              {{"distinct_offsets", int64_t{60}}, {"suspected", int64_t{5}}, {"redelivered", int64_t{6}}}),
          partition_row("orders", 1, "g", {{"distinct_offsets", int64_t{5}}}),
          counter_row(3, "foreign_bytes", 4),
          counter_row(5, "foreign_bytes", 1),
          {&audit::failed_table(),
           RowChange::Op::kUpsert,
           {std::string("main"), std::string("orders"), int64_t{10}},
           {int64_t{9}}}});
  auto text = metrics_text(store, {running("main")}, clock.now());
  ASSERT_TRUE(text.has_value()) << text.error().message;
  EXPECT_EQ(sample(*text, R"(waybill_produced_messages_total{cluster="main",topic="orders"})"), "100");
  EXPECT_EQ(sample(*text, R"(waybill_produced_bytes_total{cluster="main",topic="orders"})"), "1000");
  EXPECT_EQ(sample(*text, R"(waybill_unknown_messages_total{cluster="main",topic="orders"})"), "2");
  EXPECT_EQ(sample(*text, R"(waybill_consumed_messages_total{cluster="main",topic="orders",group="g"})"),
            "65");
  EXPECT_EQ(sample(*text, R"(waybill_consumed_bytes_total{cluster="main",topic="orders",group="g"})"), "710");
  EXPECT_EQ(sample(*text, R"(waybill_suspected_messages{cluster="main",topic="orders",group="g"})"), "5");
  EXPECT_EQ(sample(*text, R"(waybill_redelivered_messages_total{cluster="main",topic="orders",group="g"})"),
            "6");
  EXPECT_EQ(sample(*text, R"(waybill_topic_complete{cluster="main",topic="orders"})"), "1");
  EXPECT_EQ(
      sample(*text,
             R"(waybill_failed_messages_total{cluster="main",topic="orders",error="MSG_SIZE_TOO_LARGE"})"),
      "9");
  EXPECT_EQ(sample(*text, R"(waybill_audit_events_total{cluster="main",kind="foreign_bytes"})"), "5");
  EXPECT_EQ(sample(*text, R"(waybill_runner_records_total{cluster="main",engine="collector"})"), "12");
  EXPECT_EQ(sample(*text, R"(waybill_metrics_series_dropped)"), "0");
}

TEST(Metrics, AFamilyHoldsABoundedNumberOfSeries) {
  MemoryStore store;
  FakeClock clock;
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  std::vector<RowChange> rows;
  for (size_t i = 0; i < kSeriesMax + 7; ++i) rows.push_back(counter_row(0, "kind" + std::to_string(i), 1));
  commit(store, std::move(rows));
  auto text = metrics_text(store, {}, clock.now());
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(sample(*text, "waybill_metrics_series_dropped"), "7");
}

TEST(Metrics, TellHowTheLastReloadEnded) {
  FakeClock clock;
  MemoryStore store;
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  ReloadStatus reload;
  reload.loaded_ms = 1'500;
  reload.successful = false;
  auto text = metrics_text(store, {}, clock.now(), &reload);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(sample(*text, "waybill_config_last_reload_successful"), "0");
  EXPECT_EQ(sample(*text, "waybill_config_last_reload_success_timestamp_seconds"), "1.5");
  reload.successful = true;
  text = metrics_text(store, {}, clock.now(), &reload);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(sample(*text, "waybill_config_last_reload_successful"), "1");
}

TEST(NoticingStore, SaysEachKindAtMostOnceAMinute) {
  FakeClock clock;
  std::vector<std::string> lines;
  NoticingStore store(std::make_unique<MemoryStore>(), clock,
                      [&lines](LogLevel, std::string_view text) { lines.emplace_back(text); });
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  commit(store, {counter_row(1, "foreign_bytes", 3), counter_row(1, "duplicate", 8)});
  commit(store, {counter_row(2, "foreign_bytes", 4)});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "cluster main: 3 times: a record in the audit topic that is no report was skipped");
  clock.advance(Millis(60'000));
  commit(store, {counter_row(2, "foreign_bytes", 1)});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1], "cluster main: 5 times: a record in the audit topic that is no report was skipped");
}

TEST(NoticingStore, SaysTheDetailOfWhatIsIncomplete) {
  FakeClock clock;
  std::vector<std::string> lines;
  NoticingStore store(std::make_unique<MemoryStore>(), clock,
                      [&lines](LogLevel, std::string_view text) { lines.emplace_back(text); });
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  RowChange incomplete{
      &audit::incomplete_table(),
      RowChange::Op::kUpsert,
      {std::string("main"), std::string(), std::string(), std::string("newer_version"), int64_t{1}},
      values(audit::incomplete_table(), {{"detail", std::string("version 2")}})};
  commit(store, {incomplete, counter_row(1, "newer_version", 1)});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0],
            "cluster main: 1 times: a report of a newer version was skipped; update this program: version 2");
}

TEST(NoticingStore, WhatWasNotCommittedIsNotSaid) {
  FakeClock clock;
  std::vector<std::string> lines;
  auto inner = std::make_unique<MemoryStore>();
  inner->fail_commits(Error{Errc::kLimit, "disk full"}, 1);
  NoticingStore store(std::move(inner), clock,
                      [&lines](LogLevel, std::string_view text) { lines.emplace_back(text); });
  ASSERT_TRUE(store.ensure(audit::audit_tables()).has_value());
  auto owned = store.take("t", "test");
  ASSERT_TRUE(owned.has_value());
  flow::Changes changes;
  changes.rows = {counter_row(1, "foreign_bytes", 3)};
  flow::TaskCommit one{"t", owned->epoch, {}, &changes};
  EXPECT_FALSE(store.commit(std::span(&one, 1)).has_value());
  one.epoch -= 1;
  auto fenced = store.commit(std::span(&one, 1));
  ASSERT_TRUE(fenced.has_value());
  EXPECT_EQ(fenced->at(0), flow::CommitResult::kFenced);
  EXPECT_TRUE(lines.empty());
}

}  // namespace
}  // namespace waybill::cli
