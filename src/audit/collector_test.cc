#include "audit/collector.h"

#include <gtest/gtest.h>

#include "audit/collector_harness.h"

namespace waybill::audit {
namespace {

using namespace harness;
using Lines = std::vector<std::string>;
constexpr int64_t kSecond = 1000;

/// Delivers an empty heartbeat of each process each second in (from, to].
void heartbeats(Harness& h, std::vector<Process*> processes, int64_t from_ms, int64_t to_ms) {
  for (int64_t t = from_ms + kSecond; t <= to_ms; t += kSecond) {
    for (Process* p : processes) h.deliver(p->report(t), t);
    h.quiet_until(t);
  }
  h.commit();
}

TEST(CollectorTest, CountsWhatWasProducedAndConsumedPerBucketAndPartition) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99, "t", 0).saw(0, 49, "t", 1);
  c.consumer("g").saw(0, 99, "t", 0).at(0, 100, 100);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  auto bucket = [&](const std::string& group, std::string_view column) {
    return h.tables.sum(bucket_table(), {std::string("main"), std::string("t"), int64_t{0}, kStart, group},
                        column);
  };
  EXPECT_EQ(bucket("", "count"), 150);
  EXPECT_EQ(bucket("", "bytes"), 1500);
  EXPECT_EQ(bucket("", "distinct_offsets"), 150);
  EXPECT_EQ(bucket("g", "count"), 100);
  EXPECT_EQ(bucket("g", "distinct_offsets"), 100);
  EXPECT_EQ(bucket("g", "pending"), 0)
      << "partition 1 has no known position of the group: it owes nothing there";
  EXPECT_EQ(h.total("t", "", "distinct_offsets"), 150);
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 100);
  EXPECT_EQ(h.total("t", "g", "next_offset"), 100);
}

TEST(CollectorTest, WhatIsNotYetHandedOutIsPending) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 59).at(0, 60, 60);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  heartbeats(h, {&p, &c}, kStart + kSecond, kStart + 20 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:60-99 pending"}));
  EXPECT_EQ(h.total("t", "g", "pending"), 40);
  EXPECT_EQ(h.total("t", "g", "suspected"), 0);
}

TEST(CollectorTest, ASkipBecomesSuspectedBehindTheBarrierAndIsRetractedWhenItArrives) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 9).saw(20, 99).at(0, 100, 100);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "suspected"), 0);
  heartbeats(h, {&p, &c}, kStart + kSecond, kStart + 4 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines({"0:10-19 suspected"}));
  EXPECT_EQ(h.total("t", "g", "suspected"), 10);
  EXPECT_EQ(h.total("t", "g", "pending"), 0);
  c.saw(12, 14).below(12, 14).at(0, 15, 100);
  h.deliver(c.report(kStart + 5 * kSecond), kStart + 5 * kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines({"0:10-11 suspected", "0:15-19 suspected"}));
  EXPECT_EQ(h.total("t", "g", "suspected"), 7);
  EXPECT_EQ(h.total("t", "g", "reordered"), 3);
}

TEST(CollectorTest, ReportsThatOvertakeEachOtherDoNotMakeMessagesReordered) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  tally::Report first = c.consumer("g").saw(0, 59).at(0, 60, 60).report(kStart + kSecond);
  tally::Report back = c.saw(40, 69).below(40, 59).at(0, 70, 70).report(kStart + 2 * kSecond);
  tally::Report jump = c.saw(90, 99).at(0, 100, 100).report(kStart + 3 * kSecond);
  tally::Report late = c.saw(80, 84).below(80, 84).at(0, 85, 100).report(kStart + 4 * kSecond);
  for (const tally::Report& report : {late, back, jump, first}) h.deliver(report, kStart + 5 * kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "reordered"), 5);
  EXPECT_EQ(h.total("t", "g", "redelivered"), 20);
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 85);
}

TEST(CollectorTest, AReads0To999ReportsLateBGoesOnFrom1000AndReportsFirst) {
  Harness h;
  Process p(1), a(2), b(3);
  int64_t t = kStart + kSecond;
  p.producer().saw(0, 1999);
  a.consumer("g");
  b.consumer("g").saw(1000, 1999, "t", 0, 1, 2).at(1000, 2000, 2000, -1, "t", 0, 1, 2);
  h.deliver(p.report(t), t);
  a.saw(0, 9).at(0, 10, 10);
  h.deliver(a.report(t), t);
  h.deliver(b.report(t), t);
  for (int i = 1; i <= 8; ++i) {  // A is open and silent, but not vanished yet
    t += kSecond;
    h.deliver(b.report(t), t);
    h.quiet_until(t);
    h.commit();
    EXPECT_EQ(h.total("t", "g", "suspected"), 0) << i;
  }
  a.saw(10, 999).at(0, 1000, 1000);
  h.deliver(a.report(t), t);
  heartbeats(h, {&p, &a, &b}, t, t + 5 * kSecond);
  EXPECT_EQ(h.findings("g"), Lines());
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 2000);
}

TEST(CollectorTest, AClosedOrVanishedReaderDoesNotHoldTheBarrier) {
  for (bool closes : {true, false}) {
    Harness h;
    Process p(1), a(2), b(3);
    int64_t t = kStart + kSecond;
    p.producer().saw(0, 1999);
    a.consumer("g").saw(0, 989).at(0, 990, 990);
    b.consumer("g").saw(1000, 1999).at(1000, 2000, 2000);
    h.deliver(p.report(t), t);
    h.deliver(closes ? a.close(t) : a.report(t), t);
    h.deliver(b.report(t), t);
    heartbeats(h, {&p, &b}, t, t + 4 * kSecond);
    EXPECT_EQ(h.total("t", "g", "suspected"), closes ? 10 : 0);
    heartbeats(h, {&p, &b}, t + 4 * kSecond, t + 12 * kSecond);
    EXPECT_EQ(h.findings("g"), Lines({"0:990-999 suspected"}));
    EXPECT_EQ(h.incomplete("t"), closes ? Lines() : Lines({"reporter_vanished 1000 0"}));
  }
}

TEST(CollectorTest, ARewindIsRedeliveredOffsetByOffset) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 99).again(10, 19, 2).at(0, 100, 100);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  c.saw(15, 29).at(0, 30, 100);
  h.deliver(c.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines({"0:10-14 redelivered rewind x2", "0:15-19 redelivered rewind x3",
                                    "0:20-29 redelivered rewind x1"}));
  EXPECT_EQ(h.total("t", "g", "redelivered"), 35);
  EXPECT_EQ(h.total("t", "g", "count"), 135);
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 100);
  h.restart();
  c.saw(10, 10).at(0, 11, 100);
  h.deliver(c.report(kStart + 3 * kSecond), kStart + 3 * kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g").front(), "0:10-10 redelivered rewind x3");
  EXPECT_EQ(h.findings("g")[1], "0:11-14 redelivered rewind x2");
}

TEST(CollectorTest, TheNextReadersFirstReadsAreAHandoverAndARestartedProcessIsARestart) {
  for (bool same_identity : {false, true}) {
    Harness h;
    Process p(1), a(2), b(3);
    p.producer().saw(0, 99);
    a.host("h1", "s").consumer("g").saw(0, 59).at(0, 60, 60);
    b.host(same_identity ? "h1" : "h2", "s").consumer("g").saw(50, 99).at(50, 100, 100);
    h.deliver(p.report(kStart + kSecond), kStart + kSecond);
    h.deliver(a.close(kStart + kSecond), kStart + kSecond);
    h.deliver(b.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
    h.commit();
    EXPECT_EQ(h.findings("g"), Lines({std::string("0:50-59 redelivered ") +
                                      (same_identity ? "restart" : "handover") + " x1"}));
  }
}

TEST(CollectorTest, TwoSessionsInOneReportAreAHandoverToItself) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 149);
  c.consumer("g").saw(0, 99, "t", 0, 1, 1).saw(50, 149, "t", 0, 1, 2).at(50, 150, 150, -1, "t", 0, 1, 2);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines({"0:50-99 redelivered handover x1"}));
  c.saw(140, 144, "t", 0, 1, 2).at(50, 145, 150, -1, "t", 0, 1, 2);
  h.deliver(c.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines({"0:50-99 redelivered handover x1", "0:140-144 redelivered rewind x1"}));
}

TEST(CollectorTest, AReportThatIsSplitOverNumbersRaisesNoSuspicion) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 1999);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  c.consumer("g").saw(1000, 1999);
  h.deliver(c.report(kStart), kStart + kSecond);  // all but the last part are complete up to their beginning
  for (int part = 0; part < 5; ++part) h.deliver(c.report(kStart), kStart + kSecond);
  h.deliver(c.saw(0, 999).report(kStart), kStart + kSecond);
  h.deliver(c.at(0, 2000, 2000).report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.findings("g"), Lines());
  EXPECT_EQ(h.total("t", "g", "distinct_offsets"), 2000);
}

TEST(CollectorTest, OffsetsThatNoProducerClaimedAreUnauditedUntilItsReportComes) {
  Harness h;
  Process p(1), c(2);
  p.producer();
  c.consumer("g").saw(0, 99).at(0, 100, 100);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "unaudited"), 100);
  p.saw(0, 79);
  h.deliver(p.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "unaudited"), 20);
  EXPECT_EQ(h.total("t", "g", "pending"), 0);
}

TEST(CollectorTest, AGroupOwesFromItsFirstKnownPosition) {
  Harness h;
  Process p(1), c(2), d(3);
  p.producer().saw(0, 99);
  c.consumer("g").saw(50, 59).at(50, 60, 60);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "pending"), 40);
  d.consumer("g").saw(30, 39).at(30, 40, 40);  // an earlier reader that reports later lowers it
  h.deliver(d.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "g", "pending"), 50);
}

TEST(CollectorTest, ReadersWithoutAGroupAreCountedNeverJudged) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("").saw(0, 9).saw(50, 99).at(0, 100, 100);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  heartbeats(h, {&p, &c}, kStart + kSecond, kStart + 8 * kSecond);
  EXPECT_EQ(h.findings("(none)"), Lines());
  EXPECT_EQ(h.total("t", "(none)", "distinct_offsets"), 60);
  EXPECT_EQ(h.total("t", "(none)", "suspected"), 0);
}

TEST(CollectorTest, ARepeatedReportChangesNothing) {
  Harness h;
  Process p(1);
  tally::Report report = p.producer().saw(0, 99).report(kStart + kSecond);
  h.deliver(report, kStart + kSecond);
  h.commit();
  h.restart();
  h.deliver(report, kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "", "count"), 100);
  EXPECT_EQ(h.tables.sum(bucket_table(), {std::string("main"), std::string("t")}, "count"), 100);
  EXPECT_EQ(h.counter("duplicate"), 1);
}

TEST(CollectorTest, AMissingNumberIsIncompleteAfterTheGraceUntilItArrives) {
  Harness h;
  Process p(1);
  p.producer();
  std::vector<tally::Report> reports;
  for (int i = 1; i <= 20; ++i) reports.push_back(p.saw(i * 10, i * 10 + 9).report(kStart + i * kSecond));
  for (int i = 1; i <= 20; ++i) {
    if (i == 3 || i == 4) continue;
    h.deliver(reports[i - 1], kStart + i * kSecond);
    h.quiet_until(kStart + i * kSecond);
    h.commit();
    EXPECT_EQ(h.incomplete("t").empty(), i <= 15) << i;
  }
  EXPECT_EQ(h.incomplete("t"), Lines({"report_missing 2000 4000"}));
  EXPECT_EQ(h.tables.sum(reporter_table(), {std::string("main")}, "missing_reports"), 2);
  h.restart();
  h.deliver(reports[3], kStart + 21 * kSecond);
  h.commit();
  EXPECT_EQ(h.incomplete("t"), Lines({"report_missing 2000 3000"}));
  h.deliver(reports[2], kStart + 21 * kSecond);
  h.commit();
  EXPECT_EQ(h.incomplete("t"), Lines());
  EXPECT_EQ(h.total("t", "", "count"), 200);
}

TEST(CollectorTest, AVanishedReporterThatComesBackWithoutAHoleIsForgiven) {
  Harness h;
  Process p(1);
  p.producer().saw(0, 9);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.quiet_until(kStart + kSecond);
  h.quiet_until(kStart + 11 * kSecond);
  h.commit();
  EXPECT_EQ(h.incomplete("t"), Lines());
  h.quiet_until(kStart + 12 * kSecond);
  h.commit();
  EXPECT_EQ(h.incomplete("t"), Lines({"reporter_vanished 1000 0"}));
  h.restart();
  h.deliver(p.report(kStart + 30 * kSecond), kStart + 30 * kSecond);
  h.commit();
  EXPECT_EQ(h.incomplete("t"), Lines());
}

TEST(CollectorTest, ABucketIsSettledBehindTheBarrierAndReopenedByALaterReport) {
  Harness h;
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("g").saw(0, 99).at(0, 100, 100);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  auto settled = [&] {
    return h.tables.sum(bucket_table(), {std::string("main"), std::string("t")}, "settled");
  };
  heartbeats(h, {&p, &c}, kStart + kSecond, kStart + 69 * kSecond);
  EXPECT_EQ(settled(), 0);
  heartbeats(h, {&p, &c}, kStart + 69 * kSecond, kStart + 70 * kSecond);
  EXPECT_EQ(settled(), 2) << "the produce side and the group";
  p.saw(100, 109);
  h.deliver(p.report(kStart + 71 * kSecond), kStart + 71 * kSecond);
  h.commit();
  EXPECT_EQ(settled(), 0) << "the group now owes what was added: both are open again";
  heartbeats(h, {&p, &c}, kStart + 71 * kSecond, kStart + 74 * kSecond);
  EXPECT_EQ(settled(), 2);
}

TEST(CollectorTest, WidthsThatDivideAreFoldedAndOthersAreRefusedAndNamed) {
  Harness h;
  Process p(1), q(2);
  p.producer().draft().bucket_ms = 10'000;
  for (int i = 0; i < 6; ++i) {
    p.saw(i * 10, i * 10 + 9, "t", 0, 1, 0, {tally::BucketKind::kNormal, BucketStart(kStart + i * 10'000)});
  }
  q.producer().saw(100, 109, "t", 0, 1, 0, {tally::BucketKind::kNormal, tally::bucket_start(kStart, 7'000)});
  q.draft().bucket_ms = 7'000;
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(q.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.tables.sum(bucket_table(),
                         {std::string("main"), std::string("t"), int64_t{0}, kStart, std::string()}, "count"),
            60);
  EXPECT_EQ(h.counter("refused_bucket_width"), 1);
  EXPECT_EQ(h.incomplete("t"), Lines({"bucket_width 0 1000"}));
  EXPECT_EQ(h.total("t", "", "distinct_offsets"), 70) << "offsets count, so that nothing is called missing";
}

TEST(CollectorTest, ForeignBytesANewerVersionAndAWrongPartitionCountAreCountedAndNamed) {
  Harness h;
  Process p(1);
  p.producer().saw(0, 9);
  h.deliver("hello", kStart);
  h.deliver("", kStart);
  std::string newer = tally::encode_report(p.report(kStart + kSecond));
  newer[1] = 2;  // version
  h.deliver(newer, kStart + kSecond);
  p.saw(0, 9).draft().audit_partitions = 7;
  h.deliver(p.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.counter("foreign_bytes"), 2);
  EXPECT_EQ(h.counter("newer_version"), 1);
  EXPECT_EQ(h.counter("wrong_partition_count"), 1);
  EXPECT_EQ(h.incomplete(""), Lines({"newer_version 1000 1000", "audit_partitions 1000 2000"}));
  EXPECT_EQ(h.total("t", "", "count"), 0);
}

TEST(CollectorTest, ABucketIn1970Or2100GoesToFar) {
  Harness h;
  Process p(1);
  p.producer().saw(0, 9, "t", 0, 1, 0, {tally::BucketKind::kNormal, BucketStart(0)});
  p.saw(10, 19, "t", 0, 1, 0, {tally::BucketKind::kNormal, BucketStart(4'102'444'800'000)});
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.tables.sum(bucket_table(), {std::string("main"), std::string("t"), int64_t{1}}, "count"), 20);
  EXPECT_EQ(h.tables.sum(bucket_table(), {std::string("main"), std::string("t"), int64_t{0}}, "count"), 0);
}

TEST(CollectorTest, AbsurdNumbersAreRefused) {
  Harness h;
  Process p(1);
  p.producer().saw(0, 9);
  p.draft().coverage.back().seen = {{Offset(0), Offset(INT64_MAX)}};
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.counter("corrupt"), 1);
  EXPECT_EQ(h.total("t", "", "count"), 0);
}

TEST(CollectorTest, WhatAReporterDroppedMakesItsTopicsIncomplete) {
  Harness h;
  Process p(1);
  p.producer().saw(0, 9).draft().dropped.messages = 5;
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  p.draft().dropped.messages = 1;
  h.deliver(p.report(kStart + 2 * kSecond), kStart + 2 * kSecond);
  h.commit();
  EXPECT_EQ(h.incomplete("t"), Lines({"reporter_dropped 0 2000"}));
  EXPECT_EQ(h.tables.sum(reporter_table(), {std::string("main")}, "dropped"), 6);
}

TEST(CollectorTest, CapsAreCountedAndMakeIncomplete) {
  CollectorOptions options = Harness::defaults();
  options.topics_max = 1;
  options.groups_max = 1;
  options.reporters_max = 2;
  options.ranges_max = 1;
  Harness h(options);
  Process p(1), c(2), d(3);
  p.producer().saw(0, 99).saw(0, 9, "u");
  c.consumer("g", 1).consumer("h", 2).saw(0, 9).saw(20, 29).saw(40, 49).at(0, 50, 50).saw(0, 9, "t", 0, 2);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.deliver(d.producer().report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.counter("topic_overflow"), 1);
  EXPECT_GE(h.counter("group_overflow"), 1);
  EXPECT_EQ(h.counter("reporter_overflow"), 1);
  EXPECT_EQ(h.incomplete("").size(), 1u);
  EXPECT_EQ(h.incomplete("t"), Lines({"overflow 0 1000"}));
}

TEST(CollectorTest, ExcludedGroupsAreLeftOut) {
  CollectorOptions options = Harness::defaults();
  options.exclude_groups = {"console-consumer-*"};
  Harness h(options);
  Process p(1), c(2);
  p.producer().saw(0, 99);
  c.consumer("console-consumer-17", 1).consumer("g", 2).saw(0, 9).saw(0, 9, "t", 0, 2);
  h.deliver(p.report(kStart + kSecond), kStart + kSecond);
  h.deliver(c.report(kStart + kSecond), kStart + kSecond);
  h.commit();
  EXPECT_EQ(h.total("t", "console-consumer-17", "count"), 0);
  EXPECT_EQ(h.total("t", "g", "count"), 10);
}

TEST(CollectorTest, AnExpiredPartOfTheAuditTopicMakesEveryTopicIncomplete) {
  Harness h;
  Process p(1);
  h.deliver(p.producer().saw(0, 9).report(kStart + kSecond), kStart + kSecond);
  flow::Batch gap{
      h.partition(), {}, Offset(50), flow::Gap{flow::Gap::Kind::kExpired, {Offset(1), Offset(50)}}};
  h.task().process(gap, {kStart + 9 * kSecond, kStart + 9 * kSecond});
  h.commit();
  EXPECT_EQ(h.incomplete(""), Lines({"audit_gap 1000 9000"}));
  EXPECT_EQ(h.counter("audit_gap"), 1);
}

}  // namespace
}  // namespace waybill::audit
