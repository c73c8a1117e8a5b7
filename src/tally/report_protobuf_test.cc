// Our bytes, read and written by the code that protoc generates from report.proto.

#include <gtest/gtest.h>

#include "tally/report_codec.h"
#include "tally/sample_report.h"
#include "waybill/v1/report.pb.h"

namespace waybill::tally {
namespace {

template <class Repeated>
std::vector<uint64_t> values(const Repeated& field) {
  return {field.begin(), field.end()};
}
using Values = std::vector<uint64_t>;

v1::Report generated_reader(const std::string& bytes) {
  v1::Report message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

TEST(ReportProto, AGeneratedReaderSeesTheHeader) {
  const v1::Report m = generated_reader(encode_report(sample_report()));
  EXPECT_EQ(m.version(), 1u);
  EXPECT_EQ(m.reporter(), "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf");
  EXPECT_EQ(m.number(), 7u);
  EXPECT_EQ(m.from_ms(), 1'700'000'000'000);
  EXPECT_EQ(m.complete_up_to_ms(), 1'700'000'001'000);
  EXPECT_TRUE(m.closed());
  EXPECT_EQ(m.cluster_id(), "4L6g3nShT-eMCtK--X86sw");
  EXPECT_EQ(m.data_center(), "fra1");
  EXPECT_EQ(m.host(), "shop-3");
  EXPECT_EQ(m.ip(), "10.0.0.3");
  EXPECT_EQ(m.service(), "checkout");
  EXPECT_EQ(m.pid(), 4711u);
  EXPECT_EQ(m.bucket_ms(), 60'000u);
  EXPECT_EQ(m.audit_partitions(), 16u);
  ASSERT_EQ(m.topics_size(), 2);
  EXPECT_EQ(m.topics(0), "orders");
  EXPECT_EQ(m.topics(1), "payments");
  EXPECT_EQ(m.dropped().messages(), 11u);
  EXPECT_EQ(m.dropped().coverage(), 22u);
  EXPECT_EQ(m.dropped().topics(), 33u);
  ASSERT_EQ(m.clients_size(), 2);
  EXPECT_EQ(m.clients(0).ref(), 1u);
  EXPECT_EQ(m.clients(0).client_id(), "shop-producer");
  EXPECT_EQ(m.clients(0).kind(), v1::PRODUCED);
  EXPECT_EQ(m.clients(0).group(), "");
  EXPECT_EQ(m.clients(0).instance(), "shop-tx");
  EXPECT_EQ(m.clients(0).flags(), 9u);
  EXPECT_EQ(m.clients(0).library(), "librdkafka 2.0.2");
  EXPECT_EQ(m.clients(1).kind(), v1::CONSUMED);
  EXPECT_EQ(m.clients(1).group(), "billing");
  EXPECT_EQ(m.clients(1).flags(), 16u);
}

TEST(ReportProto, AGeneratedReaderSeesEntriesAndLatencies) {
  const v1::Report m = generated_reader(encode_report(sample_report()));
  ASSERT_EQ(m.entries_size(), 2);
  const v1::Entry& produced = m.entries(0);
  EXPECT_EQ(produced.client(), 1u);
  EXPECT_EQ(produced.tier(), v1::PRODUCED);
  EXPECT_EQ(produced.tier_name(), "");
  EXPECT_EQ(produced.topic(), 0u);
  EXPECT_EQ(produced.bucket(), v1::NORMAL);
  EXPECT_EQ(produced.start_ms(), 1'699'999'980'000);
  EXPECT_EQ(produced.time_types(), 1u);
  EXPECT_EQ(produced.count(), 1500u);
  EXPECT_EQ(produced.bytes(), 750'000u);
  EXPECT_EQ(produced.unknown(), 3u);
  EXPECT_EQ(produced.offset_unknown(), 2u);
  ASSERT_EQ(produced.failed_size(), 2);
  EXPECT_EQ(produced.failed(0).code(), -192);
  EXPECT_EQ(produced.failed(0).count(), 4u);
  EXPECT_EQ(produced.failed(1).code(), 10);
  EXPECT_EQ(produced.failed(1).count(), 1u);

  const v1::Entry& consumed = m.entries(1);
  EXPECT_EQ(consumed.tier(), v1::CONSUMED);
  EXPECT_EQ(consumed.tier_name(), "billing");
  EXPECT_EQ(consumed.topic(), 1u);
  EXPECT_EQ(consumed.bucket(), v1::FAR);
  EXPECT_EQ(consumed.time_types(), 3u);
  v1::Latency latency;
  ASSERT_TRUE(latency.ParseFromString(consumed.latency()));
  EXPECT_EQ(latency.count(), 10u);
  EXPECT_EQ(latency.negative(), 2u);
  EXPECT_EQ(latency.sum(), 864'000'000u);
  EXPECT_EQ(latency.min(), 86'400'000u);
  EXPECT_EQ(latency.max(), 86'400'000u);
  // 86,400,000 lies in [2^26, 2^27): k = 20, cells 2^21 wide, j = (86,400,000 - 2^26) / 2^21 = 9.
  EXPECT_EQ(values(latency.cells()), (Values{64 + 32 * 20 + 9, 10}));
}

TEST(ReportProto, AGeneratedReaderSeesCoveragePositionsAndRates) {
  const v1::Report m = generated_reader(encode_report(sample_report()));
  ASSERT_EQ(m.coverage_size(), 1);
  const v1::Coverage& chunk = m.coverage(0);
  EXPECT_EQ(chunk.client(), 2u);
  EXPECT_EQ(chunk.tier(), v1::CONSUMED);
  EXPECT_EQ(chunk.tier_name(), "billing");
  EXPECT_EQ(chunk.topic(), 1u);
  EXPECT_EQ(chunk.partition(), 3u);
  EXPECT_EQ(chunk.bucket(), v1::UNTIMED);
  EXPECT_EQ(chunk.start_ms(), 0);
  EXPECT_EQ(chunk.session(), 4u);
  EXPECT_EQ(values(chunk.seen()), (Values{0, 1000, 1, 1, 4'999'998'998, 300}));
  EXPECT_EQ(values(chunk.again()), (Values{10, 10, 1, 0, 1, 5, 4'999'999'979, 1, 2}));

  ASSERT_EQ(m.positions_size(), 1);
  const v1::Position& position = m.positions(0);
  EXPECT_EQ(position.client(), 2u);
  EXPECT_EQ(position.topic(), 1u);
  EXPECT_EQ(position.partition(), 3u);
  EXPECT_EQ(position.session(), 4u);
  EXPECT_EQ(position.session_first(), 1u);
  EXPECT_EQ(position.next(), 5'000'000'301u);
  EXPECT_EQ(position.high(), 5'000'000'301u);
  EXPECT_EQ(position.committed(), 0u);
  EXPECT_EQ(position.last_time_ms(), 1'700'000'000'500);

  ASSERT_EQ(m.rates_size(), 1);
  EXPECT_EQ(m.rates(0).client(), 1u);
  EXPECT_EQ(m.rates(0).tier(), v1::PRODUCED);
  EXPECT_EQ(m.rates(0).tier_name(), "");
  EXPECT_EQ(m.rates(0).topic(), 0u);
  EXPECT_EQ(m.rates(0).minute_ms(), 1'699'999'980'000);
  EXPECT_EQ(m.rates(0).count(), 1500u);
  EXPECT_EQ(m.rates(0).bytes(), 750'000u);
}

TEST(ReportProto, OurBytesHoldNothingThatTheGeneratedWriterWouldNotWrite) {
  const std::string bytes = encode_report(sample_report());
  const v1::Report m = generated_reader(bytes);
  EXPECT_TRUE(m.GetReflection()->GetUnknownFields(m).empty());
  EXPECT_EQ(m.ByteSizeLong(), bytes.size());
}

TEST(ReportProto, WeReadWhatAGeneratedWriterWrote) {
  // The generated writer orders topics before clients and all else by field number: other bytes, the same
  // report.
  const v1::Report m = generated_reader(encode_report(sample_report()));
  const auto back = decode_report(m.SerializeAsString());
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, sample_report());

  v1::Report own;
  own.set_version(1);
  own.set_reporter(std::string(16, 'r'));
  own.set_number(UINT64_MAX);
  own.set_from_ms(-5);
  own.set_bucket_ms(1000);
  own.add_topics("a");
  own.add_topics("b");
  own.add_clients()->set_kind(v1::CUSTOM);
  v1::Coverage* chunk = own.add_coverage();
  chunk->set_tier(v1::CUSTOM);
  chunk->set_tier_name("gate");
  chunk->set_topic(1);
  chunk->set_start_ms(-2000);
  for (const uint64_t value : {uint64_t{7}, uint64_t{2}, uint64_t{1}, uint64_t{1}}) chunk->add_seen(value);
  v1::Entry* entry = own.add_entries();
  entry->set_tier(v1::STORED);
  v1::Failed* failed = entry->add_failed();
  failed->set_code(INT32_MIN);
  failed->set_count(1);
  v1::Latency latency;
  latency.set_count(2);
  latency.set_sum(130);
  latency.set_min(65);
  latency.set_max(65);
  latency.add_cells(64);
  latency.add_cells(2);
  entry->set_latency(latency.SerializeAsString());
  const auto read = decode_report(own.SerializeAsString());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->number, ReportNumber(UINT64_MAX));
  EXPECT_EQ(read->from_ms, -5);
  EXPECT_EQ(read->clients.at(0).kind, TierKind::kCustom);
  const CoverageChunk& got = read->coverage.at(0);
  EXPECT_EQ(got.topic, "b");
  EXPECT_EQ(got.tier, (Tier{TierKind::kCustom, "gate"}));
  EXPECT_EQ(got.label.start, BucketStart(-2000));
  EXPECT_EQ(got.seen, (std::vector<OffsetRange>{{Offset(7), Offset(9)}, {Offset(10), Offset(11)}}));
  EXPECT_EQ(read->entries.at(0).bucket.failed, (std::map<int32_t, uint64_t>{{INT32_MIN, 1}}));
  LatencySketch want;
  want.add(65, 2);
  EXPECT_EQ(read->entries.at(0).bucket.latency, want);
}

}  // namespace
}  // namespace waybill::tally
