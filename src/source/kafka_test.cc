// The source and the range reader against librdkafka's mock cluster.

#include "source/kafka.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <set>

#include "source/handle.h"

namespace waybill::source {
namespace {

class TakeAll final : public flow::Assignments {
 public:
  std::vector<flow::SourcePartition> assigned(std::span<const flow::SourcePartition> partitions) override {
    owned += partitions.size();
    return {partitions.begin(), partitions.end()};
  }
  void revoked(std::span<const flow::SourcePartition> partitions, flow::RevokeReason) override {
    owned -= partitions.size();
    left.insert(partitions.begin(), partitions.end());
  }
  size_t owned = 0;
  std::set<flow::SourcePartition> left;
};

class KafkaTest : public ::testing::Test {
 protected:
  KafkaTest() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    client.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0));
    mock = rd_kafka_mock_cluster_new(client.get(), 1);
    rd_kafka_mock_topic_create(mock, "t", 3, 1);
    cluster = {"main", {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock)}}};
    rd_kafka_brokers_add(client.get(), rd_kafka_mock_cluster_bootstraps(mock));
  }
  ~KafkaTest() override { rd_kafka_mock_cluster_destroy(mock); }

  void produce(int32_t partition, int count) {
    for (int i = 0; i < count; ++i) {
      std::string value = "value " + std::to_string(i);
      rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(partition),
                        RD_KAFKA_V_KEY("k", 1), RD_KAFKA_V_VALUE(value.data(), value.size()),
                        RD_KAFKA_V_HEADER("h", "v", 1), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_END);
    }
    ASSERT_EQ(rd_kafka_flush(client.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  static flow::SourcePartition place(int32_t partition) { return {"main", "t", PartitionId(partition)}; }
  static OffsetRange range(int64_t begin, int64_t end) { return {Offset(begin), Offset(end)}; }

  ClientHandle client;
  rd_kafka_mock_cluster_t* mock = nullptr;
  KafkaCluster cluster;
};

TEST_F(KafkaTest, ARangeIsReadExactlyAndJudgedAsFarAsTheBrokerAnswered) {
  produce(1, 10);
  auto reader = make_kafka_range_reader(cluster, nullptr);
  ASSERT_TRUE(reader);
  auto read = [&](OffsetRange wanted, flow::ReadLimits limits = {}) {
    return (*reader)->read(place(1), wanted, flow::Isolation::kCommitted, limits);
  };
  auto inside = read(range(3, 7), {.values = true});
  ASSERT_TRUE(inside) << inside.error().message;
  ASSERT_EQ(inside->records.size(), 4u);
  EXPECT_EQ(inside->records[0].offset, Offset(3));
  EXPECT_EQ(inside->records[0].key, "k");
  EXPECT_EQ(inside->records[0].value, "value 3");
  EXPECT_EQ(inside->judged_to, Offset(7));
  auto beyond = read(range(8, 20));
  ASSERT_TRUE(beyond);
  EXPECT_EQ(beyond->records.size(), 2u);
  EXPECT_EQ(beyond->judged_to, Offset(10));
  EXPECT_EQ(beyond->bounds.end, Offset(10));
  EXPECT_TRUE(beyond->records[0].value.empty()) << "no payload unless asked for";
  auto limited = read(range(0, 10), {.messages_max = 2});
  ASSERT_TRUE(limited);
  EXPECT_EQ(limited->records.size(), 2u);
  EXPECT_EQ(limited->judged_to, Offset(2));
  auto after = read(range(15, 20));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->judged_to, Offset(15)) << "nothing beyond the end is judged";
}

TEST_F(KafkaTest, AQuestionToNobodyEndsInTime) {
  auto reader = make_kafka_range_reader({"main", {{"bootstrap.servers", "127.0.0.1:1"}}}, nullptr);
  ASSERT_TRUE(reader);
  auto answer = (*reader)->read(place(0), range(0, 1), flow::Isolation::kCommitted, {.timeout = Millis{300}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
  EXPECT_FALSE((*reader)->committed("g", "t", Millis{300}));
}

TEST_F(KafkaTest, ATopicThatExistsIsLeftAsItIs) {
  auto count = ensure_topic(cluster, {"t", 99, -1, {}}, Millis{10'000});
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 3);
}

/// librdkafka before 2.3.0 ends the process when such a member is destroyed. The mock cluster lets a first
/// member in after 3 s; its slow answers keep the member from the assignment then.
TEST_F(KafkaTest, AMemberThatNeverGotAnAssignmentCanBeClosed) {
  TakeAll listener;
  KafkaSourceOptions options{cluster, "joining", "first", {"t"}, {}, ""};
  auto source = make_kafka_source(options, listener, system_clock(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  const auto poll = [&](int64_t ms) {
    for (const int64_t end = system_clock().now().steady_ms + ms; system_clock().now().steady_ms < end;)
      ASSERT_TRUE((*source)->poll(Millis{50}));
  };
  poll(1'500);
  rd_kafka_mock_broker_set_rtt(mock, 1, 2'000);
  poll(4'500);
  EXPECT_EQ(listener.owned, 0u);
  (*source)->close();
}

TEST_F(KafkaTest, APausedPartitionThatIsGivenAwayAndComesBackIsRead) {
  TakeAll here, there;
  const auto join = [&](const char* member, TakeAll& listener) {
    return make_kafka_source({cluster, "g", member, {"t"}, {}, ""}, listener, system_clock(), nullptr);
  };
  auto first = join("first", here);
  ASSERT_TRUE(first);
  Result<std::unique_ptr<flow::Source>> second = fail(Errc::kNotFound, "not yet");
  std::set<flow::SourcePartition> read;
  const auto poll_until = [&](auto condition) {
    const int64_t end = system_clock().now().steady_ms + 30'000;
    while (!condition() && system_clock().now().steady_ms < end) {
      auto batch = (*first)->poll(Millis{20});
      ASSERT_TRUE(batch) << batch.error().message;
      if (!batch->records.empty()) read.insert(batch->from);
      if (second) {
        ASSERT_TRUE((*second)->poll(Millis{20}));
      }
    }
    ASSERT_TRUE(condition());
  };
  poll_until([&] { return here.owned == 3; });
  for (int32_t partition = 0; partition < 3; ++partition) (*first)->pause(place(partition));
  second = join("second", there);
  poll_until([&] { return there.owned > 0; });
  (*second)->close();
  second = fail(Errc::kNotFound, "left");
  poll_until([&] { return here.owned == 3; });
  for (int32_t partition = 0; partition < 3; ++partition) produce(partition, 5);
  poll_until([&] { return !here.left.empty() && read == here.left; });
  (*first)->close();
}

TEST_F(KafkaTest, EachTimeThatNoBrokerAnswersIsTold) {
  TakeAll listener;
  KafkaSourceOptions options{cluster, "g", "m", {"t"}, {}, ""};
  auto source = make_kafka_source(options, listener, system_clock(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  const auto becomes = [&](bool degraded) {
    const int64_t end = system_clock().now().steady_ms + 30'000;
    while ((*source)->health().degraded != degraded && system_clock().now().steady_ms < end)
      EXPECT_TRUE((*source)->poll(Millis{50}));
    return (*source)->health().degraded == degraded;
  };
  for (int round = 0; round < 2; ++round) {
    rd_kafka_mock_broker_set_down(mock, 1);
    EXPECT_TRUE(becomes(true)) << "round " << round;
    rd_kafka_mock_broker_set_up(mock, 1);
    EXPECT_TRUE(becomes(false)) << "round " << round << ": " << (*source)->health().detail;
  }
  (*source)->close();
}

TEST_F(KafkaTest, AnUnknownPropertyIsNamed) {
  TakeAll listener;
  KafkaSourceOptions options{{"main", {{"no.such.property", "1"}}}, "g", "m", {"t"}, {}, ""};
  auto source = make_kafka_source(options, listener, system_clock(), nullptr);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, Errc::kInvalid);
  EXPECT_NE(source.error().message.find("no.such.property"), std::string::npos);
}

/// The mock cluster answers every question about a time with "nothing", as an endpoint without a look-up
/// does.
TEST_F(KafkaTest, WithoutALookUpOfTimesNothingIsSkippedByBeginningAtTheEnd) {
  for (int32_t partition = 0; partition < 3; ++partition) produce(partition, 5);
  TakeAll listener;
  KafkaSourceOptions options{cluster, "g", "m", {"t"}, {StartAt::Kind::kTime, 1'545'753'600'000}, ""};
  auto source = make_kafka_source(options, listener, system_clock(), nullptr);
  ASSERT_TRUE(source);
  int64_t until_ms = system_clock().now().steady_ms + 20'000;
  auto said = [&] {
    return (*source)->health().detail.find("does not find offsets by time") != std::string::npos;
  };
  while (!said() && system_clock().now().steady_ms < until_ms) {
    auto batch = (*source)->poll(Millis{100});
    ASSERT_TRUE(batch) << batch.error().message;
    EXPECT_TRUE(batch->records.empty());
  }
  EXPECT_TRUE(said()) << (*source)->health().detail;
  EXPECT_TRUE((*source)->health().degraded);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE((*source)->poll(Millis{50})->records.empty());
  (*source)->close();
}

TEST_F(KafkaTest, TheSourceHandsOutEveryRecordAndTellsThatItCloses) {
  for (int32_t partition = 0; partition < 3; ++partition) produce(partition, 50);
  TakeAll listener;
  KafkaSourceOptions options{cluster, "g", "m", {"t"}, {}, ""};
  options.headers = true;
  auto source = make_kafka_source(options, listener, system_clock(), nullptr);
  ASSERT_TRUE(source);
  std::map<flow::SourcePartition, int64_t> next;
  int64_t total = 0;
  int64_t until_ms = system_clock().now().steady_ms + 30'000;
  while (total < 150 && system_clock().now().steady_ms < until_ms) {
    auto batch = (*source)->poll(Millis{100});
    ASSERT_TRUE(batch) << batch.error().message;
    for (const auto& record : batch->records) {
      EXPECT_EQ(record.offset.value, next[batch->from]++);
      ASSERT_EQ(record.headers.size(), 1u);
      EXPECT_EQ(record.headers[0].key, "h");
      EXPECT_EQ(record.headers[0].value, "v");
      EXPECT_EQ(record.key, "k");
      ++total;
    }
  }
  EXPECT_EQ(total, 150);
  EXPECT_EQ(listener.owned, 3u);
  ASSERT_TRUE((*source)->seek(place(2), Offset(40)));
  for (total = 0; total < 10 && system_clock().now().steady_ms < until_ms;) {
    auto batch = (*source)->poll(Millis{100});
    ASSERT_TRUE(batch);
    for (const auto& record : batch->records) EXPECT_EQ(record.offset.value, 40 + total++);
  }
  EXPECT_EQ(total, 10);
  (*source)->close();
  EXPECT_EQ(listener.owned, 0u);
}

/// Values that are one line come side by side; others come without, and all come in order.
TEST_F(KafkaTest, LinesStandInOnePiece) {
  std::vector<std::optional<std::string>> sent;
  for (int i = 0; i < 3000; ++i) {  // several blocks
    std::string text = "line " + std::to_string(i) + std::string(static_cast<size_t>(i % 700), 'x');
    if (i % 5 == 0) text += '\n';
    sent.emplace_back(std::move(text));
    if (i % 100 == 7) sent.emplace_back("two\nlines");
    if (i % 100 == 8) sent.emplace_back(std::nullopt);
    if (i % 100 == 9) sent.emplace_back("");
  }
  for (const auto& value : sent) {
    char* text = value ? const_cast<char*>(value->data()) : nullptr;
    const size_t size = value ? value->size() : 0;
    rd_kafka_producev(client.get(), RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY("key", 3),
                      RD_KAFKA_V_VALUE(text, size), RD_KAFKA_V_HEADER("h", "v", 1),
                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  }
  ASSERT_EQ(rd_kafka_flush(client.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  TakeAll listener;
  KafkaSourceOptions options{cluster, "lines", "m", {"t"}, {}, ""};
  options.headers = options.lines = options.whole = true;
  auto source = make_kafka_source(options, listener, system_clock(), nullptr);
  ASSERT_TRUE(source);
  size_t at = 0, in_one_piece = 0;
  const int64_t until_ms = system_clock().now().steady_ms + 30'000;
  while (at < sent.size() && system_clock().now().steady_ms < until_ms) {
    auto batch = (*source)->poll(Millis{100});
    ASSERT_TRUE(batch) << batch.error().message;
    std::string joined;
    for (const flow::Record& record : batch->records) {
      const auto& value = sent[at++];
      ASSERT_EQ(record.has_value, value.has_value());
      ASSERT_EQ(record.value, value.value_or(""));
      EXPECT_EQ(record.key, "key");
      ASSERT_EQ(record.headers.size(), 1u);
      EXPECT_EQ(record.headers[0].value, "v");
      const bool line = value && flow::is_one_line(*value);
      ASSERT_EQ(line, !batch->lines.empty());
      if (!line) continue;
      ++in_one_piece;
      EXPECT_EQ(record.value.data(), batch->lines.data() + joined.size());
      joined += *value;
      if (!value->ends_with('\n')) joined += '\n';
    }
    EXPECT_EQ(batch->lines, joined);
  }
  EXPECT_EQ(at, sent.size());
  EXPECT_EQ(in_one_piece, sent.size() - 60);
  (*source)->close();
}

}  // namespace
}  // namespace waybill::source
