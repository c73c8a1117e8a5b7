#include "flow/runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "testing/faulty_store.h"
#include "testing/runner_fakes.h"

namespace waybill::flow {
namespace {

using testing::counted_table;
using testing::CountTask;
using testing::FakeBroker;
using testing::FakeSource;
using testing::FaultyStore;
using testing::Script;
using Fault = FaultyStore::Fault;

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() {
    CountTask::watermarks.clear();
    CountTask::gaps.clear();
    fill(FakeBroker::place("a", 0), 40);
    fill(FakeBroker::place("a", 1), 25);
  }

  void fill(const SourcePartition& partition, int count) {
    for (int i = 0; i < count; ++i) broker.logs[partition].push_back("k" + std::to_string(i % 7));
  }

  Plan plan(Plan::Kind kind = Plan::Kind::kEach) {
    return {
        "count", "test", kind, {}, {&counted_table()}, [](const TaskId&, std::span<const SourcePartition>) {
          return std::make_unique<CountTask>();
        }};
  }

  Runner::MakeSource source() {
    return [this](Assignments& listener) -> Result<std::unique_ptr<Source>> {
      ++sources_made;
      auto made = std::make_unique<FakeSource>(broker, script, clock, stop, listener);
      made->batch_size = batch_size;
      return made;
    };
  }

  /// Runs a process's life to its end: until the script is over and everything is read.
  Result<void> run(Plan with, OwnerId owner = "one") {
    stop = std::stop_source();
    RunnerOptions options;
    options.owner = std::move(owner);
    Runner runner(std::move(with), options, source(), store, nullptr, clock, nullptr);
    auto result = runner.run(stop.get_token());
    health = runner.health();
    return result;
  }

  std::map<std::string, int64_t> stored() {
    Query query;
    query.table = &counted_table();
    std::map<std::string, int64_t> result;
    auto page = store.query(query);
    for (const auto& row : page->rows)
      result[std::get<std::string>(row.key[0])] = std::get<int64_t>(row.values[0]);
    return result;
  }

  FakeBroker broker;
  Script script;
  testing::FakeClock clock;
  FaultyStore store{clock};
  std::stop_source stop;
  size_t batch_size = 3;
  std::atomic<int> sources_made = 0;
  RunnerHealth health;
};

const auto kAssignAll = [](FakeSource& source) { source.assign_all(); };
const auto kNothing = [](FakeSource&) {};

TEST_F(RunnerTest, CountsEveryRecordOnceAndPublishesWhatIsStored) {
  script = {kAssignAll};
  ASSERT_TRUE(run(plan()));
  EXPECT_EQ(stored(), broker.counts());
  EXPECT_EQ(health.records, broker.size());
  EXPECT_EQ(broker.published.at(FakeBroker::place("a", 0)), Offset(40));
  EXPECT_EQ(broker.published.at(FakeBroker::place("a", 1)), Offset(25));
  EXPECT_EQ(broker.metadata, store.id());
}

TEST_F(RunnerTest, AnIdleTaskCommitsNothing) {
  script = {kAssignAll};
  ASSERT_TRUE(run(plan()));
  int before = store.commits;
  for (int i = 0; i < 100; ++i) script.push_back([this](FakeSource&) { clock.advance(Millis{300}); });
  script.push_front(kAssignAll);
  ASSERT_TRUE(run(plan()));
  EXPECT_EQ(store.commits, before);
}

TEST_F(RunnerTest, ASecondLifeGoesOnWhereTheFirstEnded) {
  script = {kAssignAll};
  ASSERT_TRUE(run(plan()));
  fill(FakeBroker::place("a", 1), 12);
  script = {kAssignAll};
  ASSERT_TRUE(run(plan(), "two"));
  EXPECT_EQ(health.records, 12);
  EXPECT_EQ(stored(), broker.counts());
}

TEST_F(RunnerTest, AFencedTaskWritesNothingAndIsTakenAgainAfterASession) {
  int64_t fenced_at = 0;
  script = {kAssignAll, kNothing, [&](FakeSource&) {
              ASSERT_TRUE(store.take("count/test/a/0", "thief"));
              fenced_at = clock.now().steady_ms;
            }};
  ASSERT_TRUE(run(plan()));
  EXPECT_EQ(health.fenced, 1);
  EXPECT_GE(clock.now().steady_ms - fenced_at, 10'000);
  EXPECT_EQ(stored(), broker.counts());
  EXPECT_GT(health.records, broker.size()) << "what the fenced Task had counted was read again";
}

TEST_F(RunnerTest, ACommitOfUnknownOutcomeIsSettledByWhatTheStoreHolds) {
  for (Fault fault : {Fault::kUnknownWritten, Fault::kUnknownLost}) {
    fill(FakeBroker::place("a", 0), 300);
    store.commit_faults = {fault, Fault::kNone, fault};
    script = {kAssignAll};
    ASSERT_TRUE(run(plan()));
    EXPECT_EQ(stored(), broker.counts());
    EXPECT_TRUE(store.commit_faults.empty());
    EXPECT_EQ(health.commit_failures, 2);
  }
}

TEST_F(RunnerTest, AStoreThatIsDownOrFullPausesReadingAndLosesNothing) {
  for (Fault fault : {Fault::kUnavailable, Fault::kLimit}) {
    auto place = FakeBroker::place("a", 0);
    fill(place, 200);
    store.commit_faults = {fault, fault, fault, fault};
    int64_t records_in_outage = 0;
    bool was_paused = false;
    script = {kAssignAll};
    for (int i = 0; i < 60; ++i) {
      script.push_back([&](FakeSource& source) {
        if (!source.paused(place)) return;
        was_paused = true;
        if (records_in_outage == 0) records_in_outage = source.position(place).value;
        if (store.commit_faults.empty()) return;
        EXPECT_EQ(source.position(place).value, records_in_outage)
            << "nothing is read while nothing can be written";
      });
    }
    ASSERT_TRUE(run(plan()));
    EXPECT_TRUE(was_paused);
    EXPECT_EQ(health.commit_failures, 4);
    EXPECT_EQ(stored(), broker.counts());
  }
}

TEST_F(RunnerTest, ATaskThatCannotBeTakenWaitsPausedAndStartsLater) {
  store.take_failures = 3;
  bool paused = false;
  script = {kAssignAll, [&](FakeSource& source) { paused = source.paused(FakeBroker::place("a", 0)); }};
  ASSERT_TRUE(run(plan()));
  EXPECT_TRUE(paused);
  EXPECT_EQ(stored(), broker.counts());
}

TEST_F(RunnerTest, ARevokedPartitionIsCommittedBeforeItIsGivenAway) {
  auto place = FakeBroker::place("a", 0);
  script = {kAssignAll, kNothing, kNothing, [&](FakeSource& source) {
              int64_t read = source.position(place).value;
              ASSERT_GT(read, 0);
              source.revoke({place}, RevokeReason::kRebalanced);
              auto owned = store.take("count/test/a/0", "next");
              ASSERT_TRUE(owned);
              ASSERT_EQ(owned->positions.size(), 1u);
              EXPECT_EQ(owned->positions[0].second.value, read);
              EXPECT_EQ(broker.published.at(place).value, read);
            }};
  ASSERT_TRUE(run(plan()));
}

TEST_F(RunnerTest, ALostPartitionIsDroppedWithoutAWrite) {
  auto place = FakeBroker::place("a", 0);
  broker.logs.erase(FakeBroker::place("a", 1));
  script = {kAssignAll, kNothing, [&](FakeSource& source) {
              ASSERT_GT(source.position(place).value, 0);
              int before = store.commits;
              source.revoke({place}, RevokeReason::kLost);
              EXPECT_EQ(store.commits, before);
            }};
  ASSERT_TRUE(run(plan()));
  script = {kAssignAll};
  ASSERT_TRUE(run(plan(), "two"));
  EXPECT_EQ(stored(), broker.counts());
}

TEST_F(RunnerTest, AStoreThatIsDownDuringARevocationDelaysItAtMostFiveSeconds) {
  auto place = FakeBroker::place("a", 0);
  script = {kAssignAll, kNothing, [&](FakeSource& source) {
              store.commit_faults.assign(100, Fault::kUnavailable);
              int64_t began = clock.now().steady_ms;
              source.revoke({place}, RevokeReason::kRebalanced);
              EXPECT_LE(clock.now().steady_ms - began, 7000);
              store.commit_faults.clear();
              source.assign({place});
            }};
  ASSERT_TRUE(run(plan()));
  EXPECT_EQ(stored(), broker.counts());
}

TEST_F(RunnerTest, AGapReachesTheTaskAndTheHealth) {
  auto place = FakeBroker::place("a", 0);
  Gap gap{Gap::Kind::kExpired, {Offset(0), Offset(30)}};
  script = {kAssignAll, [&](FakeSource& source) {
              source.next_batch = Batch{place, {}, Offset(30), gap};
              ASSERT_TRUE(source.seek(place, Offset(30)));
            }};
  ASSERT_TRUE(run(plan()));
  ASSERT_EQ(CountTask::gaps.size(), 1u);
  EXPECT_EQ(CountTask::gaps[0].range, gap.range);
  EXPECT_EQ(health.gap_messages, 30);
}

TEST_F(RunnerTest, AdvancesAtLeastOnceASecondAndKnowsWhenItHasCaughtUp) {
  script = {kAssignAll};
  for (int i = 0; i < 100; ++i) script.push_back(kNothing);
  int64_t began = clock.now().steady_ms;
  ASSERT_TRUE(run(plan(Plan::Kind::kEach)));
  ASSERT_FALSE(CountTask::watermarks.empty());
  EXPECT_GE(static_cast<int64_t>(CountTask::watermarks.size()), (clock.now().steady_ms - began) / 1000);
  EXPECT_TRUE(CountTask::watermarks.back().caught_up);
}

TEST_F(RunnerTest, CommitsMoreRarelyWhileItIsBehindWhenThePlanSaysSo) {
  fill(FakeBroker::place("a", 2), 300);
  script = {[](FakeSource& s) { s.assign_all(); }};
  const auto log = script;
  batch_size = 1;
  ASSERT_TRUE(run(plan(Plan::Kind::kWhole)).has_value());
  const int64_t often = health.commits;
  EXPECT_EQ(stored(), broker.counts());
  for (auto& [partition, keys] : broker.logs) keys.insert(keys.end(), keys.begin(), keys.end());
  script = log;
  Plan patient = plan(Plan::Kind::kWhole);
  patient.commit_behind_every = Millis{900};
  ASSERT_TRUE(run(std::move(patient)).has_value());
  EXPECT_EQ(stored(), broker.counts());
  EXPECT_LT(health.commits, often / 2);
}

TEST_F(RunnerTest, APartitionThatHasNeverHadARecordDoesNotHoldTimeBack) {
  fill(FakeBroker::place("a", 2), 0);
  const int64_t began = clock.now().steady_ms;
  script = {[](FakeSource& s) { s.assign_all(); }};
  for (int i = 0; i < 40; ++i) {
    script.push_back([this](FakeSource&) { clock.advance(Millis{200}); });
  }
  ASSERT_TRUE(run(plan(Plan::Kind::kWhole)).has_value());
  ASSERT_GE(clock.now().steady_ms - began, 8'000);
  EXPECT_EQ(stored(), broker.counts());
  const auto& seen = CountTask::watermarks;
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(seen.back().caught_up);
  EXPECT_EQ(seen.back().time_ms, 1000 + 39);  // the newest record of all: every partition is idle
  EXPECT_EQ(seen.front().time_ms,
            INT64_MIN);  // and before it was known to be idle, it could still have had one
}

TEST_F(RunnerTest, AnUnreadPartitionHoldsTimeBackWhileItsLogHasRecords) {
  fill(FakeBroker::place("a", 2), 3);
  script = {[](FakeSource& s) {
    s.assign_all();
    s.hold(FakeBroker::place("a", 2));
  }};
  for (int i = 0; i < 40; ++i) {
    script.push_back([this](FakeSource&) { clock.advance(Millis{200}); });
  }
  bool held = true;
  script.push_back([&held](FakeSource& s) {
    for (const flow::Watermark& w : CountTask::watermarks)
      held = held && w.time_ms == INT64_MIN && !w.caught_up;
    s.release(FakeBroker::place("a", 2));
  });
  ASSERT_TRUE(run(plan(Plan::Kind::kWhole)).has_value());
  EXPECT_TRUE(held);
  EXPECT_EQ(stored(), broker.counts());
  EXPECT_TRUE(CountTask::watermarks.back().caught_up);
}

TEST_F(RunnerTest, AnotherStoreStopsTheRunnerAndAnyOtherFaultOfTheSourceDoesNot) {
  std::jthread time([&] {
    while (sources_made < 2) clock.advance(Millis{1});
  });
  script = {kAssignAll,
            [](FakeSource& source) {
              source.poll_error = Error{Errc::kFenced, "member"};
            },
            kAssignAll};
  ASSERT_TRUE(run(plan()));
  EXPECT_EQ(sources_made, 2);
  EXPECT_EQ(stored(), broker.counts());
  script = {[](FakeSource& source) { source.poll_error = Error{Errc::kConflict, "another store"}; }};
  auto result = run(plan());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kConflict);
}

TEST_F(RunnerTest, AlignedTopicsShareATaskAndAMissingOneIsWaitedFor) {
  Plan aligned = plan(Plan::Kind::kAligned);
  aligned.topics = {"a", "b"};
  script = {[&](FakeSource& source) {
              source.assign_all();
              EXPECT_TRUE(source.owned().empty()) << "b is missing";
            },
            [&](FakeSource& source) {
              fill(FakeBroker::place("b", 0), 10);
              fill(FakeBroker::place("b", 1), 10);
              source.assign_all();
              EXPECT_EQ(source.owned().size(), 4u);
            }};
  ASSERT_TRUE(run(aligned));
  EXPECT_EQ(stored(), broker.counts());
  EXPECT_TRUE(store.take("count/test/1", "x")->positions.size() == 2u);
}

TEST_F(RunnerTest, AlignedTopicsOfUnequalSizeAreRefused) {
  Plan aligned = plan(Plan::Kind::kAligned);
  aligned.topics = {"a", "b"};
  fill(FakeBroker::place("b", 0), 10);
  script = {kAssignAll};
  auto result = run(aligned);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kInvalid);
  EXPECT_NE(result.error().message.find("partition 1 is missing in b"), std::string::npos);
}

TEST_F(RunnerTest, AWholePlanRunsOnlyWhereTheLeaseIs) {
  Now now = clock.now();
  ASSERT_TRUE(store.lease("count/test", "other", Millis{300'000}, now)->held);
  std::jthread time([&] {
    while (sources_made == 0) clock.advance(Millis{500});
  });
  int64_t opened_at = 0;
  script = {[&](FakeSource& source) {
    opened_at = clock.now().steady_ms;
    source.assign_all();
  }};
  ASSERT_TRUE(run(plan(Plan::Kind::kWhole)));
  EXPECT_GE(opened_at - now.steady_ms, 300'000);
  EXPECT_EQ(stored(), broker.counts());
}

/// Random batches, commits, faults, thefts and rebalances from a printed seed; the counts are always those of
/// the logs.
TEST_F(RunnerTest, AnyHistoryOfFaultsCountsExactly) {
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    auto chance = [&](uint32_t n) { return random() % n == 0; };
    fill(FakeBroker::place("a", 0), static_cast<int>(random() % 60));
    fill(FakeBroker::place("a", static_cast<int32_t>(random() % 4)), static_cast<int>(random() % 60));
    batch_size = 1 + random() % 9;
    for (int life = 0; life < 3; ++life) {
      script = {kAssignAll};
      for (int i = 0; i < 40; ++i) {
        if (chance(6)) store.commit_faults.push_back(static_cast<Fault>(random() % 5));
        script.push_back([&, step = random() % 14, pick = random()](FakeSource& source) {
          if (step == 12) store.take_failures = 1;
          if (step == 13) clock.advance(Millis{static_cast<int64_t>(pick % 500)});
          auto owned = source.owned();
          if (owned.empty()) return source.assign_all();
          auto place = owned[pick % owned.size()];
          if (step == 0) source.revoke({place}, RevokeReason::kRebalanced);
          if (step == 1) source.revoke({place}, RevokeReason::kLost);
          if (step <= 1) source.assign({place});
          if (step == 2) (void)store.take("count/test/a/" + std::to_string(place.partition.value), "thief");
        });
      }
      ASSERT_TRUE(run(plan(), "life" + std::to_string(life)));
      store.commit_faults.clear();
      store.take_failures = 0;
    }
    script = {kAssignAll};
    ASSERT_TRUE(run(plan(), "last"));
    ASSERT_EQ(stored(), broker.counts());
  }
}

}  // namespace
}  // namespace waybill::flow
