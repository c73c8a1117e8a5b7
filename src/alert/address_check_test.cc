#include "alert/address_check.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace waybill::alert {
namespace {

std::string refused(const std::string& text, bool allow_private) {
  uint8_t bytes[16];
  const bool v6 = text.find(':') != std::string::npos;
  EXPECT_EQ(inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes), 1) << text;
  return std::string(refused_address({bytes, v6 ? size_t{16} : size_t{4}}, allow_private));
}

TEST(RefusedAddress, PublicOnesAreAllowed) {
  for (const char* text : {"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.128.0.1", "192.169.0.1",
                           "2001:4860:4860::8888", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"}) {
    EXPECT_EQ(refused(text, false), "") << text;
    EXPECT_EQ(refused(text, true), "") << text;
  }
}

TEST(RefusedAddress, PrivateOnesNeedPermission) {
  for (const char* text : {"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255",
                           "192.168.1.1", "100.64.0.1", "198.19.0.1", "::1", "fd12::1", "fc00::1",
                           "::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1", "2002:a00:1::1"}) {
    EXPECT_NE(refused(text, false), "") << text;
    EXPECT_EQ(refused(text, true), "") << text;
  }
}

TEST(RefusedAddress, SomeAreNeverAllowed) {
  for (const char* text :
       {"0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "fe80::1", "ff02::1",
        "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"}) {
    EXPECT_NE(refused(text, true), "") << text;
    EXPECT_NE(refused(text, false), "") << text;
  }
  EXPECT_NE(refused_address({}, true), "");
}

}  // namespace
}  // namespace waybill::alert
