#include "tally/report_codec.h"

#include <gtest/gtest.h>

#include "tally/sample_report.h"

namespace waybill::tally {
namespace {

using Change = void (*)(Report&);

TEST(ReportCodec, ASampleWithEveryFieldComesBackEqual) {
  const Report report = sample_report();
  const std::string bytes = encode_report(report);
  const auto back = decode_report(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, report);
  EXPECT_EQ(encode_report(*back), bytes);
}

TEST(ReportCodec, AnEmptyHeartbeatIsSmall) {
  Report report;
  report.reporter.bytes[0] = 1;
  report.number = ReportNumber(1);
  const std::string bytes = encode_report(report);
  EXPECT_LT(bytes.size(), 30u);
  const auto back = decode_report(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, report);
}

/// Every way to break the sample, with the words of the error.
TEST(ReportCodec, RefusesReportsThatContradictThemselves) {
  struct Case {
    const char* words;
    Change change;
  };
  const Case cases[] = {
      {"no version", [](Report& r) { r.version = 0; }},
      {"no reporter id", [](Report& r) { r.reporter = {}; }},
      {"number 0", [](Report& r) { r.number = ReportNumber(0); }},
      {"bucket width", [](Report& r) { r.bucket_ms = 0; }},
      {"one ref", [](Report& r) { r.clients[1].ref = 1; }},
      {"entry 1: a client that", [](Report& r) { r.entries[1].client = 9; }},
      {"coverage 0: a client that", [](Report& r) { r.coverage[0].client = 9; }},
      {"position 0: a client that", [](Report& r) { r.positions[0].client = 9; }},
      {"rate 0: a client that", [](Report& r) { r.rates[0].client = 9; }},
      {"no topic", [](Report& r) { r.entries[0].topic = ""; }},
      {"above 1000 bytes", [](Report& r) { r.rates[0].topic = std::string(1001, 'x'); }},
      {"two multiples", [](Report& r) { r.entries[0].bucket.label.start = BucketStart(60'001); }},
      {"a bucket that has none", [](Report& r) { r.entries[1].bucket.label.start = BucketStart(60'000); }},
      {"a bucket that has none", [](Report& r) { r.coverage[0].label.start = BucketStart(60'000); }},
      {"0 failed sends", [](Report& r) { r.entries[0].bucket.failed[3] = 0; }},
      {"touch", [](Report& r) { r.coverage[0].seen[1].begin = Offset(1000); }},
      {"repeat of 0 times", [](Report& r) { r.coverage[0].again[0].times = 0; }},
      {"were not seen", [](Report& r) { r.coverage[0].again[1].range.end = Offset(1001); }},
      {"were not seen", [](Report& r) { r.coverage[0].seen.clear(); }},
      {"no multiple of 60,000", [](Report& r) { r.rates[0].minute_ms = 1; }},
  };
  for (const Case& c : cases) {
    Report report = sample_report();
    c.change(report);
    const auto back = decode_report(encode_report(report));
    ASSERT_FALSE(back.has_value()) << c.words;
    EXPECT_EQ(back.error().code, Errc::kCorrupt) << c.words;
    EXPECT_NE(back.error().message.find(c.words), std::string::npos) << back.error().message;
    EXPECT_FALSE(check_report(report).has_value());
  }
}

TEST(ReportCodec, WritesEveryNegativePositionAsNone) {
  Report report = sample_report();
  report.positions[0].committed = Offset(-1001);
  const auto back = decode_report(encode_report(report));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->positions[0].committed, Offset(-1));
}

/// Faults that the encoder cannot write are named by check_report.
TEST(CheckReport, RefusesWhatHasNoBytes) {
  const Change changes[] = {
      [](Report& r) { r.audit_partitions = -1; },
      [](Report& r) { r.coverage[0].partition = PartitionId(-1); },
      [](Report& r) { r.positions[0].partition = PartitionId(-1); },
      [](Report& r) { r.positions[0].next = Offset(-1001); },
      [](Report& r) { r.coverage[0].seen[0].begin = Offset(-1); },
      [](Report& r) { r.coverage[0].seen[2].end = r.coverage[0].seen[2].begin; },
      [](Report& r) { std::swap(r.coverage[0].seen[0], r.coverage[0].seen[1]); },
      [](Report& r) { std::swap(r.coverage[0].again[0], r.coverage[0].again[1]); },
  };
  ASSERT_TRUE(check_report(sample_report()).has_value());
  size_t index = 0;
  for (const Change change : changes) {
    Report report = sample_report();
    change(report);
    EXPECT_FALSE(check_report(report).has_value()) << "change " << index++;
  }
}

TEST(ReportCodec, NamesAVersionThatIsTooNew) {
  const auto back = decode_report(std::string("\x08\x09\x12\x03xyz", 7));
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, Errc::kUnsupported);
  EXPECT_NE(back.error().message.find("version 9"), std::string::npos) << back.error().message;
}

TEST(ReportCodec, NamesATierThatIsTooNew) {
  Report report = sample_report();
  report.rates[0].tier.kind = static_cast<TierKind>(6);
  const auto back = decode_report(encode_report(report));
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, Errc::kUnsupported);
  EXPECT_NE(back.error().message.find("tier 6"), std::string::npos);
}

TEST(ReportCodec, EveryCutIsAnErrorOrAReport) {
  const std::string bytes = encode_report(sample_report());
  size_t errors = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto back = decode_report(std::string_view(bytes).substr(0, size));
    if (!back) {
      ++errors;
      EXPECT_TRUE(back.error().code == Errc::kTruncated || back.error().code == Errc::kCorrupt);
    }
  }
  EXPECT_GT(errors, bytes.size() / 2);
}

TEST(ReportCodec, SkipsFieldsThatItDoesNotKnow) {
  const Report report = sample_report();
  // Field 1000: a varint, eight bytes, four bytes, a string; and field 6 (closed) as a string.
  const std::string added(
      "\xc0\x3e\x05\xc1\x3e"
      "12345678"
      "\xc5\x3e"
      "1234"
      "\xc2\x3e\x02xy"
      "\x32\x01z");
  for (const std::string& bytes : {encode_report(report) + added, added + encode_report(report)}) {
    const auto back = decode_report(bytes);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, report);
  }
}

TEST(ReportCodec, ReplacesBytesThatAreNotUtf8) {
  Report report = sample_report();
  report.host = "h\xff";
  report.clients[1].group = "\xc0";
  report.rates[0].topic = "t\xfe";
  const auto back = decode_report(encode_report(report));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->host, "h\xef\xbf\xbd");
  EXPECT_EQ(back->clients[1].group, "\xef\xbf\xbd");
  EXPECT_EQ(back->rates[0].topic, "t\xef\xbf\xbd");
}

TEST(ReportCodec, RefusesInputAndMemoryAboveTheLimits) {
  EXPECT_EQ(decode_report(std::string(2 * kReportBytesMax + 1, 'x')).error().code, Errc::kLimit);
  // One long topic that 140,000 seven-byte entries share would take 180 MB.
  Report report = sample_report();
  report.entries.resize(1);
  report.entries[0].topic = std::string(kTopicBytesMax, 't');
  std::string bytes = encode_report(report);
  for (int i = 0; i < 140'000; ++i) bytes += std::string("\x8a\x01\x04\x08\x01\x10\x02", 7);
  ASSERT_LE(bytes.size(), 2 * kReportBytesMax);
  const auto back = decode_report(bytes);
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, Errc::kLimit) << back.error().message;
}

/// The worked example of docs/formats.md.
TEST(ReportCodec, WritesTheBytesOfTheDocumentedExample) {
  Report report;
  for (uint8_t i = 0; i < 16; ++i) report.reporter.bytes[i] = i;
  report.number = ReportNumber(1);
  report.from_ms = 1000;
  report.complete_up_to_ms = 2000;
  report.host = "h";
  report.audit_partitions = 16;
  report.clients = {{1, "c", TierKind::kConsumed, "g", "", 0, ""}};
  CoverageChunk chunk;
  chunk.client = 1;
  chunk.tier = {TierKind::kConsumed, "g"};
  chunk.topic = "t";
  chunk.partition = PartitionId(2);
  chunk.session = 1;
  chunk.seen = {{Offset(5), Offset(8)}, {Offset(10), Offset(11)}};
  chunk.again = {{{Offset(6), Offset(7)}, 1}};
  report.coverage = {chunk};
  Position position{1, "t", PartitionId(2), 1, Offset(5), Offset(11), Offset(11), Offset(-1), 0};
  report.positions = {position};

  std::string hex;
  for (const char c : encode_report(report)) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    hex += digits;
  }
  EXPECT_EQ(hex,
            "0801"
            "1210000102030405060708090a0b0c0d0e0f"
            "1801"
            "20d00f"
            "28a01f"
            "4a0168"
            "68e0d403"
            "7010"
            "82010a"
            "0801"
            "120163"
            "1803"
            "220167"
            "7a0174"
            "920116"
            "0801"
            "1003"
            "1a0167"
            "2802"
            "4001"
            "4a0405030201"
            "5203060101"
            "9a010c"
            "0801"
            "1802"
            "2001"
            "2806"
            "300c"
            "380c");
}

TEST(ReportJson, IsOneLineThatNamesEverything) {
  Report report = sample_report();
  report.host = "a\"b\\c\n\xff\x01\xc3\xa9";
  const std::string json = report_to_json(report);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  for (
      const char* part : {
          R"({"version":1,"reporter":"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf","number":7,"from_ms":1700000000000)",
          R"("closed":true)",
          "\"host\":\"a\\\"b\\\\c\\u000a\\ufffd\\u0001\xc3\xa9\"",
          R"("kind":"consumed","group":"billing","instance":"billing-a","flags":16)",
          R"("failed":[{"code":-192,"count":4},{"code":10,"count":1}])",
          R"("seen":[[0,999],[1001,1001],[5000000000,5000000299]],"again":[[10,19,1],[20,20,5],[5000000000,5000000000,2]])",
          R"("latency":{"count":10,"negative":2,"sum":864000000,"min":86400000,"max":86400000,"cells":[[)",
          R"("session_first":0,"next":5000000300,"high":5000000300,"committed":-1)",
          R"("dropped":{"messages":11,"coverage":22,"topics":33}})",
      }) {
    EXPECT_NE(json.find(part), std::string::npos) << part << "\nin " << json;
  }
}

}  // namespace
}  // namespace waybill::tally
