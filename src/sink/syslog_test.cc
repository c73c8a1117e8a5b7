#include "sink/syslog.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace waybill::sink {
namespace {

TEST(Syslog, WritesRfc5424AndEscapesWhatControls) {
  ForwardRecord record;
  record.sequence = 7;
  record.watch = "a b\xc3\xa9";
  record.time_ms = 1'700'000'000'042;
  record.severity = 2;
  record.value = "x\n\x7f\x1b\xff\xc3\xa9";
  EXPECT_EQ(syslog_message(record, "ho st", "12"),
            "<130>1 2023-11-14T22:13:20.042Z ho_st waybill 12 a_b__ [meta sequenceId=\"7\"] "
            "x#012#177#033\xef\xbf\xbd\xc3\xa9");
  record.time_ms = -1;
  record.sequence = 2'147'483'648;
  EXPECT_EQ(syslog_message(record, "", "").substr(0, 73),
            "<130>1 1969-12-31T23:59:59.999Z - waybill - a_b__ [meta sequenceId=\"1\"] x");
}

TEST(Syslog, CutsBetweenCharacters) {
  for (size_t lead = 0; lead < 4; ++lead) {
    ForwardRecord record;
    record.value = std::string(lead, 'x');
    for (size_t i = 0; i < kSyslogBytesMax; ++i) record.value += "\xf0\x9f\x9a\x82";
    const std::string message = syslog_message(record, "h", "1");
    EXPECT_LE(message.size(), kSyslogBytesMax);
    EXPECT_GT(message.size(), kSyslogBytesMax - 4);
    EXPECT_TRUE(is_utf8(message));
  }
}

TEST(Syslog, TellsAddressesFromOthers) {
  auto six = parse_syslog_url("tcp://[::1]:601");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->port, "601");
  EXPECT_EQ(six->transport, SyslogAddress::Transport::kTcp);
  EXPECT_TRUE(parse_syslog_url("udp://log.example.org:514"));
  for (const char* wrong : {"", "udp://", "udp://h", "udp://h:", "udp://h:0", "udp://h:65536", "udp://:514",
                            "http://h:514", "udp://::1:514", "tcp://u@h:1", "tcp://h:1/x"}) {
    EXPECT_FALSE(parse_syslog_url(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace waybill::sink
