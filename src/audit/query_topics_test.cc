#include "audit/query_harness.h"
#include "testing/memory_store.h"

namespace waybill::audit {
namespace {

using flow::Value;

std::unique_ptr<flow::Store> memory() { return std::make_unique<testing::MemoryStore>(); }

class QueryTopics : public ::testing::Test, public QueryHarness {
 protected:
  QueryTopics() : QueryHarness(memory()) {}
};

TEST_F(QueryTopics, WhatMayBeASendWithoutAnOutcomeIsNotUnaudited) {
  partition("main", "t", -1, "", {{"count", 100}, {"unknown", 2}, {"offset_unknown", 5}});
  partition("main", "t", 0, "g", {{"distinct_offsets", 100}, {"unaudited", 10}});
  partition("main", "u", -1, "", {{"count", 100}, {"offset_unknown", 100}});
  partition("main", "u", 0, "g", {{"distinct_offsets", 100}, {"unaudited", 90}});
  EXPECT_EQ(topics()[0]["unaudited"], 3);
  EXPECT_EQ(topics()[1]["unaudited"], 0);
}

TEST_F(QueryTopics, AnEmptyStoreHasNone) { EXPECT_EQ(topics(), TestJson::array()); }

TEST_F(QueryTopics, AddsUpPartitionsGroupsAndIncarnations) {
  partition("main", "t", -1, "", {{"count", 100}, {"failed", 3}});
  partition("main", "t", 0, "", {{"count", 60}, {"distinct_offsets", 60}});
  partition("main", "t", 1, "", {{"count", 40}, {"distinct_offsets", 40}});
  partition("main", "t", -1, "g", {{"count", 95}});
  partition(
      "main", "t", 0, "g",
      {{"count", 59}, {"distinct_offsets", 50}, {"suspected", 7}, {"redelivered", 9}, {"unaudited", 2}});
  partition("main", "t", 1, "g", {{"count", 36}, {"distinct_offsets", 36}, {"pending", 4}, {"unaudited", 3}});
  partition("main", "t", 1, "g",
            {{"distinct_offsets", 5},
             {"lost", 1},
             {"late", 1},
             {"unconfirmed", 1},
             {"excused", 1},
             {"accepted", 1},
             {"replayed", 1}},
            1);
  partition("main", "t", 0, "h", {{"distinct_offsets", 1}, {"unaudited", 4}});
  const TestJson all = topics();
  ASSERT_EQ(all.size(), 1u);
  const TestJson& topic = all[0];
  EXPECT_EQ(topic["cluster"], "main");
  EXPECT_EQ(topic["name"], "t");
  EXPECT_EQ(topic["produced"], 100);
  EXPECT_EQ(topic["unaudited"], 5) << "of the group that saw most of them";
  EXPECT_EQ(topic["complete"], true);
  EXPECT_EQ(topic["incomplete_reasons"], TestJson::array());
  ASSERT_EQ(topic["groups"].size(), 2u);
  const TestJson expected{{"name", "g"},           {"consumed", 91},   {"lost", 1},
                          {"redelivered", 9},      {"late", 1},        {"pending", 4},
                          {"suspected", 7},        {"unconfirmed", 1}, {"excused", 1},
                          {"accepted", 1},         {"replayed", 1},    {"lag_messages", nullptr},
                          {"lag_seconds", nullptr}};
  EXPECT_EQ(topic["groups"][0], expected);
  EXPECT_EQ(topic["groups"][1]["name"], "h");
}

TEST_F(QueryTopics, LagIsFromThePositionToTheEndOfTheLog) {
  struct Case {
    std::string what;
    Columns produced, group;
    TestJson messages, seconds;
  };
  const int64_t at = now.wall_ms;
  for (const Case& c : std::vector<Case>{
           {"nothing known", {}, {}, nullptr, nullptr},
           {"next against the log",
            {{"log_end", 50}},
            {{"next_offset", 40}, {"oldest_unread_ms", at - 2500}},
            10,
            2.5},
           {"committed goes before next",
            {{"log_end", 50}},
            {{"next_offset", 50}, {"committed_offset", 45}, {"oldest_unread_ms", at - 1000}},
            5,
            1.0},
           {"what was acknowledged may be ahead of the log's end",
            {{"log_end", 50}, {"high_offset", 60}},
            {{"next_offset", 50}, {"oldest_unread_ms", at}},
            10,
            0.0},
           {"the group's own view of the end",
            {},
            {{"next_offset", 7}, {"log_end", 9}, {"oldest_unread_ms", at - 10}},
            2,
            0.01},
           {"at the end", {{"log_end", 50}}, {{"committed_offset", 50}, {"oldest_unread_ms", 5}}, 0, 0.0},
           {"beyond the end", {{"log_end", 50}}, {{"committed_offset", 70}}, 0, 0.0},
           {"age unknown", {{"log_end", 50}}, {{"next_offset", 40}}, 10, nullptr},
           {"a clock ahead of ours",
            {{"log_end", 50}},
            {{"next_offset", 40}, {"oldest_unread_ms", at + 5000}},
            10,
            0.0},
           {"no position", {{"log_end", 50}}, {{"oldest_unread_ms", at - 5}}, nullptr, nullptr},
       }) {
    QueryHarness fresh(memory());
    fresh.partition("main", "t", 3, "", c.produced);
    fresh.partition("main", "t", 3, "g", c.group);
    const TestJson group = fresh.topics()[0]["groups"][0];
    EXPECT_EQ(group["lag_messages"], c.messages) << c.what;
    EXPECT_EQ(group["lag_seconds"], c.seconds) << c.what;
  }
}

TEST_F(QueryTopics, LagAddsPartitionsTakesTheOldestAgeAndForgetsOldIncarnations) {
  const int64_t at = now.wall_ms;
  partition("main", "t", 0, "", {{"log_end", 1000}}, 0);
  partition("main", "t", 0, "g", {{"next_offset", 10}, {"oldest_unread_ms", at - 900'000}}, 0);
  partition("main", "t", 0, "", {{"log_end", 30}}, 1);
  partition("main", "t", 0, "g", {{"next_offset", 10}, {"oldest_unread_ms", at - 4000}}, 1);
  partition("main", "t", 1, "", {{"log_end", 15}}, 1);
  partition("main", "t", 1, "g", {{"next_offset", 10}, {"oldest_unread_ms", at - 6000}}, 1);
  partition("main", "t", 2, "", {{"log_end", 10}}, 1);
  partition("main", "t", 2, "g", {{"next_offset", 10}}, 1);
  const TestJson group = topics()[0]["groups"][0];
  EXPECT_EQ(group["lag_messages"], 25);
  EXPECT_EQ(group["lag_seconds"], 6.0);
}

TEST_F(QueryTopics, SaysWhyATopicIsIncomplete) {
  for (const char* topic : {"a", "b"}) partition("main", topic, -1, "", {{"count", 1}});
  partition("other", "a", -1, "", {{"count", 1}});
  auto incomplete = [&](const char* cluster, const char* topic, const char* reason, int64_t from) {
    put(incomplete_table(),
        {std::string(cluster), std::string(topic), std::string("r"), std::string(reason), from}, {});
  };
  incomplete("main", "a", "report_missing", 5);
  incomplete("main", "a", "report_missing", 9);
  incomplete("main", "", "overflow", 5);
  const TestJson all = topics();
  EXPECT_EQ(all[0]["incomplete_reasons"], TestJson({"overflow", "report_missing"}));
  EXPECT_EQ(all[0]["complete"], false);
  EXPECT_EQ(all[1]["incomplete_reasons"], TestJson({"overflow"}))
      << "a reason without a topic is one of every topic of the cluster";
  EXPECT_EQ(all[2]["complete"], true);
  EXPECT_EQ(topics({{"cluster", "other"}}).size(), 1u);
}

TEST_F(QueryTopics, HostileNamesStayJson) {
  partition("main", "<img onerror>\"\n\xff", -1, "", {{"count", 1}});
  EXPECT_EQ(topics()[0]["name"], "<img onerror>\"\n\xef\xbf\xbd");
}

TEST_F(QueryTopics, TheOtherQueriesFindTheirCluster) {
  partition("east", "t", -1, "", {{"count", 1}});
  EXPECT_EQ(ask(rates_json, "t")["rates"], TestJson::array());
  partition("west", "t", -1, "", {{"count", 1}});
  for (TopicQuery query : {buckets_json, rates_json, findings_json}) {
    EXPECT_EQ(refusal(query, "u").code, Errc::kNotFound);
    const Error several = refusal(query, "t");
    EXPECT_EQ(several.code, Errc::kConflict);
    EXPECT_NE(several.message.find("east, west"), std::string::npos) << several.message;
    EXPECT_EQ(refusal(query, "t", {{"cluster", "north"}}).code, Errc::kNotFound);
    EXPECT_EQ(refusal(query, "t", {{"cluster", "west"}}).code, Errc::kEndOfData);
    EXPECT_EQ(refusal(query, "t", {{"cluster", "west"}, {"from", "soon"}}).code, Errc::kInvalid);
    EXPECT_EQ(refusal(query, "t", {{"cluster", "west"}, {"from", "2"}, {"to", "1"}}).code, Errc::kInvalid);
  }
}

TEST_F(QueryTopics, ReportersAreJoinedOverAuditPartitions) {
  auto report = [&](const char* id, int64_t part, Columns columns) {
    put(reporter_table(), {std::string("main"), std::string(id), part}, columns);
  };
  const std::string producer =
      R"({"client_id":"p","tier":"produced","group":"","instance":"","flags":8,"library":"librdkafka 2.0.2"})";
  const std::string consumer =
      R"({"client_id":"c","tier":"consumed","group":"g","instance":"","flags":0,"library":"librdkafka 2.0.2"})";
  const int64_t at = now.wall_ms;
  report("r1", 0,
         {{"host", "h"},
          {"clients", "[" + producer + "]"},
          {"topics", R"(["a"])"},
          {"first_seen_ms", at - 50},
          {"last_seen_ms", at - 20},
          {"complete_up_to_ms", at - 30},
          {"reports", 5},
          {"missing_reports", 1},
          {"closed", 1},
          {"pid", 7}});
  report("r1", 3,
         {{"host", "h"},
          {"clients", "[" + producer + "," + consumer + "]"},
          {"topics", R"(["b"])"},
          {"first_seen_ms", at - 60},
          {"last_seen_ms", at - 10},
          {"complete_up_to_ms", at - 15},
          {"reports", 6},
          {"missing_reports", 2},
          {"dropped", 4},
          {"pid", 7}});
  report("r0", 0,
         {{"host", "z"}, {"clients", "not json"}, {"topics", "{}"}, {"last_seen_ms", at}, {"vanished", 1}});
  report("old", 0, {{"host", "a"}, {"last_seen_ms", at - 86'400'001}});
  const TestJson all = reporters();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["reporter"], "r1");
  EXPECT_EQ(all[0]["clients"].size(), 2u);
  EXPECT_EQ(all[0]["clients"][1]["client_id"], "p");
  EXPECT_EQ(all[0]["clients"][1]["flags"], 8);
  EXPECT_EQ(all[0]["tiers"], TestJson({"consumed", "produced"}));
  EXPECT_EQ(all[0]["topics"], TestJson({"a", "b"}));
  for (const auto& [member, value] : std::map<std::string, int64_t>{{"first_seen", at - 60},
                                                                    {"last_seen", at - 10},
                                                                    {"complete_up_to", at - 30},
                                                                    {"reports", 11},
                                                                    {"missing_reports", 3},
                                                                    {"dropped", 4},
                                                                    {"pid", 7}}) {
    EXPECT_EQ(all[0][member], value) << member;
  }
  EXPECT_EQ(all[0]["closed"], false) << "it still writes to one audit partition";
  EXPECT_EQ(all[0]["vanished"], false);
  EXPECT_EQ(all[1]["vanished"], true);
  EXPECT_EQ(all[1]["clients"], TestJson::array());
  EXPECT_EQ(reporters({{"from", "-2d"}}).size(), 3u);
  EXPECT_EQ(reporters({{"cluster", "none"}}).size(), 0u);
}

}  // namespace
}  // namespace waybill::audit
