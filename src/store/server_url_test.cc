#include "store/server_url.h"

#include <gtest/gtest.h>

#include <fstream>

#include "store/store_test.h"

namespace waybill::store {
namespace {

Result<ServerUrl> parse(const std::string& text) { return parse_server_url(text, 5432, {"schema"}); }

TEST(ServerUrl, TakesEveryPartApart) {
  auto url = parse("postgresql://u%40ser:p%3Aw%2F%27%20x@db.example:6000/way%20bill?schema=s");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->user, "u@ser");
  EXPECT_EQ(*url->password(), "p:w/' x");
  EXPECT_EQ(url->host, "db.example");
  EXPECT_EQ(url->port, 6000);
  EXPECT_EQ(url->database, "way bill");
  EXPECT_EQ(url->option("schema"), "s");
  EXPECT_EQ(url->place(), "postgresql://u@ser@db.example:6000/way bill");
}

TEST(ServerUrl, HasADefaultPortAndTakesIpv6) {
  EXPECT_EQ(parse("postgresql://u@h/d")->port, 5432);
  auto url = parse("postgresql://u@[::1]:7/d");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 7);
  EXPECT_EQ(url->place(), "postgresql://u@[::1]:7/d");
}

TEST(ServerUrl, SaysWhatIsWrongButNeverThePassword) {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"postgresql:u:s3cr3t@h/d", "://"},
           {"postgresql://u:s3cr3t@h", "database is missing"},
           {"postgresql://u:s3cr3t@h/", "database is missing"},
           {"postgresql://h/d", "user is missing"},
           {"postgresql://u:s3cr3t@/d", "host is missing"},
           {"postgresql://u:s3cr3t@h:0/d", "port"},
           {"postgresql://u:s3cr3t@h:70000/d", "port"},
           {"postgresql://u:s3cr3t/x@h/d", "port"},
           {"postgresql://u:s3cr3t@[::1/d", "without"},
           {"postgresql://u:s3cr3t%@h/d", "%25"},
           {"postgresql://u:s3cr3t%00@h/d", "%25"},
           {"postgresql://u:s3cr3t@h/d?schem=x", "known are password_file, schema"},
           {"postgresql://u:s3cr3t@h/d?schema", "schema"},
           {"postgresql://u:s3cr3t@h/d?password_file=/x", "both"}}) {
    auto url = parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_NE(url.error().message.find(part), std::string::npos) << text << ": " << url.error().message;
    EXPECT_EQ(url.error().message.find("s3cr3t"), std::string::npos) << url.error().message;
  }
}

TEST(ServerUrl, ReadsThePasswordAnewFromItsFile) {
  TempFolder folder;
  const std::string path = folder.path("secret");
  auto url = parse("postgresql://u@h/d?password_file=" + path);
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_NE(url->password().error().message.find(path), std::string::npos);
  std::ofstream(path) << "one\n";
  EXPECT_EQ(*url->password(), "one");
  std::ofstream(path) << "two\r\nrest";
  EXPECT_EQ(*url->password(), "two");
}

TEST(ServerUrl, QuotesForConnectStrings) {
  EXPECT_EQ(connect_parameter("password", "a'b\\c d"), "password='a\\'b\\\\c d' ");
}

}  // namespace
}  // namespace waybill::store
