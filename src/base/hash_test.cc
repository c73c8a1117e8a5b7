#include "base/hash.h"

#include <gtest/gtest.h>

namespace waybill {
namespace {

// Vectors of Kafka's own UtilsTest.testMurmur2 (Apache Kafka, clients/.../UtilsTest.java).
TEST(Murmur2, AgreesWithTheJavaClient) {
  EXPECT_EQ(static_cast<int32_t>(murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<int32_t>(murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<int32_t>(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), -58897971);
  EXPECT_EQ(static_cast<int32_t>(murmur2("abc")), 479470107);
}

TEST(AuditPartition, IsInRangeAndStable) {
  EXPECT_EQ(audit_partition("orders", 1).value, 0);
  for (int32_t count : {2, 16, 1000}) {
    EXPECT_GE(audit_partition("orders", count).value, 0);
    EXPECT_LT(audit_partition("orders", count).value, count);
    EXPECT_EQ(audit_partition("orders", count), audit_partition("orders", count));
  }
}

}  // namespace
}  // namespace waybill
