// report_to_json, read by a JSON parser.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "tally/report_codec.h"
#include "tally/sample_report.h"

namespace waybill::tally {
namespace {

using nlohmann::json;

TEST(ReportJson, IsJsonWithEveryField) {
  const json parsed = json::parse(report_to_json(sample_report()));
  EXPECT_EQ(parsed["reporter"], "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  EXPECT_EQ(parsed["audit_partitions"], 16);
  EXPECT_EQ(parsed["clients"].size(), 2u);
  EXPECT_EQ(parsed["entries"][0]["count"], 1500);
  EXPECT_EQ(parsed["entries"][0]["bucket"], "normal");
  EXPECT_EQ(parsed["entries"][1]["latency"]["negative"], 2);
  EXPECT_EQ(parsed["entries"][1]["latency"]["cells"], json::parse("[[85983232, 88080383, 10]]"));
  EXPECT_EQ(parsed["coverage"][0]["seen"][1], json::parse("[1001, 1001]"));
  EXPECT_EQ(parsed["positions"][0]["committed"], -1);
  EXPECT_EQ(parsed["rates"][0]["topic"], "orders");
  EXPECT_EQ(parsed["dropped"]["topics"], 33);
}

TEST(ReportJson, StaysJsonWhateverTheNamesHold) {
  for (int first = 0; first < 256; ++first) {
    for (const char* rest : {"", "\"", "\\", "\x80", "\xbf\xbf", "\xa9"}) {
      Report report = sample_report();
      report.host = static_cast<char>(first) + std::string(rest);
      report.rates[0].topic = report.host + "\n";
      const std::string line = report_to_json(report);
      EXPECT_EQ(line.find('\n'), std::string::npos);
      const json parsed = json::parse(line);
      EXPECT_EQ(parsed["host"].get<std::string>(), to_utf8(report.host)) << first;
      EXPECT_EQ(parsed["rates"][0]["topic"].get<std::string>(), to_utf8(report.host) + "\n") << first;
    }
  }
}

}  // namespace
}  // namespace waybill::tally
