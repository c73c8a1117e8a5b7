#include "http/target.h"

#include <gtest/gtest.h>

namespace waybill::http {
namespace {

TEST(Target, PathAndQueryAreDecoded) {
  auto target = parse_target("/api/v1/topics/a%2Fb/x%20y?group=g%201&state=lost+late&flag&=v&group=g2");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->segments, (std::vector<std::string>{"api", "v1", "topics", "a/b", "x y"}));
  EXPECT_EQ(target->path, "/api/v1/topics/a/b/x y");
  EXPECT_EQ(target->query,
            (std::multimap<std::string, std::string>{
                {"group", "g 1"}, {"state", "lost late"}, {"flag", ""}, {"", "v"}, {"group", "g2"}}));
}

TEST(Target, PlusIsABlankInTheQueryOnly) {
  auto target = parse_target("/a+b?c+d=e+f");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->segments, std::vector<std::string>{"a+b"});
  EXPECT_EQ(target->query.begin()->first, "c d");
  EXPECT_EQ(target->query.begin()->second, "e f");
}

TEST(Target, RootHasOneEmptySegment) {
  for (const char* text : {"/", "/?", "/#there"}) {
    auto target = parse_target(text);
    ASSERT_TRUE(target.has_value()) << text;
    EXPECT_EQ(target->segments, std::vector<std::string>{""}) << text;
    EXPECT_TRUE(target->query.empty()) << text;
  }
}

TEST(Target, WhatIsNotPercentEncodedTextIsRefused) {
  for (std::string text : {"", "x", "*", "http://h/", "/%", "/%4", "/%zz", "/%00", "/\x7f", "/\xc3\xa4",
                           "/a b", "/?a=%", "/?%g0=1"}) {
    auto target = parse_target(text);
    ASSERT_FALSE(target.has_value()) << text;
    EXPECT_EQ(target.error().code, Errc::kInvalid) << text;
  }
}

TEST(Target, TheNumberOfParametersIsLimited) {
  std::string text = "/?";
  for (size_t i = 0; i < kQueryParamsMax; ++i) text += "a=1&";
  EXPECT_TRUE(parse_target(text).has_value());
  auto target = parse_target(text + "a=1");
  ASSERT_FALSE(target.has_value());
  EXPECT_EQ(target.error().code, Errc::kLimit);
}

}  // namespace
}  // namespace waybill::http
