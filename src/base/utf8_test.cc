#include "base/utf8.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

TEST(Utf8, KeepsWellFormedTextOfEveryLength) {
  for (const char* text :
       {"", "orders", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa6 x", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(to_utf8(text), text);
  }
}

TEST(Utf8, ReplacesEachBadByteAndNothingElse) {
  const std::string bad = "\xef\xbf\xbd";
  struct Case {
    std::string text;
    std::string want;
  };
  const Case cases[] = {
      {"a\xff"
       "b",
       "a" + bad + "b"},                            // never a byte of UTF-8
      {"\x80", bad},                                // a continuation without a lead
      {"\xc0\xaf", bad + bad},                      // overlong
      {"\xe0\x80\x80", bad + bad + bad},            // overlong
      {"\xed\xa0\x80", bad + bad + bad},            // a surrogate
      {"\xf4\x90\x80\x80", bad + bad + bad + bad},  // above U+10FFFF
      {"ok\xe2\x82", "ok" + bad + bad},             // cut short
      {"\xe2\x82"
       "A",
       bad + bad + "A"},
      {std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(to_utf8(c.text), c.want);
    EXPECT_TRUE(is_utf8(to_utf8(c.text)));
    EXPECT_EQ(is_utf8(c.text), c.text == c.want);
  }
}

}  // namespace
}  // namespace waybill
