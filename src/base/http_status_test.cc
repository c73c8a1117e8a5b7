#include "base/http_status.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

TEST(HttpStatus, SaysWhetherTryingAgainMayHelp) {
  EXPECT_EQ(errc_of_http(400), Errc::kInvalid);
  EXPECT_EQ(errc_of_http(401), Errc::kDenied);
  EXPECT_EQ(errc_of_http(403), Errc::kDenied);
  EXPECT_EQ(errc_of_http(404), Errc::kNotFound);
  EXPECT_EQ(errc_of_http(409), Errc::kConflict);
  EXPECT_EQ(errc_of_http(413), Errc::kLimit);
  for (long status : {0L, 301L, 408L, 422L, 429L, 500L, 502L, 503L})
    EXPECT_EQ(errc_of_http(status), Errc::kUnavailable) << status;
}

}  // namespace
}  // namespace waybill
