#include "base/percent.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

TEST(Percent, KeepsWhatIsUnreservedOnly) {
  EXPECT_EQ(percent_encode("orders.v1_a-b~"), "orders.v1_a-b~");
  EXPECT_EQ(percent_encode("a/b?c=d e%\xc3\xa9"), "a%2Fb%3Fc%3Dd%20e%25%C3%A9");
  EXPECT_EQ(percent_encode("aZ0 :%\xc3\xa4"), "aZ0%20%3A%25%C3%A4");
  EXPECT_EQ(percent_encode(std::string_view("\0\x7f\xff", 3)), "%00%7F%FF");
  EXPECT_EQ(percent_encode(""), "");
  int kept = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    kept += is_unreserved(c);
    EXPECT_EQ(percent_encode({&c, 1}).size(), is_unreserved(c) ? 1u : 3u) << byte;
  }
  EXPECT_EQ(kept, 26 + 26 + 10 + 4);
}

TEST(Percent, AppendsWithWhatTheCallerKeeps) {
  std::string out = "key:";
  append_percent_encoded(out, "a b*~", [](char c) { return is_unreserved(c) || c == '*'; });
  EXPECT_EQ(out, "key:a%20b*~");
  append_percent_encoded(out, "a:b", [](char c) { return c != ':'; });
  EXPECT_EQ(out, "key:a%20b*~a%3Ab");
}

}  // namespace
}  // namespace waybill
