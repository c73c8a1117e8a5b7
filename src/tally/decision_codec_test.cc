// Our bytes against those of the code that protoc generates, and what is refused.

#include <gtest/gtest.h>

#include "tally/decision.h"
#include "waybill/v1/report.pb.h"

namespace waybill::tally {
namespace {

using Values = std::vector<uint64_t>;

OffsetRange r(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

Decision sample() {
  Decision d;
  for (size_t i = 0; i < d.id.bytes.size(); ++i) d.id.bytes[i] = static_cast<uint8_t>(0xa0 + i);
  d.kind = DecisionKind::kReplayEnd;
  d.decided_ms = 1'700'000'000'000;
  d.by = "operator at 10.0.0.3";
  d.reason = "offsets were reset on purpose";
  d.cluster = "main";
  d.topic = "orders";
  d.group = "billing";
  d.audit_partitions = 16;
  d.incarnation = 2;
  d.partitions = {{PartitionId(0), {r(5, 8), r(100, 101)}, PartitionId(0), {}},
                  {PartitionId(3), {}, PartitionId(7), {{r(10, 12), Offset(900)}, {r(12, 13), Offset(950)}}}};
  d.to_topic = "orders-again";
  return d;
}

template <class Repeated>
Values values(const Repeated& field) {
  return {field.begin(), field.end()};
}

TEST(Decision, AGeneratedReaderSeesIt) {
  v1::Decision m;
  ASSERT_TRUE(m.ParseFromString(encode_decision(sample())));
  EXPECT_EQ(m.version(), 1u);
  EXPECT_EQ(m.id(), "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf");
  EXPECT_EQ(m.kind(), v1::REPLAY_END);
  EXPECT_EQ(m.decided_ms(), 1'700'000'000'000);
  EXPECT_EQ(m.by(), "operator at 10.0.0.3");
  EXPECT_EQ(m.reason(), "offsets were reset on purpose");
  EXPECT_EQ(m.cluster(), "main");
  EXPECT_EQ(m.topic(), "orders");
  EXPECT_EQ(m.group(), "billing");
  EXPECT_EQ(m.audit_partitions(), 16u);
  EXPECT_EQ(m.incarnation(), 2u);
  EXPECT_EQ(m.to_topic(), "orders-again");
  EXPECT_FALSE(m.again());
  ASSERT_EQ(m.partitions_size(), 2);
  EXPECT_EQ(values(m.partitions(0).ranges()), (Values{5, 3, 92, 1}));
  EXPECT_EQ(m.partitions(1).partition(), 3u);
  EXPECT_EQ(m.partitions(1).to_partition(), 7u);
  EXPECT_EQ(values(m.partitions(1).moved()), (Values{10, 2, 900, 0, 1, 950}));
}

TEST(Decision, WhatAGeneratedWriterWritesIsRead) {
  v1::Decision m;
  ASSERT_TRUE(m.ParseFromString(encode_decision(sample())));
  const auto decision = decode_decision(m.SerializeAsString());
  ASSERT_TRUE(decision) << decision.error().message;
  EXPECT_EQ(*decision, sample());
  EXPECT_EQ(encode_decision(*decision), encode_decision(sample()));
  EXPECT_EQ(decision->messages(), 4);
}

TEST(Decision, IsToldFromAReportByItsFirstBytes) {
  v1::Report report;
  report.set_version(1);
  EXPECT_FALSE(is_decision(report.SerializeAsString()));
  EXPECT_TRUE(is_decision(encode_decision(sample())));
  EXPECT_FALSE(is_decision(""));
}

TEST(Decision, EveryCutIsAnErrorOrAShorterDecisionAndNeverACrash) {
  const std::string bytes = encode_decision(sample());
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto cut = decode_decision(std::string_view(bytes).substr(0, n));
    EXPECT_TRUE(!cut || check_decision(*cut)) << n;
  }
}

TEST(Decision, WhatContradictsItselfIsRefused) {
  const std::vector<std::pair<const char*, void (*)(Decision&)>> faults = {
      {"no id", [](Decision& d) { d.id = {}; }},
      {"no topic", [](Decision& d) { d.topic.clear(); }},
      {"no group", [](Decision& d) { d.group.clear(); }},
      {"no target", [](Decision& d) { d.to_topic.clear(); }},
      {"a long reason", [](Decision& d) { d.reason.assign(kDecisionTextMax + 1, 'x'); }},
      {"an accept that moves", [](Decision& d) { d.kind = DecisionKind::kAccept, d.to_topic.clear(); }},
      {"ranges out of order",
       [](Decision& d) {
         d.partitions[0].ranges = {r(8, 9), r(1, 2)};
       }},
      {"a partition without ranges", [](Decision& d) { d.partitions[0].ranges.clear(); }},
      {"an empty range", [](Decision& d) { d.partitions[0].ranges = {r(8, 8)}; }},
      {"a moved range twice",
       [](Decision& d) { d.partitions[1].moved.push_back(d.partitions[1].moved.back()); }},
  };
  for (const auto& [name, spoil] : faults) {
    Decision d = sample();
    spoil(d);
    EXPECT_FALSE(check_decision(d)) << name;
  }
  v1::Decision m;
  ASSERT_TRUE(m.ParseFromString(encode_decision(sample())));
  m.set_version(2);
  EXPECT_EQ(decode_decision(m.SerializeAsString()).error().code, Errc::kUnsupported);
  m.set_version(1);
  m.mutable_partitions(0)->set_ranges(1, UINT64_MAX);
  EXPECT_EQ(decode_decision(m.SerializeAsString()).error().code, Errc::kCorrupt);
  EXPECT_EQ(decode_decision(std::string(kDecisionBytesMax + 1, '\xa8')).error().code, Errc::kLimit);
}

}  // namespace
}  // namespace waybill::tally
