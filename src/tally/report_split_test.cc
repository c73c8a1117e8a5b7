#include <gtest/gtest.h>

#include "tally/report_codec.h"
#include "tally/sample_report.h"

namespace waybill::tally {
namespace {

constexpr size_t kBytesMax = 64 * 1024;

TEST(SplitReport, LeavesAReportThatFitsAsItIs) {
  const auto parts = split_report(sample_report(), kBytesMax);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0], sample_report());
}

TEST(SplitReport, TellsCoverageBeforePositionsAndClosesLast) {
  Report report = sample_report();
  report.coverage[0].again.clear();
  report.coverage[0].seen.clear();
  for (int64_t i = 0; i < 50'000; ++i) report.coverage[0].seen.push_back({Offset(3 * i), Offset(3 * i + 1)});
  const auto parts = split_report(Report(report), kBytesMax);
  ASSERT_GE(parts.size(), 2u);
  int64_t told = 0;
  for (const Report& part : parts) {
    const bool is_last = &part == &parts.back();
    EXPECT_LE(encode_report(part).size(), kBytesMax);
    EXPECT_TRUE(check_report(part).has_value());
    EXPECT_EQ(part.positions.size(), is_last ? 1u : 0u);
    EXPECT_EQ(part.closed, is_last);
    EXPECT_EQ(part.complete_up_to_ms, is_last ? report.complete_up_to_ms : report.from_ms);
    for (const CoverageChunk& chunk : part.coverage) told += static_cast<int64_t>(chunk.seen.size());
  }
  EXPECT_EQ(told, 50'000);
  EXPECT_EQ(parts.front().dropped, report.dropped);
  EXPECT_EQ(parts.back().dropped, Dropped{});
}

TEST(SplitReport, CutsARunBetweenItsRepeats) {
  Report report = sample_report();
  report.coverage[0].seen = {{Offset(0), Offset(1'000'000)}};
  report.coverage[0].again.clear();
  for (int64_t i = 0; i < 40'000; ++i)
    report.coverage[0].again.push_back({{Offset(20 * i), Offset(20 * i + 15)}, 3});
  int64_t seen = 0;
  int64_t again = 0;
  for (const Report& part : split_report(Report(report), kBytesMax)) {
    EXPECT_LE(encode_report(part).size(), kBytesMax);
    ASSERT_TRUE(check_report(part).has_value()) << check_report(part).error().message;
    for (const CoverageChunk& chunk : part.coverage) {
      for (const OffsetRange& run : chunk.seen) seen += run.size();
      for (const Repeat& repeat : chunk.again)
        again += repeat.range.size() * static_cast<int64_t>(repeat.times);
    }
  }
  EXPECT_EQ(seen, 1'000'000);
  EXPECT_EQ(again, 40'000 * 15 * 3);
}

TEST(SplitReport, CarriesOnlyTheClientsThatAPartNames) {
  Report report = sample_report();
  report.clients.clear();
  report.entries.resize(1);
  report.coverage.clear();
  report.positions.clear();
  report.rates.clear();
  for (uint32_t ref = 0; ref < 2'000; ++ref) {
    report.clients.push_back(
        {ref, "client-" + std::string(60, 'c'), TierKind::kProduced, "", "", 0, "librdkafka"});
  }
  const Rate rate{1999, {TierKind::kProduced, ""}, "orders", 60'000, 1, 1};
  report.rates.assign(5'000, rate);
  size_t carried = 0;
  size_t rates = 0;
  for (const Report& part : split_report(Report(report), kBytesMax)) {
    EXPECT_LE(encode_report(part).size(), kBytesMax);
    EXPECT_TRUE(check_report(part).has_value());
    carried += part.clients.size();
    rates += part.rates.size();
  }
  EXPECT_EQ(rates, 5'000u);
  EXPECT_GE(carried, 2'000u);
  EXPECT_LE(carried, 2'010u) << "every client in every part";
}

TEST(SplitReport, CountsTheTopicNamesOfEveryPart) {
  Report report = sample_report();
  report.rates.clear();
  for (int i = 0; i < 600; ++i) {
    const std::string topic = std::to_string(i % 60) + std::string(900, 't');
    report.rates.push_back({1, {TierKind::kProduced, std::string(100, 'n')}, topic, 60'000, 1, 1});
  }
  size_t rates = 0;
  for (const Report& part : split_report(Report(report), kBytesMax)) {
    EXPECT_LE(encode_report(part).size(), kBytesMax);
    rates += part.rates.size();
  }
  EXPECT_EQ(rates, 600u);
}

}  // namespace
}  // namespace waybill::tally
