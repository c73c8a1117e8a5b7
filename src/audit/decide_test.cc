// Decisions of operators: what they close, exactly once, and what is refused.

#include <gtest/gtest.h>

#include "audit/decisions.h"
#include "audit/verifier_harness.h"
#include "tally/decision.h"

namespace waybill::audit {
namespace {

using namespace harness;
using tally::DecidedPartition;
using tally::Decision;
using tally::DecisionKind;
using Lines = std::vector<std::string>;
constexpr int64_t kSecond = 1000;
constexpr int64_t kNow = kStart + kSecond;

OffsetRange r(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

/// A group that lost 10 to 19 of 100 messages.
struct Lost {
  Lost() {
    p.producer().saw(0, 99);
    c.consumer("g").saw(0, 9).saw(20, 99).at(0, 100, 100, 100);
    h.deliver(p.report(kNow), kNow);
    h.deliver(c.report(kNow), kNow);
    run(6);
  }
  void run(int64_t seconds) {
    live(h, log, {&p, &c}, now, now + seconds * kSecond);
    now += seconds * kSecond;
  }
  Decision decision(uint8_t id, DecisionKind kind, std::vector<OffsetRange> ranges, std::string to = {}) {
    Decision d;
    d.id.bytes[3] = id;
    d.kind = kind;
    d.decided_ms = now;
    d.by = "ann@desk";
    d.reason = "a reset";
    d.topic = "t";
    d.group = "g";
    d.audit_partitions = 1;
    d.partitions = {{PartitionId(0), std::move(ranges), PartitionId(0), {}}};
    d.to_topic = std::move(to);
    return d;
  }
  void tell(const Decision& d) {
    h.deliver(tally::encode_decision(d), now);
    h.commit();
  }
  Decision moved(uint8_t id, std::vector<tally::Moved> moved, std::string to,
                 std::vector<OffsetRange> unsure = {}) {
    Decision d = decision(id, DecisionKind::kReplayEnd, std::move(unsure), std::move(to));
    d.partitions[0].moved = std::move(moved);
    return d;
  }
  int64_t total(const char* column) { return h.total("t", "g", column); }
  /// Columns of the decision's row.
  std::string state(uint8_t id) {
    Id128 key;
    key.bytes[3] = id;
    for (const auto& [k, values] : h.tables.table(decision_table())) {
      if (std::get<std::string>(k[3]) == key.hex()) return std::get<std::string>(values[1]);
    }
    return "";
  }
  Harness h;
  FakeLog log;
  Process p{1}, c{2};
  int64_t now = kNow;
};

TEST(Decide, AnAcceptClosesExactlyItsRangeAndKeepsTheReason) {
  Lost s;
  ASSERT_EQ(s.h.findings("g"), Lines({"0:10-19 lost skipped"}));
  s.tell(s.decision(1, DecisionKind::kAccept, {r(13, 16)}));
  EXPECT_EQ(s.h.findings("g"),
            Lines({"0:10-12 lost skipped", "0:13-15 accepted skipped", "0:16-19 lost skipped"}));
  EXPECT_EQ(s.total("lost"), 7);
  EXPECT_EQ(s.total("accepted"), 3);
  EXPECT_EQ(s.total("lost_found"), 10);
  EXPECT_EQ(s.state(1), "applied");
  EXPECT_EQ(s.h.tables.sum(bucket_table(), {std::string("main"), std::string("t")}, "accepted"), 3);
}

TEST(Decide, ADecisionIsAppliedOnceWhateverIsRepeatedOrRestarted) {
  Lost s;
  Decision d = s.decision(1, DecisionKind::kAccept, {r(10, 15)});
  s.h.deliver(tally::encode_decision(d), s.now);
  s.h.restart();  // killed before the commit: the record is read again
  s.tell(d);
  s.tell(d);
  s.h.restart();
  s.tell(d);
  EXPECT_EQ(s.h.findings("g"), Lines({"0:10-14 accepted skipped", "0:15-19 lost skipped"}));
  EXPECT_EQ(s.total("accepted"), 5);
  EXPECT_EQ(s.total("lost"), 5);
  EXPECT_EQ(s.h.counter("duplicate_decision"), 2);
}

TEST(Decide, WhatArrivesAfterItWasAcceptedIsLateAndRetracted) {
  Lost s;
  s.tell(s.decision(1, DecisionKind::kAccept, {r(10, 20)}));
  s.c.saw(12, 13).at(0, 14, 100, 100);
  s.run(2);
  EXPECT_EQ(s.h.findings("g"),
            Lines({"0:10-11 accepted skipped", "0:12-13 late", "0:14-19 accepted skipped"}));
  EXPECT_EQ(s.total("lost_found"), 10);
  EXPECT_EQ(s.total("lost_retracted"), 2);
  EXPECT_EQ(s.total("accepted"), 8);
  EXPECT_EQ(s.total("late"), 2);
}

TEST(Decide, AReplayIntoAnotherTopicIsReplayedWhenItIsAcknowledged) {
  Lost s;
  s.tell(s.decision(1, DecisionKind::kReplayBegin, {r(10, 20)}, "other"));
  EXPECT_EQ(s.state(1), "begun");
  EXPECT_EQ(s.total("lost"), 10) << "nothing was delivered yet";
  s.h.restart();
  s.tell(s.moved(1, {{r(10, 15), Offset(7)}, {r(15, 18), Offset(40)}}, "other", {r(18, 20)}));
  EXPECT_EQ(s.h.findings("g"),
            Lines({"0:10-14 replayed skipped", "0:15-17 replayed skipped", "0:18-19 lost skipped"}))
      << "what may have been delivered stays lost";
  EXPECT_EQ(s.total("replayed"), 8);
  EXPECT_EQ(s.state(1), "done");
  s.tell(s.decision(2, DecisionKind::kReplayBegin, {r(18, 20)}, "other"));
  EXPECT_EQ(s.state(2), "refused") << "it may be there already";
  Decision again = s.decision(3, DecisionKind::kReplayBegin, {r(18, 20)}, "other");
  again.again = true;
  s.tell(again);
  EXPECT_EQ(s.state(3), "begun");
}

TEST(Decide, AReplayInPlaceIsReplayedWhenTheGroupHasConsumedIt) {
  Lost s;
  s.tell(s.decision(1, DecisionKind::kReplayBegin, {r(10, 20)}, "t"));
  s.tell(s.moved(1, {{r(10, 20), Offset(100)}}, "t"));
  EXPECT_EQ(s.state(1), "delivered");
  EXPECT_EQ(s.total("lost"), 10);
  EXPECT_EQ(s.total("pending"), 10) << "what is in the log again is owed";
  s.h.restart();
  s.c.saw(100, 104).at(0, 105, 105, 105);
  s.run(2);
  EXPECT_EQ(s.total("lost"), 5);
  EXPECT_EQ(s.total("replayed"), 5);
  s.h.restart();
  s.c.saw(105, 109).at(0, 110, 110, 110);
  s.run(2);
  EXPECT_EQ(s.h.findings("g"), Lines({"0:10-19 replayed skipped"}));
  EXPECT_EQ(s.state(1), "done");
  EXPECT_EQ(s.total("lost"), 0);
  EXPECT_EQ(s.total("pending"), 0);
  EXPECT_EQ(s.total("unaudited"), 0);
  const auto& row = *s.h.tables.table(finding_table()).begin();
  EXPECT_EQ(std::get<int64_t>(row.second[Tables::index(finding_table(), "to_offset")]), 100);
}

TEST(Decide, AReplayThatTheGroupSkipsAgainStaysLost) {
  Lost s;
  s.tell(s.decision(1, DecisionKind::kReplayBegin, {r(10, 12)}, "t"));
  s.tell(s.moved(1, {{r(10, 12), Offset(100)}}, "t"));
  s.p.saw(102, 119);
  s.c.saw(102, 119).at(0, 120, 120, 120);
  s.run(12);
  EXPECT_EQ(s.total("replayed"), 0);
  EXPECT_EQ(s.total("lost"), 12) << s.h.findings("g").size();
}

TEST(Decide, AConsumerThatReportsBeforeTheEndIsToldIsHeard) {
  Lost s;
  s.tell(s.decision(1, DecisionKind::kReplayBegin, {r(10, 20)}, "t"));
  s.c.saw(100, 109).at(0, 110, 110, 110);
  s.run(1);
  EXPECT_EQ(s.total("unaudited"), 10);
  s.tell(s.moved(1, {{r(10, 20), Offset(100)}}, "t"));
  EXPECT_EQ(s.h.findings("g"), Lines({"0:10-19 replayed skipped"}));
  EXPECT_EQ(s.total("unaudited"), 0);
}

TEST(Decide, ForgedAndBrokenDecisionsAreRefusedAndCounted) {
  Lost s;
  const Lines before = s.h.findings("g");
  std::vector<std::pair<const char*, void (*)(Decision&)>> forgeries = {
      {"past the end of the log", [](Decision& d) { d.partitions[0].ranges = {r(10, int64_t{1} << 40)}; }},
      {"absurd offsets", [](Decision& d) { d.partitions[0].ranges = {r(10, int64_t{1} << 60)}; }},
      {"another topic", [](Decision& d) { d.topic = "unheard-of"; }},
      {"another group", [](Decision& d) { d.group = "unheard-of"; }},
      {"another partition", [](Decision& d) { d.partitions[0].partition = PartitionId(9); }},
      {"another life of the topic", [](Decision& d) { d.incarnation = 1; }},
      {"another partition count", [](Decision& d) { d.audit_partitions = 16; }},
      {"nothing is lost there", [](Decision& d) { d.partitions[0].ranges = {r(40, 50)}; }},
      {"an end without a begin",
       [](Decision& d) { d.kind = DecisionKind::kReplayEnd, d.to_topic = "other"; }},
      {"a replay of what is not lost",
       [](Decision& d) {
         d.kind = DecisionKind::kReplayBegin, d.to_topic = "x", d.partitions[0].ranges = {r(9, 12)};
       }},
  };
  uint8_t id = 10;
  for (const auto& [name, forge] : forgeries) {
    Decision d = s.decision(++id, DecisionKind::kAccept, {r(10, 20)});
    forge(d);
    s.tell(d);
    EXPECT_EQ(s.h.findings("g"), before) << name;
    EXPECT_EQ(s.h.counter("refused_decision"), id - 10) << name;
  }
  std::string broken = tally::encode_decision(s.decision(9, DecisionKind::kAccept, {r(10, 20)}));
  broken.resize(broken.size() - 2);
  s.h.deliver(broken, s.now);
  s.h.commit();
  EXPECT_EQ(s.h.counter("corrupt_decision"), 1);
  EXPECT_EQ(s.h.findings("g"), before);
  s.h.restart();
  EXPECT_EQ(s.total("lost"), 10);
}

TEST(Decide, TheEndOfAReplayMayOnlyTellOfWhatItBegan) {
  Lost s;
  s.tell(s.decision(1, DecisionKind::kReplayBegin, {r(10, 12)}, "t"));
  for (const Decision& d :
       {s.moved(1, {{r(10, 14), Offset(100)}}, "t"), s.moved(1, {{r(10, 12), Offset(100)}}, "u"),
        s.moved(1, {{r(10, 12), Offset(5)}}, "t"), s.moved(2, {{r(10, 12), Offset(100)}}, "t")}) {
    s.tell(d);
  }
  EXPECT_EQ(s.h.counter("refused_decision"), 4);
  EXPECT_EQ(s.total("replayed"), 0);
  EXPECT_EQ(s.state(1), "begun");
}

}  // namespace
}  // namespace waybill::audit
