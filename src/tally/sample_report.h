#pragma once
// A small report in which every field has a value of its own. For the tests and the fuzz target of this
// folder.

#include "tally/report.h"

namespace waybill::tally {

inline Report sample_report() {
  Report report;
  for (uint8_t i = 0; i < 16; ++i) report.reporter.bytes[i] = static_cast<uint8_t>(0xa0 + i);
  report.number = ReportNumber(7);
  report.audit_partitions = 16;
  report.from_ms = 1'700'000'000'000;
  report.complete_up_to_ms = 1'700'000'001'000;
  report.closed = true;
  report.cluster_id = "4L6g3nShT-eMCtK--X86sw";
  report.data_center = "fra1";
  report.host = "shop-3";
  report.ip = "10.0.0.3";
  report.service = "checkout";
  report.pid = 4711;
  report.bucket_ms = 60'000;
  report.clients = {
      {1, "shop-producer", TierKind::kProduced, "", "shop-tx", kTransactional | kIdempotent,
       "librdkafka 2.0.2"},
      {2, "billing-1", TierKind::kConsumed, "billing", "billing-a", kReadUncommitted, "librdkafka 2.3.0"}};

  Bucket produced;
  produced.label = {BucketKind::kNormal, BucketStart(1'699'999'980'000)};
  produced.time_types = kCreateTime;
  produced.count = 1500;
  produced.bytes = 750'000;
  produced.unknown = 3;
  produced.offset_unknown = 2;
  produced.failed = {{-192, 4}, {10, 1}};
  for (int i = 0; i < 1500; ++i) produced.latency.add(i % 200);
  Bucket consumed;
  consumed.label = {BucketKind::kFar, BucketStart(0)};
  consumed.time_types = kCreateTime | kAppendTime;
  consumed.count = 12;
  consumed.bytes = 6'000;
  consumed.latency.add(-5, 2);
  consumed.latency.add(86'400'000, 10);
  report.entries = {{1, {TierKind::kProduced, ""}, "orders", produced},
                    {2, {TierKind::kConsumed, "billing"}, "payments", consumed}};

  CoverageChunk chunk;
  chunk.client = 2;
  chunk.tier = {TierKind::kConsumed, "billing"};
  chunk.topic = "payments";
  chunk.partition = PartitionId(3);
  chunk.label = {BucketKind::kUntimed, BucketStart(0)};
  chunk.session = 4;
  chunk.seen = {{Offset(0), Offset(1000)},
                {Offset(1001), Offset(1002)},
                {Offset(5'000'000'000), Offset(5'000'000'300)}};
  chunk.again = {{{Offset(10), Offset(20)}, 1},
                 {{Offset(20), Offset(21)}, 5},
                 {{Offset(5'000'000'000), Offset(5'000'000'001)}, 2}};
  report.coverage = {chunk};

  Position position;
  position.client = 2;
  position.topic = "payments";
  position.partition = PartitionId(3);
  position.session = 4;
  position.session_first = Offset(0);
  position.next = Offset(5'000'000'300);
  position.high = Offset(5'000'000'300);
  position.committed = Offset(-1);
  position.last_time_ms = 1'700'000'000'500;
  report.positions = {position};

  report.rates = {{1, {TierKind::kProduced, ""}, "orders", 1'699'999'980'000, 1500, 750'000}};
  report.dropped = {11, 22, 33};
  return report;
}

}  // namespace waybill::tally
