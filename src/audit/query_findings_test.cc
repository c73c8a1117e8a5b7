#include <map>
#include <random>
#include <tuple>

#include "audit/query_harness.h"
#include "testing/memory_store.h"

namespace waybill::audit {
namespace {

class QueryFindings : public ::testing::Test, public QueryHarness {
 protected:
  QueryFindings() : QueryHarness(std::make_unique<testing::MemoryStore>()) {}
  void groups(std::initializer_list<std::string> names, int64_t parts = 2) {
    for (int64_t part = 0; part < parts; ++part) {
      for (const auto& name : names) partition("main", "t", part, name, {});
    }
  }
  static std::string line(const TestJson& f) {
    EXPECT_EQ(f["count"], f["last_offset"].get<int64_t>() - f["first_offset"].get<int64_t>() + 1);
    return f["partition"].dump() + ":" + f["first_offset"].dump() + "-" + f["last_offset"].dump() + " " +
           f["group"].get<std::string>() + " " + f["state"].get<std::string>() +
           (f["reason"] == "" ? "" : "/" + f["reason"].get<std::string>()) + "\n";
  }
  /// All pages, one line a finding.
  std::string lines(std::map<std::string, std::string> given = {}) {
    std::string out;
    for (int pages = 0; pages < 1000; ++pages) {
      const TestJson page = ask(findings_json, "t", given);
      for (const auto& f : page["findings"]) out += line(f);
      if (page["next"].is_null()) return out;
      EXPECT_EQ(page["findings"].size(), std::stoul(given.contains("limit") ? given["limit"] : "1000"));
      given["next"] = page["next"];
    }
    return "the pages do not end";
  }
};

TEST_F(QueryFindings, JoinsAdjacentRangesOfOneKind) {
  groups({"g", "h"});
  finding(0, "g", 10, 19, "suspected", {{"bucket_start", 60}});
  finding(0, "g", 20, 20, "suspected", {{"bucket_start", 60}, {"verified_ms", 5}});
  finding(0, "g", 21, 30, "suspected", {{"bucket_start", 120}});
  finding(0, "g", 32, 33, "suspected", {{"bucket_start", 120}});
  finding(0, "g", 34, 35, "redelivered", {{"reason", "rewind"}});
  finding(0, "g", 36, 36, "redelivered", {{"reason", "restart"}});
  finding(0, "h", 20, 20, "suspected", {{"bucket_start", 60}});
  finding(1, "g", 31, 31, "suspected", {{"bucket_start", 120}});
  EXPECT_EQ(lines(),
            "0:10-20 g suspected\n0:20-20 h suspected\n0:21-30 g suspected\n0:32-33 g suspected\n0:34-35 g "
            "redelivered/rewind\n"
            "0:36-36 g redelivered/restart\n1:31-31 g suspected\n");
  const TestJson first = ask(findings_json, "t", {{"limit", "1"}})["findings"][0];
  const TestJson expected{{"cluster", "main"},     {"group", "g"},        {"partition", 0},
                          {"first_offset", 10},    {"last_offset", 20},   {"count", 11},
                          {"state", "suspected"},  {"reason", ""},        {"bucket_start", 60},
                          {"verified_at", 5},      {"found_at", nullptr}, {"decision", nullptr},
                          {"replayed_to", nullptr}};
  EXPECT_EQ(first, expected);
}

TEST_F(QueryFindings, StatesThatLieBetweenEachOtherAreJoinedAllTheSame) {
  groups({"g"}, 1);
  finding(0, "g", 0, 4, "redelivered");
  finding(0, "g", 3, 3, "lost");
  finding(0, "g", 5, 9, "redelivered");
  finding(0, "g", 7, 7, "lost");
  EXPECT_EQ(lines(), "0:0-9 g redelivered\n0:3-3 g lost\n0:7-7 g lost\n");
  EXPECT_EQ(lines({{"limit", "1"}}), lines());
}

TEST_F(QueryFindings, FiltersByGroupStateAndTime) {
  groups({"g", "h"}, 1);
  finding(0, "g", 1, 1, "lost", {{"bucket_start", 1000}});
  finding(0, "g", 3, 3, "pending", {{"bucket_start", 2000}});
  finding(0, "h", 5, 5, "lost", {{"bucket_start", 3000}});
  finding(0, "h", 7, 7, "lost", {{"bucket_kind", 1}});
  EXPECT_EQ(lines({{"group", "h"}}), "0:5-5 h lost\n0:7-7 h lost\n");
  EXPECT_EQ(lines({{"group", "nobody"}}), "");
  EXPECT_EQ(lines({{"state", "lost"}}), "0:1-1 g lost\n0:5-5 h lost\n0:7-7 h lost\n");
  EXPECT_EQ(lines({{"state", "replayed"}}), "");
  EXPECT_EQ(lines({{"from", "2000"}, {"to", "3000"}}), "0:3-3 g pending\n");
  EXPECT_EQ(lines({{"from", "0"}}), "0:1-1 g lost\n0:3-3 g pending\n0:5-5 h lost\n")
      << "without a bucket there is no time";
  EXPECT_EQ(ask(findings_json, "t", {{"group", "h"}})["findings"][1]["bucket_start"], nullptr);
}

TEST_F(QueryFindings, AnOlderIncarnationComesFirst) {
  groups({"g"}, 1);
  partition("main", "t", 0, "g", {}, 1);
  finding(0, "g", 1, 1, "lost", {}, 1);
  finding(0, "g", 50, 50, "lost", {}, 0);
  EXPECT_EQ(lines({{"limit", "1"}}), "0:50-50 g lost\n0:1-1 g lost\n");
}

TEST_F(QueryFindings, RefusesWhatItDoesNotKnow) {
  groups({"g"});
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"state", "gone"},
                                                        {"state", ""},
                                                        {"limit", "0"},
                                                        {"limit", "-1"},
                                                        {"limit", "10001"},
                                                        {"limit", "ten"},
                                                        {"limit", ""},
                                                        {"next", ""},
                                                        {"next", "x"},
                                                        {"next", "e30."},
                                                        {"next", "WzEsMiwzXQ.."},
                                                        {"next", "\xff\xff\xff\xff"},
                                                        {"from", "soon"}}) {
    const Error error = refusal(findings_json, "t", {{name, value}});
    EXPECT_EQ(error.code, Errc::kInvalid) << name << "=" << value << ": " << error.message;
    EXPECT_NE(error.message.find(name), std::string::npos) << error.message;
  }
  EXPECT_NE(refusal(findings_json, "t", {{"state", "gone"}}).message.find("suspected"), std::string::npos);
}

/// What the answer must be, by sorting and a loop. Rows: partition, group, state -> ranges by first offset.
using Model = std::map<std::tuple<int64_t, std::string, std::string>, std::map<int64_t, int64_t>>;

std::string expected(const Model& model) {
  std::map<std::tuple<int64_t, int64_t, std::string, std::string>, int64_t>
      joined;  // part, first, group, state -> last
  for (const auto& [kind, ranges] : model) {
    const auto& [part, group, state] = kind;
    int64_t* last_end = nullptr;
    for (const auto& [first, last] : ranges) {
      if (last_end != nullptr && *last_end + 1 == first) {
        *last_end = last;
      } else {
        last_end = &(joined[{part, first, group, state}] = last);
      }
    }
  }
  std::string out;
  for (const auto& [key, last] : joined) {
    const auto& [part, first, group, state] = key;
    out += std::to_string(part) + ":" + std::to_string(first) + "-" + std::to_string(last) + " " + group +
           " " + state + "\n";
  }
  return out;
}

TEST_F(QueryFindings, AnyPageSizeGivesWhatThePlainModelGives) {
  std::mt19937 random(7);
  groups({"g", "h"});
  Model model;
  for (int round = 0; round < 60; ++round) {
    const int64_t part = random() % 2;
    const std::string group = random() % 2 ? "g" : "h";
    const std::string state = random() % 2 ? "lost" : "suspected";
    auto& ranges = model[{part, group, state}];
    int64_t first = ranges.empty() ? static_cast<int64_t>(random() % 5) : ranges.rbegin()->second + 1;
    if (random() % 3 == 0) first += static_cast<int64_t>(random() % 4);
    const int64_t last = first + static_cast<int64_t>(random() % (round % 10 == 0 ? 30 : 3));
    ranges[first] = last;
    finding(part, group, first, last, state);
    for (const char* limit : {"1", "2", "3", "1000"}) {
      ASSERT_EQ(lines({{"limit", limit}}), expected(model)) << "round " << round << ", limit " << limit;
    }
  }
}

}  // namespace
}  // namespace waybill::audit
