// The queries behind the pages of all topics: overview, findings of all topics, partitions of one.
#include "audit/query_overview.h"

#include "audit/query_harness.h"
#include "testing/memory_store.h"

namespace waybill::audit {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;

std::unique_ptr<flow::Store> memory() { return std::make_unique<testing::MemoryStore>(); }

class QueryOverview : public ::testing::Test, public QueryHarness {
 protected:
  QueryOverview() : QueryHarness(memory()) {}

  std::shared_ptr<const TopicBoard> board() {
    auto read = read_board(store, now);
    EXPECT_TRUE(read);
    return read ? *read : std::make_shared<const TopicBoard>();
  }
  using Query = Result<std::string> (*)(flow::Store&, const TopicBoard&, const Params&, Now);
  TestJson ask_all(Query query, std::map<std::string, std::string> given) {
    auto answer = query(store, *board(), params(std::move(given)), now);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? TestJson::parse(*answer) : TestJson();
  }
  TestJson overview(std::map<std::string, std::string> given = {}) { return ask_all(overview_json, given); }
  TestJson findings(std::map<std::string, std::string> given = {}) {
    return ask_all(all_findings_json, given);
  }
  std::string refused(Query query, std::map<std::string, std::string> given) {
    auto answer = query(store, *board(), params(std::move(given)), now);
    EXPECT_FALSE(answer);
    return answer ? *answer : answer.error().message;
  }
  /// "a b ...": the topics of the list.
  static std::string names(const TestJson& answer) {
    std::string out;
    for (const auto& topic : answer.at("topics")) out += topic.at("name").get<std::string>() + " ";
    return out;
  }
  void bucket(const flow::TableSpec& table, const std::string& topic, int64_t start, const std::string& group,
              const Columns& columns, int64_t kind = 0) {
    put(table, {std::string("main"), topic, kind, start, group}, columns);
  }
  void of_topic(const std::string& cluster, const std::string& topic, int64_t first, int64_t last,
                const std::string& state) {
    put(finding_table(), {cluster, topic, int64_t{0}, int64_t{0}, std::string("g"), first, state},
        {{"last_offset", last}});
  }
  /// A topic whose group counts so many of a state.
  void topic(const std::string& cluster, const std::string& name, const Columns& group) {
    partition(cluster, name, -1, "", {{"count", 100}});
    partition(cluster, name, 0, "g", group);
  }
};

TEST_F(QueryOverview, AnEmptyStoreHasNoTopicsAndZeroTotals) {
  const TestJson expected{
      {"produced", 0}, {"consumed", 0},  {"pending", 0},          {"suspected", 0},   {"lost", 0},
      {"late", 0},     {"excused", 0},   {"redelivered", 0},      {"unconfirmed", 0}, {"accepted", 0},
      {"replayed", 0}, {"unaudited", 0}, {"incomplete_topics", 0}};
  const TestJson all = overview();
  EXPECT_EQ(all["totals"], expected);
  EXPECT_EQ(all["topics"], TestJson::array());
  EXPECT_EQ(all["matching"], 0);
  EXPECT_EQ(all["next"], nullptr);
  EXPECT_EQ(all["as_of"], now.wall_ms);
}

TEST_F(QueryOverview, TheWorstComesFirstThenByName) {
  topic("main", "fine", {{"distinct_offsets", 100}});
  topic("main", "hole", {{"distinct_offsets", 100}});
  put(incomplete_table(),
      {std::string("main"), std::string("hole"), std::string("r"), std::string("dropped"), int64_t{5}}, {});
  topic("main", "unsure", {{"unconfirmed", 3}});
  topic("main", "maybe", {{"suspected", 2}, {"unconfirmed", 9}});
  topic("main", "lost-b", {{"lost", 1}, {"suspected", 2}});
  topic("main", "lost-a", {{"lost", 7}});
  topic("east", "zero", {});
  const TestJson all = overview();
  EXPECT_EQ(names(all), "lost-a lost-b maybe unsure hole zero fine ");
  EXPECT_EQ(all["topics_total"], 7);
  const TestJson& totals = all["totals"];
  EXPECT_EQ(totals["produced"], 700);
  EXPECT_EQ(totals["consumed"], 200);
  EXPECT_EQ(totals["lost"], 8);
  EXPECT_EQ(totals["suspected"], 4);
  EXPECT_EQ(totals["unconfirmed"], 12);
  EXPECT_EQ(totals["incomplete_topics"], 1);
  EXPECT_EQ(all["topics"][4]["incomplete_reasons"], TestJson::array({"dropped"}));
  EXPECT_EQ(all["topics"][4]["complete"], false);
}

TEST_F(QueryOverview, WhatAWholeClusterMissesMakesEachOfItsTopicsIncomplete) {
  topic("main", "a", {});
  topic("east", "b", {});
  put(incomplete_table(),
      {std::string("main"), std::string(), std::string("r"), std::string("vanished"), int64_t{5}}, {});
  EXPECT_EQ(names(overview({{"state", "incomplete"}})), "a ");
  EXPECT_EQ(names(overview({{"state", "ok"}})), "b ");
}

TEST_F(QueryOverview, ParametersChooseAndTotalsAreOfWhatTheyChose) {
  topic("main", "orders", {{"lost", 1}});
  topic("main", "payments", {{"lost", 2}});
  topic("east", "orders", {});
  partition("east", "orders", 0, "Billing", {});
  struct Case {
    std::map<std::string, std::string> given;
    std::string names;
    int64_t lost;
  };
  for (const Case& c : std::vector<Case>{{{{"cluster", "main"}}, "orders payments ", 3},
                                         {{{"topic", "orders"}}, "orders orders ", 1},
                                         {{{"q", "PAY"}}, "payments ", 2},
                                         {{{"q", "bill"}}, "orders ", 0},
                                         {{{"state", "lost"}, {"q", "ord"}}, "orders ", 1},
                                         {{{"cluster", "west"}}, "", 0}}) {
    const TestJson answer = overview(c.given);
    EXPECT_EQ(names(answer), c.names);
    EXPECT_EQ(answer["totals"]["lost"], c.lost) << c.names;
    EXPECT_EQ(answer["topics_total"], 3);
  }
}

TEST_F(QueryOverview, PagesFollowEachOther) {
  for (const char* name : {"a", "b", "c", "d", "e"}) topic("main", name, {});
  std::map<std::string, std::string> given{{"limit", "2"}};
  std::string seen;
  for (int page = 0; page < 3; ++page) {
    const TestJson answer = overview(given);
    EXPECT_EQ(answer["matching"], 5);
    EXPECT_EQ(answer["totals"]["produced"], 500) << "of all pages";
    seen += names(answer) + "| ";
    if (answer["next"].is_string()) given["next"] = answer["next"];
  }
  EXPECT_EQ(seen, "a b | c d | e | ");
  EXPECT_EQ(overview(given)["next"], nullptr);
}

TEST_F(QueryOverview, SumsOfARangeTakeWholeHoursFromTheHoursAndTheEndsFromTheMinutes) {
  topic("main", "t", {});
  const int64_t hour = now.wall_ms / kHour * kHour - 4 * kHour;
  bucket(hour_table(), "t", hour - kHour, "",
         {{"count", 1'000'000}});  // an hour that begins before the range
  bucket(bucket_table(), "t", hour - kMinute, "", {{"count", 1}, {"failed", 2}, {"unknown", 3}});
  bucket(bucket_table(), "t", hour - 3 * kMinute, "", {{"count", 500'000}});  // before the range
  bucket(hour_table(), "t", hour, "", {{"count", 10}});
  bucket(hour_table(), "t", hour + kHour, "", {{"count", 20}});
  bucket(bucket_table(), "t", hour + kMinute, "", {{"count", 400'000}});  // is in its hour
  bucket(bucket_table(), "t", hour + 2 * kHour, "", {{"count", 100}});
  bucket(bucket_table(), "t", hour + 2 * kHour + kMinute, "", {{"count", 300'000}});  // behind the range
  bucket(hour_table(), "t", hour, "g", {{"distinct_offsets", 7}, {"lost", 2}, {"redelivered", 1}});
  bucket(hour_table(), "t", hour, "", {{"count", 200'000}}, 1);  // of another kind
  const TestJson range = overview({{"from", std::to_string(hour - 2 * kMinute)},
                                   {"to", std::to_string(hour + 2 * kHour + kMinute)}})["topics"][0]["range"];
  EXPECT_EQ(range["produced"], 131);
  EXPECT_EQ(range["failed"], 2);
  EXPECT_EQ(range["unknown"], 3);
  const TestJson group{{"consumed", 7}, {"pending", 0},     {"suspected", 0},   {"lost", 2},
                       {"late", 0},     {"redelivered", 1}, {"unconfirmed", 0}, {"excused", 0},
                       {"accepted", 0}, {"replayed", 0}};
  EXPECT_EQ(range["groups"], (TestJson{{"g", group}}));
}

TEST_F(QueryOverview, WrongParametersAreNamed) {
  EXPECT_NE(refused(overview_json, {{"state", "bad"}}).find("state"), std::string::npos);
  EXPECT_NE(refused(overview_json, {{"limit", "501"}}).find("limit"), std::string::npos);
  EXPECT_NE(refused(overview_json, {{"next", "1x"}}).find("next"), std::string::npos);
  EXPECT_NE(refused(overview_json, {{"from", "soon"}}).find("from"), std::string::npos);
  EXPECT_NE(refused(all_findings_json, {{"state", "bad"}}).find("state"), std::string::npos);
  EXPECT_NE(refused(all_findings_json, {{"next", "AAAA"}}).find("next"), std::string::npos);
}

TEST_F(QueryOverview, ChangesAreToldByTopicAndByFinding) {
  topic("main", "a", {{"distinct_offsets", 100}});
  topic("main", "b", {{"distinct_offsets", 100}});
  const auto before = board();
  EXPECT_EQ(changed_topics(TopicBoard{}, *before), (std::vector<std::string>{"main/a", "main/b"}));
  EXPECT_TRUE(changed_topics(*before, *board()).empty());
  partition("main", "a", 0, "g", {{"distinct_offsets", 1}});
  const auto more = board();
  EXPECT_EQ(changed_topics(*before, *more), std::vector<std::string>{"main/a"});
  EXPECT_EQ(findings_fingerprint(*before), findings_fingerprint(*more));
  partition("main", "b", 0, "g", {{"lost", 1}});
  const auto worse = board();
  EXPECT_EQ(changed_topics(*more, *worse), std::vector<std::string>{"main/b"});
  EXPECT_NE(findings_fingerprint(*more), findings_fingerprint(*worse));
}

TEST_F(QueryOverview, FindingsOfAllTopicsComeTopicAfterTopicOverPages) {
  topic("main", "b", {{"lost", 30}, {"redelivered", 5}});
  topic("main", "a", {{"lost", 10}});
  topic("east", "c", {{"lost", 1}});
  topic("main", "none", {});
  of_topic("main", "b", 0, 9, "lost");
  of_topic("main", "b", 20, 24, "redelivered");
  of_topic("main", "b", 40, 59, "lost");
  of_topic("main", "a", 5, 14, "lost");
  of_topic("east", "c", 3, 3, "lost");
  for (const char* limit : {"1", "2", "3", "10"}) {
    std::map<std::string, std::string> given{{"limit", limit}};
    std::string seen;
    for (TestJson answer = findings(given);; answer = findings(given)) {
      for (const auto& f : answer["findings"]) {
        seen += f["cluster"].get<std::string>() + "/" + f["topic"].get<std::string>() + ":" +
                std::to_string(f["first_offset"].get<int64_t>()) + "+" +
                std::to_string(f["count"].get<int64_t>()) + " ";
      }
      if (!answer["next"].is_string()) break;
      given["next"] = answer["next"];
    }
    EXPECT_EQ(seen, "east/c:3+1 main/a:5+10 main/b:0+10 main/b:20+5 main/b:40+20 ") << limit;
  }
  EXPECT_EQ(findings({{"state", "redelivered"}})["findings"].size(), 1u);
  EXPECT_EQ(findings({{"topic", "a"}})["findings"].size(), 1u);
  EXPECT_EQ(findings({{"cluster", "main"}})["findings"].size(), 4u);
  EXPECT_EQ(findings({{"group", "nobody"}})["findings"].size(), 0u);
}

TEST_F(QueryOverview, PartitionsAreOfTheNewestIncarnationWithUnknownOffsetsNull) {
  partition("main", "t", -1, "", {{"count", 50}});
  partition("main", "t", 0, "", {{"distinct_offsets", 10}, {"log_start", 0}, {"log_end", 10}}, 0);
  partition("main", "t", 0, "", {{"distinct_offsets", 4}, {"log_start", 2}, {"log_end", 6}}, 1);
  partition("main", "t", 0, "g",
            {{"distinct_offsets", 3},
             {"lost", 1},
             {"pending", 2},
             {"suspected", 3},
             {"redelivered", 4},
             {"next_offset", 5},
             {"committed_offset", 6}},
            1);
  partition("main", "t", 11, "", {{"distinct_offsets", 9}}, 1);
  const auto row = [](int64_t incarnation, int64_t part, const TestJson& group, int64_t count) {
    return TestJson{{"cluster", "main"},
                    {"incarnation", incarnation},
                    {"partition", part},
                    {"group", group},
                    {"count", count},
                    {"lost", 0},
                    {"pending", 0},
                    {"suspected", 0},
                    {"redelivered", 0},
                    {"next_offset", nullptr},
                    {"committed_offset", nullptr},
                    {"log_start", nullptr},
                    {"log_end", nullptr}};
  };
  TestJson log = row(1, 0, nullptr, 4);
  log.update({{"log_start", 2}, {"log_end", 6}});
  TestJson group = row(1, 0, "g", 3);
  group.update({{"lost", 1},
                {"pending", 2},
                {"suspected", 3},
                {"redelivered", 4},
                {"next_offset", 5},
                {"committed_offset", 6}});
  const TestJson expected = TestJson::array({log, group, row(1, 11, nullptr, 9)});
  EXPECT_EQ(ask(partitions_json, "t")["partitions"], expected);
  EXPECT_EQ(refusal(partitions_json, "x").code, Errc::kNotFound);
  partition("east", "t", 0, "", {{"distinct_offsets", 1}});
  EXPECT_EQ(refusal(partitions_json, "t").code, Errc::kConflict);
  EXPECT_EQ(ask(partitions_json, "t", {{"cluster", "east"}})["partitions"].size(), 1u);
}

}  // namespace
}  // namespace waybill::audit
