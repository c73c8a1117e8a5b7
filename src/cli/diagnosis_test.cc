#include "cli/diagnosis.h"

#include <gtest/gtest.h>

namespace waybill::cli {
namespace {

using Level = Symptom::Level;

TEST(Diagnosis, AdviceIsIndentedBelowItsLine) {
  EXPECT_EQ(symptom_text({Level::kFine, "brokers", {}}), "ok    brokers\n");
  EXPECT_EQ(symptom_text({Level::kFail, "rights", "one\ntwo\n"}), "fail  rights\n        one\n        two\n");
}

TEST(Diagnosis, ReadsAClientsProperties) {
  auto read = parse_client_properties("# c\r\n a = 1 \r\nb=x=y\n\na=2");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, (Properties{{"b", "x=y"}, {"a", "2"}}));
  EXPECT_EQ(property(*read, "a"), "2");
  EXPECT_EQ(property(*read, "c"), std::nullopt);
}

TEST(Diagnosis, NamesTheLineThatIsNoProperty) {
  for (std::string_view text : {"a=1\n\nnothing", "a=1\n\n=nothing"}) {
    auto read = parse_client_properties(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_NE(read.error().message.find("line 3"), std::string::npos);
  }
}

TEST(Diagnosis, TellsWhoTheClientIs) {
  EXPECT_EQ(principal_of({}), "User:ANONYMOUS");
  EXPECT_EQ(principal_of({{"security.protocol", "SASL_SSL"}, {"sasl.username", "shop"}}), "User:shop");
  EXPECT_EQ(principal_of({{"security.protocol", "ssl"}}), "User:<the subject of the client's certificate>");
}

TEST(Diagnosis, TheAclLineCanBePasted) {
  Properties shop{
      {"bootstrap.servers", "a:1,b:2"}, {"security.protocol", "sasl_plaintext"}, {"sasl.username", "o'shop"}};
  EXPECT_EQ(
      acl_line(shop, {"Write", "topic", "waybill-reports"}),
      "kafka-acls --bootstrap-server 'a:1,b:2' --add --allow-principal 'User:o'\\''shop' --operation Write "
      "--topic 'waybill-reports'");
}

TEST(Diagnosis, BrokersThatWereNotReachedGetAdviceByTheReason) {
  constexpr int kDebian12 = 0x020002ff, kMended = 0x020601ff;
  constexpr const char* kRefused = "timed out (sasl_ssl://b:9093: SASL authentication error: invalid)";
  const Properties scram{{"sasl.mechanism", "SCRAM-SHA-512"}};
  const Properties plain{{"sasl.mechanisms", "PLAIN"}};
  EXPECT_NE(reach_advice(scram, kRefused, kDebian12).find("Kafka 4.0 or newer"), std::string::npos);
  EXPECT_EQ(reach_advice(scram, kRefused, kMended),
            "Check sasl.mechanism, sasl.username and sasl.password.");
  EXPECT_EQ(reach_advice(plain, kRefused, kDebian12), reach_advice(scram, kRefused, kMended));
  EXPECT_NE(reach_advice(plain, "broker certificate could not be verified", kMended).find("ssl.ca.location"),
            std::string::npos);
  EXPECT_NE(reach_advice(scram, "Connection refused", kDebian12).find("firewall"), std::string::npos);
}

TEST(Diagnosis, SettingsThatLoseReportsFail) {
  Properties good{{"cleanup.policy", "delete"},
                  {"retention.ms", "604800000"},
                  {"max.message.bytes", "1048588"},
                  {"message.timestamp.type", "LogAppendTime"}};
  EXPECT_TRUE(judge_audit_topic("t", good).empty());
  EXPECT_TRUE(judge_audit_topic("t", {}).empty());
  EXPECT_TRUE(judge_audit_topic("t", {{"retention.ms", "-1"}}).empty());
  struct Case {
    const char *name, *value;
    Level level;
  };
  for (const Case& c :
       {Case{"cleanup.policy", "compact,delete", Level::kFail}, Case{"retention.ms", "3600000", Level::kWarn},
        Case{"max.message.bytes", "1000", Level::kFail},
        Case{"message.timestamp.type", "CreateTime", Level::kWarn}}) {
    auto found = judge_audit_topic("t", {{c.name, c.value}});
    ASSERT_EQ(found.size(), 1u) << c.name;
    EXPECT_EQ(found[0].level, c.level) << c.name;
    EXPECT_NE(found[0].advice.find(c.name), std::string::npos);
  }
}

TEST(Diagnosis, AClockIsJudgedBeyondWhatIsUncertain) {
  EXPECT_EQ(judge_clock(1'999, 0).level, Level::kFine);
  EXPECT_EQ(judge_clock(-2'500, 600).level, Level::kFine);
  EXPECT_EQ(judge_clock(-2'700, 600).level, Level::kWarn);
  EXPECT_EQ(judge_clock(3'600'000, 0).level, Level::kFail);
  EXPECT_NE(judge_clock(-2'700, 600).what.find("2700 ms behind"), std::string::npos);
}

}  // namespace
}  // namespace waybill::cli
