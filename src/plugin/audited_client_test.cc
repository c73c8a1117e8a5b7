// The hooks' work on synthetic messages, with a librdkafka that is a handful of functions.

#include "plugin/audited_client.h"

#include <gtest/gtest.h>

#include <ctime>

#include "client/client_fakes.h"

namespace waybill::plugin {
namespace {

constexpr int64_t kDayMs = 24LL * 3600 * 1000;

int64_t wall_ms() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

/// What the fake librdkafka knows of a message, behind rd_kafka_message_t::_private.
struct Facts {
  int64_t time_ms = 0;
  rd_kafka_timestamp_type_t time_type = RD_KAFKA_TIMESTAMP_CREATE_TIME;
  rd_kafka_msg_status_t status = RD_KAFKA_MSG_STATUS_PERSISTED;
  int64_t latency_us = 5'000;
};

const Facts& facts_of(const rd_kafka_message_t* message) {
  return *static_cast<const Facts*>(message->_private);
}

RdkafkaApi fake_api() {
  RdkafkaApi api;
  api.rd_kafka_topic_name = [](const rd_kafka_topic_t* topic) {
    return reinterpret_cast<const char*>(topic);
  };
  api.rd_kafka_message_timestamp = [](const rd_kafka_message_t* message, rd_kafka_timestamp_type_t* type) {
    *type = facts_of(message).time_type;
    return facts_of(message).time_ms;
  };
  api.rd_kafka_message_status = [](const rd_kafka_message_t* message) { return facts_of(message).status; };
  api.rd_kafka_message_latency = [](const rd_kafka_message_t* message) {
    return facts_of(message).latency_us;
  };
  return api;
}

class AuditedClientTest : public testing::Test {
 protected:
  AuditedClient& start(tally::ClientInfo info) {
    tally_ = recorder_.add_client(std::move(info));
    client_ = std::make_unique<AuditedClient>(api_, Joined{tally_, nullptr}, "waybill-reports");
    return *client_;
  }
  rd_kafka_message_t message(int32_t partition, int64_t offset, Facts& facts, const char* topic = "orders") {
    rd_kafka_message_t out{};
    out.rkt = reinterpret_cast<rd_kafka_topic_t*>(const_cast<char*>(topic));
    out.partition = partition;
    out.offset = offset;
    out.len = 8;
    out.key_len = 2;
    out._private = &facts;
    return out;
  }
  /// The one bucket of `kind`.
  tally::Bucket bucket(const tally::Report& report, tally::TierKind kind) {
    for (const auto& entry : report.entries) {
      if (entry.tier.kind == kind) return entry.bucket;
    }
    ADD_FAILURE() << "no bucket";
    return {};
  }

  const RdkafkaApi api_ = fake_api();
  client::Recorder recorder_{60'000};
  client::ClientTally* tally_ = nullptr;
  std::unique_ptr<AuditedClient> client_;
  Facts now_{wall_ms()};
};

TEST_F(AuditedClientTest, believes_an_offset_only_when_the_message_is_persisted) {
  auto& client = start(client::producer_info());
  client.acknowledged(message(0, 5, now_));
  Facts not_persisted{wall_ms(), RD_KAFKA_TIMESTAMP_CREATE_TIME, RD_KAFKA_MSG_STATUS_NOT_PERSISTED};
  client.acknowledged(message(0, 6, not_persisted));
  client.acknowledged(message(0, -1001, now_));
  client.acknowledged(message(0, -1000, now_));
  auto report = drain_all(recorder_);
  ASSERT_EQ(report.coverage.size(), 1u);
  EXPECT_EQ(report.coverage[0].seen, (std::vector<OffsetRange>{{Offset(5), Offset(6)}}));
  auto produced = bucket(report, tally::TierKind::kProduced);
  EXPECT_EQ(produced.count, 4u);
  EXPECT_EQ(produced.bytes, 40u);
  EXPECT_EQ(produced.offset_unknown, 3u);
}

TEST_F(AuditedClientTest, believes_no_offset_of_a_client_without_acknowledgements) {
  auto info = client::producer_info();
  info.flags = tally::kAcksZero;
  auto& client = start(info);
  client.acknowledged(message(0, 5, now_));
  auto report = drain_all(recorder_);
  EXPECT_TRUE(report.coverage.empty());
  EXPECT_EQ(bucket(report, tally::TierKind::kProduced).offset_unknown, 1u);
}

TEST_F(AuditedClientTest, tells_a_failure_from_an_unknown_outcome) {
  auto& client = start(client::producer_info());
  Facts failed{wall_ms(), RD_KAFKA_TIMESTAMP_CREATE_TIME, RD_KAFKA_MSG_STATUS_NOT_PERSISTED};
  Facts maybe{wall_ms(), RD_KAFKA_TIMESTAMP_CREATE_TIME, RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED};
  auto first = message(0, -1001, failed);
  first.err = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
  auto second = message(0, 17, maybe);  // whatever stands there is no offset
  second.err = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
  client.acknowledged(first);
  client.acknowledged(second);
  auto report = drain_all(recorder_);
  auto produced = bucket(report, tally::TierKind::kProduced);
  EXPECT_EQ(produced.failed, (std::map<int32_t, uint64_t>{{-192, 1}}));
  EXPECT_EQ(produced.unknown, 1u);
  EXPECT_EQ(produced.count, 0u);
  EXPECT_TRUE(report.coverage.empty());
}

TEST_F(AuditedClientTest, touches_nothing_but_the_error_of_a_message_without_a_topic) {
  auto& client = start(client::producer_info());
  client.sent(message(-1, -1001, now_));
  rd_kafka_message_t application{};  // its _private is the application's, not ours to read
  application._private = reinterpret_cast<void*>(0x1);
  application.err = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
  client.acknowledged(application);
  auto report = drain_all(recorder_);
  EXPECT_EQ(bucket(report, tally::TierKind::kProduced).failed, (std::map<int32_t, uint64_t>{{-190, 1}}));
  EXPECT_EQ(report.entries.at(0).topic, "orders");
}

TEST_F(AuditedClientTest, counts_a_message_without_topic_and_without_a_send_as_dropped) {
  auto& client = start(client::producer_info());
  client.acknowledged(rd_kafka_message_t{});
  EXPECT_EQ(drain_all(recorder_).dropped.messages, 1u);
}

TEST_F(AuditedClientTest, does_not_believe_a_broker_time_that_lies_a_day_before_the_send) {
  client::Message message{Offset(0), 1'234, tally::kAppendTime, 1};
  int64_t now = 1'700'000'000'000;
  auto fixed = trusted_time(message, now, 50);
  EXPECT_EQ(fixed.time_ms, now - 50);
  EXPECT_EQ(fixed.time_type, tally::kCreateTime);
  message.time_ms = now - 50 - kDayMs;
  EXPECT_EQ(trusted_time(message, now, 50).time_ms, message.time_ms) << "a day is still believed";
  EXPECT_EQ(trusted_time(message, now, 50).time_type, tally::kAppendTime);
  message.time_type = tally::kCreateTime;
  message.time_ms = 1'483'228'800'000;
  EXPECT_EQ(trusted_time(message, now, 50).time_ms, message.time_ms) << "a backfill of 2017 is right";
  message.time_ms = -1;
  EXPECT_EQ(trusted_time(message, now, 50).time_ms, -1);
}

TEST_F(AuditedClientTest, counts_hand_outs_and_skips_errors) {
  auto& client = start(client::consumer_info());
  client.consumed(message(1, 7, now_));
  auto broken = message(1, 8, now_);
  broken.err = RD_KAFKA_RESP_ERR__PARTITION_EOF;
  client.consumed(broken);
  Facts untimed{-1, RD_KAFKA_TIMESTAMP_NOT_AVAILABLE};
  client.consumed(message(1, 9, untimed));
  auto report = drain_all(recorder_);
  ASSERT_EQ(report.entries.size(), 2u);
  EXPECT_EQ(report.entries[0].bucket.count, 1u);
  EXPECT_EQ(report.entries[1].bucket.label.kind, tally::BucketKind::kUntimed);
  ASSERT_EQ(report.positions.size(), 1u);
  EXPECT_EQ(report.positions[0].next, Offset(10));
}

TEST_F(AuditedClientTest, records_committed_positions_that_were_accepted) {
  auto& client = start(client::consumer_info());
  char topic[] = "orders";
  rd_kafka_topic_partition_t elements[3] = {};
  for (int i = 0; i < 3; ++i)
    elements[i].topic = topic, elements[i].partition = i, elements[i].offset = 10 + i;
  elements[1].err = RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
  elements[2].offset = -1001;
  client.committed(rd_kafka_topic_partition_list_t{3, 3, elements});
  auto report = drain_all(recorder_);
  ASSERT_EQ(report.positions.size(), 1u);
  EXPECT_EQ(report.positions[0].partition, PartitionId(0));
  EXPECT_EQ(report.positions[0].committed, Offset(10));
}

TEST_F(AuditedClientTest, takes_every_join_and_every_long_heartbeat_for_a_rebalance) {
  auto& client = start(client::consumer_info());
  client.answered(11, 100);
  EXPECT_EQ(tally_->session(), 2u);
  client.answered(12, 6);  // a classic heartbeat
  client.answered(1, 4000);
  EXPECT_EQ(tally_->session(), 2u);
  client.answered(68, 80);  // the first: with an assignment
  EXPECT_EQ(tally_->session(), 3u);
  client.answered(68, 20);
  EXPECT_EQ(tally_->session(), 4u);
  for (int i = 0; i < 10; ++i) client.answered(68, 20);
  EXPECT_EQ(tally_->session(), 4u) << "nothing changed";
  client.answered(68, 60);
  EXPECT_EQ(tally_->session(), 5u) << "another assignment";
  client.answered(68, 20);
  EXPECT_EQ(tally_->session(), 5u);
}

TEST_F(AuditedClientTest, never_audits_the_audit_topic) {
  auto& client = start(client::consumer_info());
  client.consumed(message(0, 1, now_, "waybill-reports"));
  client.sent(message(0, 1, now_, "waybill-reports"));
  client.acknowledged(message(0, 1, now_, "waybill-reports"));
  char topic[] = "waybill-reports";
  rd_kafka_topic_partition_t element{};
  element.topic = topic;
  element.offset = 5;
  client.committed(rd_kafka_topic_partition_list_t{1, 1, &element});
  auto report = drain_all(recorder_);
  EXPECT_EQ(report, tally::Report{});
}

TEST_F(AuditedClientTest, compares_names_when_a_topic_handle_is_used_again) {
  auto& client = start(client::producer_info());
  char reused[16] = "first";
  client.acknowledged(message(0, 1, now_, reused));
  std::string("second").copy(reused, 7);
  reused[6] = '\0';
  client.acknowledged(message(0, 2, now_, reused));
  auto report = drain_all(recorder_);
  ASSERT_EQ(report.coverage.size(), 2u);
  EXPECT_EQ(report.coverage[0].topic, "first");
  EXPECT_EQ(report.coverage[1].topic, "second");
}

}  // namespace
}  // namespace waybill::plugin
