#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/time.h"
#include "client/waybill.h"
#include "client/waybill.hpp"
#include "tally/report_codec.h"

namespace waybill {
namespace {

waybill_config_t good_config() {
  waybill_config_t config{};
  config.size = sizeof(config);
  config.cluster_id = "c1";
  config.audit_partitions = 3;
  config.service = "svc";
  config.report_interval_ms = 1;
  return config;
}

/// Polls until closed; the reports in order of delivery.
std::vector<tally::Report> drain(waybill_t* w) {
  std::vector<tally::Report> out;
  waybill_close(w);
  for (int i = 0; i < 1000 && !waybill_closed(w); ++i) {
    waybill_report_t report;
    while (waybill_poll_report(w, &report)) {
      auto decoded = tally::decode_report({static_cast<const char*>(report.bytes), report.length});
      EXPECT_TRUE(decoded) << decoded.error().message;
      out.push_back(*decoded);
      waybill_report_done(w, report.partition, 1);
    }
  }
  EXPECT_EQ(waybill_closed(w), 1);
  return out;
}

TEST(CApi, refuses_a_configuration_that_cannot_be_used) {
  char reason[128];
  for (auto spoil :
       {+[](waybill_config_t& c) { c.size = 4; }, +[](waybill_config_t& c) { c.cluster_id = nullptr; },
        +[](waybill_config_t& c) { c.audit_partitions = 0; }, +[](waybill_config_t& c) { c.bucket_ms = -1; },
        +[](waybill_config_t& c) { c.report_interval_ms = 2001; }}) {
    auto config = good_config();
    spoil(config);
    reason[0] = '\0';
    EXPECT_EQ(waybill_new(&config, reason, sizeof(reason)), nullptr);
    EXPECT_GT(std::strlen(reason), 10u);
  }
  EXPECT_EQ(waybill_new(nullptr, nullptr, 0), nullptr);
}

TEST(CApi, reports_what_each_kind_of_client_counts) {
  auto config = good_config();
  waybill_t* w = waybill_new(&config, nullptr, 0);
  ASSERT_TRUE(w);
  int64_t now = system_clock().now().wall_ms;
  waybill_client_t* producer = waybill_client_new(w, WAYBILL_PRODUCED, "p", nullptr);
  waybill_client_t* reader = waybill_client_new(w, WAYBILL_CONSUMED, "c", "group");
  waybill_client_t* filter = waybill_client_new(w, WAYBILL_CUSTOM, "f", "filtered");
  waybill_topic_t* out = waybill_topic(producer, "orders");
  EXPECT_EQ(waybill_topic(producer, "orders"), out);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(waybill_sent(out, now, 10), 1);
  EXPECT_EQ(waybill_produced(out, 0, 7, now, 10, 2), 1);
  EXPECT_EQ(waybill_produced(out, 0, -1, now, 10, 2), 1);
  EXPECT_EQ(waybill_failed(out, 3, now), 1);
  EXPECT_EQ(waybill_unknown(out, now), 1);
  EXPECT_EQ(waybill_consumed(waybill_topic(reader, "orders"), 0, 7, now, 10), 1);
  EXPECT_EQ(waybill_committed(waybill_topic(reader, "orders"), 0, 8), 1);
  EXPECT_EQ(waybill_consumed(waybill_topic(filter, "orders"), 0, 7, now, 10), 1);
  waybill_client_close(producer);

  uint64_t sent = 0;
  tally::Bucket produced;
  std::map<std::string, uint64_t> tiers;
  bool closed = false;
  for (const auto& report : drain(w)) {
    closed = report.closed;
    for (const auto& entry : report.entries) {
      if (entry.tier.kind == tally::TierKind::kSent) sent += entry.bucket.count;
      if (entry.tier.kind == tally::TierKind::kProduced) {
        produced.label = entry.bucket.label;
        produced.merge(entry.bucket);
      }
      if (!entry.tier.name.empty()) tiers[entry.tier.name] += entry.bucket.count;
    }
  }
  EXPECT_TRUE(closed);
  EXPECT_EQ(sent, 5u);
  EXPECT_EQ(produced.count, 2u);
  EXPECT_EQ(produced.offset_unknown, 1u);
  EXPECT_EQ(produced.failed_total(), 1u);
  EXPECT_EQ(produced.unknown, 2u) << "one was said to be, one has no outcome";
  EXPECT_EQ(tiers, (std::map<std::string, uint64_t>{{"filtered", 1}, {"group", 1}}));
  waybill_free(w);
}

TEST(CApi, takes_null_and_nonsense_without_harm) {
  auto config = good_config();
  waybill_t* w = waybill_new(&config, nullptr, 0);
  EXPECT_EQ(waybill_client_new(w, WAYBILL_CUSTOM, "x", nullptr), nullptr);
  EXPECT_EQ(waybill_client_new(w, 9, "x", "y"), nullptr);
  EXPECT_EQ(waybill_topic(nullptr, "t"), nullptr);
  waybill_client_t* client = waybill_client_new(w, WAYBILL_CONSUMED, nullptr, nullptr);
  ASSERT_TRUE(client);
  EXPECT_EQ(waybill_topic(client, ""), nullptr);
  EXPECT_EQ(waybill_consumed(waybill_topic(client, "t"), -1, 0, 0, 0), 0);
  EXPECT_EQ(waybill_consumed(waybill_topic(client, "t"), 0, -5, 0, 0), 0);
  EXPECT_EQ(waybill_sent(nullptr, 0, 0), 0);
  waybill_report_done(w, 99, 1);
  waybill_free(w);
  waybill_free(nullptr);
}

TEST(CApi, offers_the_same_bytes_again_after_a_failed_delivery) {
  auto config = good_config();
  capi::Auditor auditor(config);
  capi::Client client = auditor.client(WAYBILL_CONSUMED, "c", "g");
  ASSERT_TRUE(client.topic("t").consumed(1, 5, system_clock().now().wall_ms, 3));
  std::vector<std::string> tries;
  for (int i = 0; i < 10'000'000 && tries.size() < 3; ++i) {
    auditor.poll([&tries](int32_t, std::string_view bytes) {
      tries.emplace_back(bytes);
      return false;
    });
  }
  ASSERT_EQ(tries.size(), 3u);
  EXPECT_EQ(tries[1], tries[0]);
  EXPECT_EQ(tries[2], tries[0]);
}

}  // namespace
}  // namespace waybill
