#include "base/json_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

namespace waybill {
namespace {

TEST(JsonText, ObjectsNest) {
  std::string out;
  {
    JsonObject outer(out);
    outer.number("n", int64_t{-7});
    outer.text("t\n", "a\"\xFF");
    { const JsonObject empty(outer.key("empty")); }
    JsonObject inner(outer.key("inner"));
    inner.flag("yes", true);
    inner.null("none");
  }
  EXPECT_EQ(
      out,
      "{\"n\":-7,\"t\\u000a\":\"a\\\"\xEF\xBF\xBD\",\"empty\":{},\"inner\":{\"yes\":true,\"none\":null}}");
}

TEST(JsonText, NumbersReadBack) {
  const auto text = [](auto value) {
    std::string out;
    append_json_number(out, value);
    return out;
  };
  EXPECT_EQ(text(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(text(25.0), "25.0");
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(1e300), "1e+300");
  EXPECT_EQ(text(-0.0), "-0.0");
  EXPECT_EQ(text(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(text(std::numeric_limits<double>::quiet_NaN()), "null");
  for (const double value : {1.0 / 3, 123456789.123456789, 5e-324})
    EXPECT_EQ(std::strtod(text(value).c_str(), nullptr), value);
}

}  // namespace
}  // namespace waybill
