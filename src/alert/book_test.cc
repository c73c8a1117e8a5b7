#include "alert/book.h"

#include <gtest/gtest.h>

#include "alert/tables.h"
#include "testing/memory_store.h"

namespace waybill::alert {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;

/// A book over a store, and what it has told.
class Harness {
 public:
  explicit Harness(Rule rule) : rules_{std::move(rule)}, book_(rules_) {
    EXPECT_TRUE(store_.ensure(alert_tables()).has_value());
    restart();
  }
  void restart() {
    auto owned = store_.take("alerts/evaluator", "test");
    epoch_ = owned->epoch;
    book_ = Book(rules_);
    EXPECT_TRUE(book_.restore(store_, *owned->segments).has_value());
  }
  void observe(const std::string& host, double value, int64_t holds_ms) {
    book_.observe(0, {.labels = {{"host", host}}, .value = value, .summary = "s", .holds_ms = holds_ms},
                  now());
  }
  void sweep(const std::vector<std::string>& hosts, double value = 1) {
    book_.begin_sweep(0);
    for (const auto& host : hosts) observe(host, value, 0);
    book_.end_sweep(0, now());
    step();
  }
  void step(const std::set<std::string>& muted = {}) {
    book_.advance(muted, now());
    flow::Changes changes;
    book_.flush(changes);
    flow::TaskCommit commit{
        .task = "alerts/evaluator", .epoch = epoch_, .positions = {}, .changes = &changes};
    auto done = store_.commit({&commit, 1});
    ASSERT_TRUE(done && done->front() == flow::CommitResult::kCommitted);
  }
  void pass(int64_t ms) { now_ms_ += ms; }
  Now now() const { return {kStart + now_ms_, now_ms_}; }
  static std::string id(const std::string& host) {
    return fingerprint({{"alertname", "r"}, {"severity", "warning"}, {"host", host}});
  }
  std::string state(const std::string& host) {
    auto page = store_.query({.table = &alert_table(), .where = {{"id", flow::Filter::Op::kEq, id(host)}}});
    return page->rows.empty() ? "inactive" : flow::text(page->rows[0].values[2]);
  }
  /// "firing a", "resolved b", in the order of the queue.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    auto page = store_.query({.table = &queue_table()});
    for (const auto& row : page->rows) {
      Notice n = parse_notice(flow::text(row.values[0]));
      out.push_back((n.resolved ? "resolved " : "firing ") + n.labels.at("host"));
    }
    return out;
  }
  void rename(const std::string& name) { rules_[0].name = name; }
  Book& book() { return book_; }

 private:
  testing::MemoryStore store_;
  std::vector<Rule> rules_;
  Book book_;
  int64_t epoch_ = 0, now_ms_ = 0;
};

using Told = std::vector<std::string>;

TEST(Book, TheFingerprintIsThatOfPrometheus) {
  EXPECT_EQ(fingerprint({}), "cbf29ce484222325");  // FNV-1a of nothing
  EXPECT_NE(fingerprint({{"a", "bc"}}), fingerprint({{"ab", "c"}}));
}

TEST(Book, ACriticalConditionFiresAtOnceIsToldOnceAndResolves) {
  Harness h({.name = "r", .notify = {"ops"}});
  h.observe("a", 3, 1'000);
  h.step();
  EXPECT_EQ(h.state("a"), "firing");
  h.pass(500);
  h.observe("a", 4, 1'000);
  h.step();
  h.pass(999);
  h.step();
  EXPECT_EQ(h.told(), Told{"firing a"});
  h.pass(1);
  h.step();
  EXPECT_EQ(h.state("a"), "resolved");
  EXPECT_EQ(h.told(), (Told{"firing a", "resolved a"}));
  h.pass(10);
  h.observe("a", 1, 1'000);
  h.step();
  EXPECT_EQ(h.told(), (Told{"firing a", "resolved a", "firing a"}));
}

TEST(Book, WhatHoldsForLessThanForNeverFires) {
  Harness h({.name = "r", .pending_for = Millis(5'000), .notify = {"ops"}});
  h.sweep({"a", "b"});
  EXPECT_EQ(h.state("a"), "pending");
  h.pass(4'999);
  h.sweep({"a"});
  EXPECT_EQ(h.state("b"), "inactive");
  EXPECT_EQ(h.state("a"), "pending");
  h.pass(1);
  h.sweep({"a"});
  EXPECT_EQ(h.state("a"), "firing");
  EXPECT_EQ(h.told(), Told{"firing a"});
}

TEST(Book, KeepFiringForBridgesGaps) {
  Harness h({.name = "r", .keep_firing_for = Millis(10'000), .notify = {"ops"}});
  h.sweep({"a"});
  h.sweep({});
  h.pass(9'999);
  h.sweep({});
  EXPECT_EQ(h.state("a"), "firing");
  h.sweep({"a"});
  h.pass(5'000);
  h.sweep({});
  h.pass(10'000);
  h.sweep({});
  EXPECT_EQ(h.told(), (Told{"firing a", "resolved a"}));
}

TEST(Book, RepeatsAndTellsGrowth) {
  Harness h(
      {.name = "r", .repeat_interval = Millis(3'600'000), .tells_growth = true, .notify = {"ops", "two"}});
  h.sweep({"a"}, 1);
  EXPECT_EQ(h.told(), (Told{"firing a", "firing a"}));  // two notifiers
  h.pass(30'000);
  h.sweep({"a"}, 5);
  EXPECT_EQ(h.told().size(), 2u);
  h.pass(30'000);
  h.sweep({"a"}, 5);
  EXPECT_EQ(h.told().size(), 4u);
  h.pass(3'599'999);
  h.sweep({"a"}, 4);
  EXPECT_EQ(h.told().size(), 4u);
  h.pass(1);
  h.sweep({"a"}, 4);
  EXPECT_EQ(h.told().size(), 6u);
}

TEST(Book, ARestartGoesOnAndTellsNothingTwice) {
  Harness h({.name = "r", .pending_for = Millis(2'000), .notify = {"ops"}});
  h.sweep({"a"});
  h.pass(1'500);
  h.restart();
  h.sweep({"a"});
  h.pass(500);
  h.restart();
  h.sweep({"a", "b"});
  EXPECT_EQ(h.told(), Told{"firing a"});
  h.restart();
  h.pass(2'000);
  h.sweep({"a", "b"});
  EXPECT_EQ(h.told(), (Told{"firing a", "firing b"}));
  h.restart();
  h.sweep({"b"});
  EXPECT_EQ(h.told(), (Told{"firing a", "firing b", "resolved a"}));
  EXPECT_EQ(h.book().figures().firing, 1);
}

TEST(Book, AnAlertOfARuleThatIsGoneIsResolved) {
  Harness h({.name = "r", .notify = {"ops"}});
  h.sweep({"a"});
  h.rename("another");
  h.restart();
  h.step();
  EXPECT_EQ(h.state("a"), "resolved");
  EXPECT_EQ(h.told(), (Told{"firing a", "resolved a"}));
}

TEST(Book, AMuteKeepsStillAndWhatWasToldIsResolvedAllTheSame) {
  Harness h({.name = "r", .notify = {"ops"}});
  h.observe("told", 1, 60'000);
  h.step();
  h.observe("still", 1, 60'000);
  const std::set<std::string> muted = {Harness::id("told"), Harness::id("still")};
  h.step(muted);
  EXPECT_EQ(h.state("still"), "firing");
  h.pass(60'000);
  h.step(muted);
  EXPECT_EQ(h.state("still"), "resolved");
  EXPECT_EQ(h.told(), (Told{"firing told", "resolved told"}));
}

TEST(Book, WhatFiresOnAfterAMuteIsToldThen) {
  Harness h({.name = "r", .notify = {"ops"}});
  h.observe("a", 1, 60'000);
  h.step({Harness::id("a")});
  EXPECT_EQ(h.told(), Told{});
  h.step();
  EXPECT_EQ(h.told(), Told{"firing a"});
}

TEST(Book, MoreConditionsThanItKeepsAreCounted) {
  Harness h({.name = "r", .notify = {}});
  for (size_t i = 0; i < kAlertsMax + 7; ++i) h.observe(std::to_string(i), 1, 1'000);
  EXPECT_EQ(h.book().figures().overflow, 7);
  EXPECT_EQ(h.book().figures().pending, static_cast<int64_t>(kAlertsMax));
}

TEST(Book, MoreNoticesThanMayWaitAreCounted) {
  Harness h({.name = "r", .notify = {"ops"}});
  h.book().set_waiting("ops", kQueueMax - 1);
  h.sweep({"a", "b", "c"});
  EXPECT_EQ(h.told().size(), 1u);
  EXPECT_EQ(h.book().figures().dropped, 2);
}

}  // namespace
}  // namespace waybill::alert
