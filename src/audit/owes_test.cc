// What a group owes, and what it does not (DESIGN 4.1): no finding here is one too many.

#include <gtest/gtest.h>

#include "audit/verifier_harness.h"

namespace waybill::audit {
namespace {

using namespace harness;
using Lines = std::vector<std::string>;
using Kind = flow::Ask::Kind;
constexpr int64_t kSecond = 1000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kNow = kStart + kSecond;

/// A producer, two consumers of group "g", a log, and time.
struct Scene {
  explicit Scene(CollectorOptions options = Harness::defaults()) : h(std::move(options)) {
    p.producer();
    a.consumer("g");
    b.consumer("g");
  }
  void deliver(Process& process) { h.deliver(process.report(now), now); }
  /// These processes live on.
  void run(int64_t seconds, std::vector<Process*> alive) {
    live(h, log, std::move(alive), now, now + seconds * kSecond);
    now += seconds * kSecond;
  }
  Lines found() { return h.findings("g"); }
  Harness h;
  FakeLog log;
  Process p{1}, a{2}, b{3};
  int64_t now = kNow;
};

TEST(OwesTest, APartitionThatIsAddedLaterIsOwedFromItsBeginning) {
  for (bool added : {true, false}) {
    Scene s;
    s.log.partitions = added ? 1 : 2;
    s.p.saw(0, 99);
    s.a.saw(0, 99).at(0, 100, 100, 100);
    s.deliver(s.p);
    s.deliver(s.a);
    s.run(3, {&s.p, &s.a});
    s.log.partitions = 2;
    s.run(25, {&s.p, &s.a});
    s.h.restart();
    s.p.saw(0, 9, "t", 1);
    s.run(6, {&s.p, &s.a});
    EXPECT_EQ(s.found(), added ? Lines({"1:0-9 pending"}) : Lines());
    // The reader begins at the end, as with auto.offset.reset=latest: nobody proves who read 0-3.
    s.a.saw(4, 9, "t", 1).at(4, 10, 10, 10, "t", 1);
    s.run(8, {&s.p, &s.a});
    EXPECT_EQ(s.found(), added ? Lines({"1:0-3 unconfirmed unaudited_member"}) : Lines());
  }
}

TEST(OwesTest, AnAddedPartitionThatNoMemberHasIsNotLostWhenItExpires) {
  for (bool assigned : {false, true}) {
    Scene s;
    s.log.partitions = 1;
    s.p.saw(0, 99);
    s.a.saw(0, 99).at(0, 100, 100, 100);
    s.deliver(s.p);
    s.deliver(s.a);
    s.run(3, {&s.p, &s.a});
    s.log.partitions = 2;
    s.log.members = {{"m1", "c1", "h", {{"t", PartitionId(assigned ? 1 : 0)}}}};
    s.run(25, {&s.p, &s.a});
    s.p.saw(0, 9, "t", 1);
    s.run(6, {&s.p, &s.a});
    s.log.start = 100;
    s.run(12, {&s.p, &s.a});
    EXPECT_EQ(s.found(), Lines({assigned ? "1:0-9 lost expired" : "1:0-9 unconfirmed unaudited_member"}));
  }
}

TEST(OwesTest, AGroupThatNeverCommitsOwesNothingBetweenItsSessions) {
  for (bool commits : {false, true}) {
    Scene s;
    s.p.saw(0, 199);
    s.a.saw(0, 49).saw(60, 79).at(0, 80, 80, commits ? 80 : -1);
    s.deliver(s.p);
    s.h.deliver(s.a.close(s.now), s.now);
    s.b.saw(120, 199).at(120, 200, 200, commits ? 200 : -1);
    s.deliver(s.b);
    s.run(20, {&s.p, &s.b});
    EXPECT_EQ(s.found(), commits ? Lines({"0:50-59 lost skipped", "0:80-119 unconfirmed unaudited_member"})
                                 : Lines({"0:50-59 lost skipped"}));
    EXPECT_EQ(s.h.total("t", "g", "suspected") + s.h.total("t", "g", "pending"), 0);
  }
}

TEST(OwesTest, WhatExpiresAfterAReaderThatNeverCommitsHasLeftIsOwedByNobody) {
  for (bool open : {false, true}) {
    Scene s;
    s.p.saw(0, 99);
    s.a.saw(0, 49).at(0, 50, 50);
    s.deliver(s.p);
    s.h.deliver(open ? s.a.report(s.now) : s.a.close(s.now), s.now);
    s.log.start = s.log.end = s.log.stable_end = 100;
    if (open) {
      s.run(20, {&s.p, &s.a});
    } else {
      s.run(20, {&s.p});
    }
    EXPECT_EQ(s.found(), open ? Lines({"0:50-99 lost expired"}) : Lines());
    EXPECT_EQ(s.h.total("t", "g", "pending"), 0);
  }
}

TEST(OwesTest, AGroupThatIsEmptyForLongIsRetiredAndOwesFromWhereItComesBack) {
  CollectorOptions options = Harness::defaults();
  options.owes_ms = 60 * kSecond;
  Scene s(options);
  s.p.saw(0, 99);
  s.a.saw(0, 49).at(0, 50, 50, 50);
  s.deliver(s.p);
  s.h.deliver(s.a.close(s.now), s.now);
  s.log.end = s.log.stable_end = 400;
  s.run(50, {&s.p});
  EXPECT_EQ(s.found(), Lines({"0:50-99 pending"}));
  s.run(40, {&s.p});
  EXPECT_EQ(s.found(), Lines());
  EXPECT_EQ(s.h.total("t", "g", "pending"), 0);
  s.h.restart();
  s.log.start = 80;
  s.p.saw(100, 199);
  s.run(20, {&s.p});
  EXPECT_EQ(s.found(), Lines()) << "it owes nothing, so nothing expires";
  s.b.saw(120, 149).saw(160, 199).at(120, 200, 200, 200);
  s.deliver(s.b);
  s.run(10, {&s.p, &s.b});
  EXPECT_EQ(s.found(), Lines({"0:150-159 lost skipped"}));
}

TEST(OwesTest, AnOpenReaderThatIsSilentForLongIsRetiredOnlyWhenNobodyHasTheTopicAssigned) {
  for (bool assigned : {true, false}) {
    CollectorOptions options = Harness::defaults();
    options.owes_ms = 60 * kSecond;
    Scene s(options);
    s.log.members = {{"m1", "c1", "h", {{assigned ? "t" : "u", PartitionId(0)}}}};
    s.p.saw(0, 99);
    s.a.saw(0, 49).at(0, 50, 50, 50);
    s.deliver(s.p);
    s.deliver(s.a);
    s.run(120, {&s.p, &s.a});
    EXPECT_EQ(s.found(), assigned ? Lines({"0:50-99 pending"}) : Lines());
  }
}

TEST(OwesTest, TwoReadersThatEachReadAllAreJudgedEachOnItsOwn) {
  Scene s;
  s.log.end = s.log.stable_end = 10'000;
  int64_t at = 0;
  for (int i = 0; i < 60; ++i) {
    s.p.saw(at, at + 9);
    s.a.saw(at, at + 9).at(0, at + 10, at + 10);
    if (i == 50) {
      s.b.saw(at, at + 2).saw(at + 5, at + 9);  // only the second skips two
    } else {
      s.b.saw(at, at + 9);
    }
    s.b.at(0, at + 10, at + 10);
    at += 10;
    if (i == 55) s.h.restart();
    s.run(1, {&s.p, &s.a, &s.b});
  }
  s.run(12, {&s.p, &s.a, &s.b});
  EXPECT_EQ(s.h.findings("g@host/02000000.1"), Lines());
  EXPECT_EQ(s.h.findings("g@host/03000000.1"), Lines({"0:503-504 lost skipped"}));
  for (const char* state : {"pending", "suspected", "lost", "unconfirmed"})
    EXPECT_EQ(s.h.total("t", "g", state), 0) << state;
  EXPECT_EQ(s.h.counter("broadcast"), 1);
}

TEST(OwesTest, APartitionThatGoesBackAndForthIsNoBroadcast) {
  Scene s;
  int64_t at = 0;
  for (uint32_t i = 0; i < 60; ++i) {
    Process& reader = i % 2 == 0 ? s.a : s.b;
    uint32_t session = i / 2 + 1;
    s.p.saw(at, at + 9);
    reader.saw(at, at + 9, "t", 0, 1, session).at(at, at + 10, at + 10, at + 10, "t", 0, 1, session);
    at += 10;
    s.run(1, {&s.p, &s.a, &s.b});
  }
  s.run(12, {&s.p, &s.a, &s.b});
  EXPECT_EQ(s.h.counter("broadcast"), 0);
  EXPECT_EQ(s.found(), Lines());
}

TEST(OwesTest, AReaderWithoutAGroupIsCountedAndNeverJudged) {
  Scene s;
  Process tail(4);
  tail.consumer("");
  s.p.saw(0, 99);
  tail.saw(0, 9).saw(50, 99).at(0, 100, 100);
  s.deliver(s.p);
  s.deliver(tail);
  s.log.start = 30;
  s.run(20, {&s.p, &tail});
  EXPECT_EQ(s.h.findings("(none)"), Lines());
  EXPECT_EQ(s.h.total("t", "(none)", "distinct_offsets"), 60);
  for (const char* state : {"pending", "suspected", "lost", "unconfirmed"})
    EXPECT_EQ(s.h.total("t", "(none)", state), 0) << state;
}

TEST(OwesTest, AnOffsetThatTwoProducersWereToldIsTruncatedForWhoeverPassedIt) {
  Scene s;
  Process other(5);
  other.producer();
  s.p.saw(0, 59);
  other.saw(50, 99);  // a new leader gave 50-59 again
  s.a.saw(0, 39).saw(70, 99).at(0, 100, 100, 100);
  s.deliver(s.p);
  s.deliver(other);
  s.deliver(s.a);
  s.run(6, {&s.p, &s.a, &other});
  EXPECT_EQ(s.found(), Lines({"0:40-49 lost skipped", "0:50-59 lost truncated", "0:60-69 lost skipped"}));
  EXPECT_EQ(s.h.counter("claimed_twice"), 10);
}

TEST(OwesTest, WhatTheBudgetLeavesUnreadSaysSoUntilItIsRead) {
  CollectorOptions options = Harness::defaults();
  options.verify.bytes_per_second_max = 4096;
  Scene s(options);
  s.p.saw(0, 19'999);
  s.a.saw(0, 0).at(0, 20'000, 20'000, 20'000);
  auto& seen = s.a.draft().coverage.back().seen;
  for (int64_t at = 1000; at < 20'000; at += 1000) seen.push_back({Offset(at), Offset(at + 900)});
  s.deliver(s.p);
  s.deliver(s.a);
  s.run(20, {&s.p, &s.a});
  int64_t waiting = 0;
  for (const std::string& line : s.found()) waiting += line.ends_with(" suspected beyond_budget");
  EXPECT_EQ(waiting, 3) << "what was asked before the first answer came is read";
  EXPECT_GT(s.h.total("t", "g", "lost"), 0);
  s.log.end = s.log.stable_end = 20'000;
  s.run(600, {&s.p, &s.a});
  EXPECT_EQ(s.h.total("t", "g", "suspected"), 0);
}

TEST(OwesTest, MembersAreAskedForOnlyAboveWhatReadersReached) {
  Scene s;
  s.p.saw(0, 99);
  s.a.saw(0, 9).saw(20, 59).at(0, 60, 60, 60);
  s.deliver(s.p);
  s.deliver(s.a);
  s.log.end = s.log.stable_end = 100;
  s.run(6, {&s.p, &s.a});
  EXPECT_EQ(s.found(), Lines({"0:10-19 lost skipped", "0:60-99 pending"}));
  EXPECT_EQ(s.log.asked[Kind::kMembers], 0);
  s.log.start = 80;
  s.run(10, {&s.p, &s.a});
  EXPECT_EQ(s.log.asked[Kind::kMembers], 1);
  EXPECT_EQ(s.found(), Lines({"0:10-19 lost skipped", "0:60-79 lost expired", "0:80-99 pending"}));
}

TEST(OwesTest, ATopicWhoseSettingsAreRefusedIsJudgedWithoutThem) {
  Scene s;
  s.log.policy = "";  // no right to see it
  s.log.partitions = 1;
  s.log.absent = {15};
  s.p.saw(0, 99);
  s.a.saw(0, 9).saw(20, 99).at(0, 100, 100, 100);
  s.deliver(s.p);
  s.deliver(s.a);
  s.run(10, {&s.p, &s.a});
  EXPECT_EQ(s.found(),
            Lines({"0:10-14 lost skipped", "0:15-15 suspected missing_right", "0:16-19 lost skipped"}));
  s.log.policy = "delete";
  s.run(70, {&s.p, &s.a});
  EXPECT_EQ(s.found(), Lines({"0:10-14 lost skipped", "0:15-15 lost truncated", "0:16-19 lost skipped"}));
  EXPECT_LT(s.log.asked[Kind::kTopicSettings], 12) << "not with every reading";
}

TEST(OwesTest, WhatWasUnconfirmedAndIsReadAfterAllIsNoFindingAnyMore) {
  Scene s;
  s.p.saw(0, 99);
  s.a.saw(0, 49).at(0, 50, 50, 50);
  s.deliver(s.p);
  s.deliver(s.a);
  s.log.end = s.log.stable_end = 100;
  s.log.position = 90;  // somebody without the plugin committed it
  s.log.start = 80;
  s.run(30, {&s.p, &s.a});
  EXPECT_EQ(s.found(), Lines({"0:50-79 unconfirmed unaudited_member", "0:80-99 pending"}));
  s.a.saw(50, 99).at(0, 100, 100, 100);
  s.run(5, {&s.p, &s.a});
  EXPECT_EQ(s.found(), Lines());
  EXPECT_EQ(s.h.total("t", "g", "unconfirmed"), 0);
}

TEST(OwesTest, ATopicThatIsMadeAnewWithinItsFirstMinuteLosesNothing) {
  Scene s;
  s.log.times[0] = kStart + 1;
  s.p.saw(0, 99);
  s.a.saw(0, 99).at(0, 100, 100, 100);
  s.log.end = s.log.stable_end = 100;
  s.deliver(s.p);
  s.deliver(s.a);
  s.run(8, {&s.p, &s.a});
  // Deleted and made again; by the time that anybody asks it is longer than the old one was.
  s.log.times[0] = kStart + 20 * kSecond;
  s.log.end = s.log.stable_end = 150;
  s.p.saw(0, 149);
  s.deliver(s.p);
  s.a.saw(0, 119, "t", 0, 1, 2).at(0, 120, 120, 120, "t", 0, 1, 2);
  s.deliver(s.a);
  s.run(12, {&s.p, &s.a});
  EXPECT_EQ(s.h.counter("incarnations"), 1);
  s.log.end = s.log.stable_end = 200;
  s.p.saw(150, 199);
  s.a.saw(120, 159, "t", 0, 1, 2).saw(170, 199, "t", 0, 1, 2).at(0, 200, 200, 200, "t", 0, 1, 2);
  s.run(10, {&s.p, &s.a});
  EXPECT_EQ(s.found(), Lines({"0:160-169 lost skipped"}));
  for (const char* state : {"pending", "suspected", "redelivered"})
    EXPECT_EQ(s.h.total("t", "g", state), 0) << state;
}

TEST(OwesTest, OffsetsFarBeyondTheLogAreRefusedAndCounted) {
  constexpr int64_t kFar = 1'000'000'000'000;
  Scene s;
  s.log.end = s.log.stable_end = 100;
  s.p.saw(0, 99);
  s.a.saw(0, 99).at(0, 100, 100, 100);
  s.deliver(s.p);
  s.deliver(s.a);
  s.run(3, {&s.p, &s.a});
  Process forger(7), reader(8);
  forger.producer().saw(kFar, kFar + 9);
  reader.consumer("g").saw(kFar, kFar + 9).at(0, kFar, kFar, kFar);
  s.deliver(forger);
  s.deliver(reader);
  s.p.saw(100, 109);
  s.log.end = s.log.stable_end = 110;
  s.run(60, {&s.p, &s.a, &forger, &reader});
  EXPECT_EQ(s.found(), Lines({"0:100-109 pending"}));
  EXPECT_EQ(s.h.counter("implausible_offset"), 21);
  EXPECT_EQ(s.h.total("t", "", "distinct_offsets"), 110);
}

TEST(OwesTest, ClaimsThatCameBeforeTheLogWasKnownAreDroppedWhenItIs) {
  Scene s;
  s.log.end = s.log.stable_end = 100;
  s.a.saw(0, 99).at(0, 100, 100, 100);
  s.deliver(s.a);
  s.p.saw(0, 99).saw(1LL << 40, (1LL << 40) + 9);
  s.deliver(s.p);
  s.run(60, {&s.p, &s.a});
  EXPECT_EQ(s.found(), Lines());
  EXPECT_EQ(s.h.counter("implausible_offset"), 10);
}

TEST(OwesTest, AReportThatIsMissingWhileABacklogIsReadMarksItsBuckets) {
  constexpr int64_t kOld = kStart - 3 * kHour;
  Scene s;
  s.p.saw(0, 99, "t", 0, 1, 0, Process::label(kOld));
  s.deliver(s.p);
  s.a.saw(0, 9, "t", 0, 1, 1, Process::label(kOld)).at(0, 10, 10);
  s.deliver(s.a);
  s.a.saw(10, 19, "t", 0, 1, 1, Process::label(kOld + kMinute)).at(0, 20, 20);
  tally::Report lost = s.a.report(s.now);
  s.a.saw(20, 29, "t", 0, 1, 1, Process::label(kOld + 2 * kMinute)).at(0, 30, 30);
  s.run(14, {&s.p, &s.a});
  ASSERT_EQ(s.h.incomplete("t").size(), 2u);
  EXPECT_EQ(s.h.incomplete("t").front(), "report_missing " + std::to_string(kOld + 2 - kStart) + " " +
                                             std::to_string(kOld + 3 * kMinute - kStart));
  s.h.restart();
  s.h.deliver(lost, s.now);
  s.h.commit();
  EXPECT_EQ(s.h.incomplete("t"), Lines());
}

}  // namespace
}  // namespace waybill::audit
