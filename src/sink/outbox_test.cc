#include <gtest/gtest.h>

#include "sink/bounded_outbox.h"
#include "sink/kafka_sink.h"
#include "sink/outbox_drainer.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace waybill::sink {
namespace {

/// Takes `takes` records a call, and then fails when there were more.
struct FakeSink : ForwardSink {
  explicit FakeSink(std::vector<int64_t>& into) : got(into) {}
  Delivery deliver(std::span<const ForwardRecord> records, Millis) override {
    Delivery delivery;
    for (const ForwardRecord& record : records) {
      if (static_cast<int>(delivery.done) == *takes) {
        delivery.error = Error{Errc::kUnavailable, "down"};
        break;
      }
      got.push_back(record.sequence);
      ++delivery.done;
    }
    return delivery;
  }
  std::vector<int64_t>& got;
  std::shared_ptr<int> takes = std::make_shared<int>(1'000'000);
};

struct OutboxTest : ::testing::Test {
  void add(const std::string& to, int count) {
    flow::Changes changes;
    for (int i = 0; i < count; ++i) changes.outbox.push_back({"t", to, "body"});
    flow::TaskCommit commit{.task = task, .epoch = epoch, .positions = {}, .changes = &changes};
    ASSERT_TRUE(store.commit(std::span(&commit, 1)));
  }
  std::unique_ptr<OutboxDrainer> drainer(const std::string& owner) {
    auto a = std::make_unique<FakeSink>(of_a);
    auto b = std::make_unique<FakeSink>(of_b);
    a_takes = a->takes;
    std::vector<NamedSink> sinks;
    sinks.push_back({"a", std::move(a)});
    sinks.push_back({"b", std::move(b)});
    auto route = [](const flow::OutboxRow& row) -> std::optional<Routed> {
      if (row.key.key != "a" && row.key.key != "b") return std::nullopt;
      Routed out{.sink = row.key.key == "a" ? size_t{0} : size_t{1}, .record = {}};
      out.record.sequence = row.sequence;
      return out;
    };
    return std::make_unique<OutboxDrainer>(store, clock, owner, std::move(sinks), route, figures,
                                           [](LogLevel, std::string_view) {});
  }
  int64_t first() {
    auto rows = store.outbox(0, 1);
    return rows->empty() ? 0 : rows->front().sequence;
  }

  waybill::testing::MemoryStore store;
  waybill::testing::FakeClock clock;
  flow::TaskId task{};
  int64_t epoch = store.take(task, "test")->epoch;
  OutboxFigures figures{{"a", "b"}};
  std::vector<int64_t> of_a, of_b;
  std::shared_ptr<int> a_takes;
};

TEST_F(OutboxTest, EachSinkGetsItsRowsInOrderAndWhatNobodyWantsIsCounted) {
  add("a", 3);
  add("gone", 2);
  add("b", 30);
  auto it = drainer("one");
  while (it->step()) {
  }
  EXPECT_EQ(of_a, (std::vector<int64_t>{1, 2, 3}));
  ASSERT_EQ(of_b.size(), 30u);
  EXPECT_EQ(of_b.front(), 6);
  EXPECT_EQ(of_b.back(), 35);
  EXPECT_EQ(figures.unrouted, 2);
  EXPECT_EQ(figures.sinks[1].forwarded, 30);
  EXPECT_EQ(first(), 0);
}

TEST_F(OutboxTest, ASinkThatIsDownKeepsItsRowsAndHoldsUpNobody) {
  auto it = drainer("one");
  *a_takes = 2;
  add("a", 5);
  add("b", 5);
  while (it->step()) {
  }
  EXPECT_EQ(of_a, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(of_b.size(), 5u);
  EXPECT_EQ(first(), 3);
  EXPECT_EQ(figures.sinks[0].failures, 1);
  EXPECT_FALSE(it->step());  // backs off
  EXPECT_EQ(of_a.size(), 2u);
  *a_takes = 100;
  clock.advance(Millis(1'000));
  while (it->step()) {
  }
  EXPECT_EQ(of_a, (std::vector<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(of_b.size(), 5u);
  EXPECT_EQ(first(), 0);
}

TEST_F(OutboxTest, OnlyTheHolderOfTheLeaseDelivers) {
  auto one = drainer("one");
  EXPECT_FALSE(one->step());
  add("a", 1);
  auto two = drainer("two");
  EXPECT_FALSE(two->step());
  EXPECT_TRUE(of_a.empty());
  clock.advance(kOutboxLeaseTtl + Millis(1));
  two->step();
  EXPECT_EQ(of_a.size(), 1u);
}

/// Shows values: it must have all of them before it takes more.
struct CheckedSink : ForwardSink {
  struct Script {
    bool up = true;
    int catching_up = 0;  ///< calls of check() that say so
    std::vector<int64_t> done_to, got;
    int begun = 0;
  };
  explicit CheckedSink(Script& by) : script(by) {}
  Delivery deliver(std::span<const ForwardRecord> records, Millis) override {
    if (!script.up) return {.error = Error{Errc::kUnavailable, "down"}};
    for (const ForwardRecord& record : records) script.got.push_back(record.sequence);
    return {.done = records.size(), .error = std::nullopt};
  }
  Result<SinkState> check(int64_t done_to, Millis) override {
    if (!script.up) return fail(Errc::kUnavailable, "down");
    if (script.catching_up > 0) return --script.catching_up, SinkState::kCatchingUp;
    script.done_to.push_back(done_to);
    return SinkState::kReady;
  }
  void begin() override { ++script.begun; }
  Script& script;
};

struct CheckedOutboxTest : OutboxTest {
  std::unique_ptr<OutboxDrainer> checked_drainer(const std::string& owner) {
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "b", .sink = std::make_unique<CheckedSink>(script), .rows_max = 20});
    auto route = [](const flow::OutboxRow& row) -> std::optional<Routed> {
      Routed out{.sink = 0, .record = {}};
      out.record.sequence = row.sequence;
      return out;
    };
    return std::make_unique<OutboxDrainer>(store, clock, owner, std::move(sinks), route, one_figure,
                                           [](LogLevel, std::string_view) {});
  }
  static void drain(OutboxDrainer& it) {
    while (it.step()) {
    }
  }
  CheckedSink::Script script;
  OutboxFigures one_figure{{"b"}};
};

TEST_F(CheckedOutboxTest, NothingIsDeliveredBeforeASinkHasCaughtUp) {
  add("b", 3);
  script.catching_up = 4;
  auto it = checked_drainer("one");
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(it->step());
    EXPECT_TRUE(script.got.empty());
  }
  drain(*it);
  EXPECT_EQ(script.got, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(script.done_to, (std::vector<int64_t>{0}));
  clock.advance(kSinkCheckEvery);
  drain(*it);
  EXPECT_EQ(script.done_to, (std::vector<int64_t>{0, 3})) << "it is asked once a second";
}

TEST_F(CheckedOutboxTest, WhatIsDeletedIsDoneForTheNextHolderOfTheLease) {
  auto one = checked_drainer("one");
  add("b", 5);
  drain(*one);
  EXPECT_EQ(first(), 0);
  auto two = checked_drainer("two");
  clock.advance(kOutboxLeaseTtl + Millis(1));
  add("b", 2);
  drain(*two);
  EXPECT_EQ(script.begun, 2);
  EXPECT_EQ(script.done_to.back(), 5);
  drain(*one);  // has lost the lease
  clock.advance(kOutboxLeaseTtl + Millis(1));
  drain(*one);
  EXPECT_EQ(script.begun, 3);
  EXPECT_EQ(script.done_to.back(), 7);
}

TEST_F(CheckedOutboxTest, WhileASinkIsDownTheOutboxIsBounded) {
  auto it = checked_drainer("one");
  script.up = false;
  for (int i = 0; i < 10; ++i) {
    add("b", 5);
    ASSERT_TRUE(it->measure());
    drain(*it);
    clock.advance(Millis(100));
  }
  ASSERT_TRUE(it->measure());
  EXPECT_LE(one_figure.rows, 20);
  script.up = true;
  clock.advance(Millis(30'000));
  drain(*it);
  EXPECT_EQ(script.done_to.back(), 50 - one_figure.rows) << "it finds out that it lacks these";
  EXPECT_EQ(static_cast<int64_t>(script.got.size()), one_figure.rows);
}

/// Rows "a" and "b" of one table go to a sink that wants the latest only, in offers of ten.
struct LatestOutboxTest : OutboxTest {
  struct SmallSink : FakeSink {
    using FakeSink::FakeSink;
    OfferBound offer_bound() const override { return {.records = 10, .bytes = 1 << 20}; }
  };
  std::unique_ptr<OutboxDrainer> latest_drainer() {
    auto sink = std::make_unique<SmallSink>(of_a);
    a_takes = sink->takes;
    std::vector<NamedSink> sinks;
    sinks.push_back({.name = "a", .sink = std::move(sink), .latest_only = true});
    auto route = [](const flow::OutboxRow& row) -> std::optional<Routed> {
      if (row.key.key == "gone") return std::nullopt;
      Routed out{.sink = 0, .record = {}};
      out.record.sequence = row.sequence;
      return out;
    };
    return std::make_unique<OutboxDrainer>(store, clock, "one", std::move(sinks), route, one_figure,
                                           [](LogLevel, std::string_view) {});
  }
  void fill_with_rest(int count) {
    for (int i = 0; i < count; ++i) add("rest" + std::to_string(i), 1);
  }
  OutboxFigures one_figure{{"a"}};
};

TEST_F(LatestOutboxTest, OfABacklogOnlyTheNewestRowOfANameIsDelivered) {
  auto it = latest_drainer();
  add("a", 3);
  add("b", 1);
  add("gone", 1);
  fill_with_rest(2'000);
  add("a", 1);
  ASSERT_TRUE(it->measure());
  while (it->step()) {
  }
  std::vector<int64_t> expected;
  for (int64_t i = 4; i <= 2'006; ++i) {
    if (i != 5) expected.push_back(i);
  }
  EXPECT_EQ(of_a, expected);
  EXPECT_EQ(one_figure.sinks[0].superseded, 3);
  EXPECT_EQ(one_figure.sinks[0].forwarded, 2'002);
  EXPECT_EQ(one_figure.unrouted, 1);
  EXPECT_EQ(first(), 0);
}

TEST_F(LatestOutboxTest, WithoutABacklogEveryRowIsDelivered) {
  auto it = latest_drainer();
  add("a", 3);
  ASSERT_TRUE(it->measure());
  while (it->step()) {
  }
  EXPECT_EQ(of_a, (std::vector<int64_t>{1, 2, 3}));
}

TEST_F(LatestOutboxTest, WhatIsNotDoneIsOfferedAgainAndMoreBehindIt) {
  auto it = latest_drainer();
  add("a", 25);
  *a_takes = 7;
  EXPECT_FALSE(it->step());
  EXPECT_EQ(of_a.size(), 7u);
  EXPECT_EQ(first(), 8);
  clock.advance(Millis(1'000));
  EXPECT_FALSE(it->step());
  ASSERT_EQ(of_a.size(), 14u);
  EXPECT_EQ(of_a.back(), 14);
  EXPECT_EQ(first(), 15);
}

TEST(LatestRowsTest, ANameThatComesAgainAndAgainIsNotPutOffForEver) {
  waybill::testing::MemoryStore store;
  const flow::TaskId task{};
  flow::Changes changes;
  for (int i = 0; i < 100; ++i) changes.outbox.push_back({"t", "name", "body"});
  flow::TaskCommit commit{
      .task = task, .epoch = store.take(task, "test")->epoch, .positions = {}, .changes = &changes};
  ASSERT_TRUE(store.commit(std::span(&commit, 1)));
  LatestRows latest;
  ASSERT_TRUE(latest.look(store, 0));
  std::vector<int64_t> delivered;
  const auto rows = *store.outbox(0, 100);
  for (const flow::OutboxRow& row : rows) {
    if (!latest.superseded(row)) delivered.push_back(row.sequence);
  }
  ASSERT_EQ(delivered.size(), 12u);
  EXPECT_EQ(delivered[0], LatestRows::kSkipsMax + 1);
  EXPECT_EQ(delivered.back(), 100);
}

TEST_F(OutboxTest, ReadsNoFurtherThanTheBoundOfBytes) {
  add("a", 10);
  auto rows = store.outbox({.after = 2, .limit = 5, .bytes_max = 13});  // 6 bytes each
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ(rows->front().sequence, 3);
  EXPECT_EQ(store.outbox({.after = 0, .limit = 5, .bytes_max = 1})->size(), 1u);
  const auto names = *store.outbox({.after = 0, .limit = 3, .bodies = false});
  for (const flow::OutboxRow& row : names) EXPECT_EQ(row.key.key + row.key.body, "a");
}

TEST_F(OutboxTest, MeasuresAndRefusesCommitsWhenFull) {
  auto it = drainer("one");
  for (int count : {0, 1, 1, 5, 93}) {
    if (count > 0) add("a", count);
    ASSERT_TRUE(it->measure());
    auto rows = store.outbox(0, 1'000);
    EXPECT_EQ(figures.rows, static_cast<int64_t>(rows->size()));
  }
  ASSERT_TRUE(store.outbox_done(40));
  ASSERT_TRUE(it->measure());
  EXPECT_EQ(figures.rows, 60);
  auto bounded = make_bounded_outbox(store, figures, 62);
  flow::Changes changes{.outbox = {{"t", "a", ""}, {"t", "a", ""}}};
  flow::TaskCommit commit{.task = task, .epoch = epoch, .positions = {}, .changes = &changes};
  EXPECT_TRUE(bounded->commit(std::span(&commit, 1)));
  auto refused = bounded->commit(std::span(&commit, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kLimit);
  flow::Changes none;
  commit.changes = &none;
  EXPECT_TRUE(bounded->commit(std::span(&commit, 1)));
}

/// Acknowledges what it is told to.
struct FakeProducer : flow::Producer {
  struct Script {
    std::vector<int64_t> sent;
    int64_t acknowledged_to = 0;
    flow::Outcome::Kind kind = flow::Outcome::Kind::kDelivered;
    int made = 0;
  };
  explicit FakeProducer(Script& by) : script(by) { ++by.made; }
  Taken send(const flow::OutRecord& record) override {
    if (record.value == "large") return Taken::kRefused;
    if (open.size() == 2) return Taken::kFull;
    open.push_back(static_cast<int64_t>(record.token));
    script.sent.push_back(open.back());
    return Taken::kYes;
  }
  void poll(Millis, std::vector<flow::Outcome>& out) override {
    while (!open.empty() && open.front() <= script.acknowledged_to) {
      flow::Outcome outcome;
      outcome.token = static_cast<uint64_t>(open.front());
      outcome.kind = script.kind;
      out.push_back(outcome);
      open.erase(open.begin());
    }
  }
  std::optional<Error> failed() const override { return std::nullopt; }
  Script& script;
  std::vector<int64_t> open;
};

TEST(KafkaSink, WaitsForWhatIsUnderWayAndSendsAgainOnlyAfterAFailure) {
  FakeProducer::Script script;
  script.acknowledged_to = 3;
  auto sink = make_kafka_sink(
      [&]() -> Result<std::unique_ptr<flow::Producer>> { return std::make_unique<FakeProducer>(script); });
  std::vector<ForwardRecord> records(6);
  for (size_t i = 0; i < records.size(); ++i) records[i].sequence = static_cast<int64_t>(i) + 1;
  records[1].value = "large";
  auto first = sink->deliver(records, Millis(5));
  EXPECT_EQ(first.done, 3u);
  EXPECT_EQ(first.refused, 1u);
  EXPECT_TRUE(first.error);
  script.acknowledged_to = 6;
  auto rest = std::span<const ForwardRecord>(records).subspan(3);
  auto second = sink->deliver(rest, Millis(1'000));
  EXPECT_EQ(second.done, 3u);
  EXPECT_FALSE(second.error);
  EXPECT_EQ(script.sent, (std::vector<int64_t>{1, 3, 4, 5, 6}));
  EXPECT_EQ(script.made, 1);

  for (ForwardRecord& record : records) record.sequence += 6;
  script.acknowledged_to = 7;
  script.kind = flow::Outcome::Kind::kFailed;
  auto failed = sink->deliver(records, Millis(1'000));
  EXPECT_EQ(failed.done, 0u);
  EXPECT_TRUE(failed.error);
  script.kind = flow::Outcome::Kind::kDelivered;
  script.acknowledged_to = 100;
  EXPECT_EQ(sink->deliver(records, Millis(1'000)).done, 6u);
  EXPECT_EQ(script.made, 2);
}

}  // namespace
}  // namespace waybill::sink
