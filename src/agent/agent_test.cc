#include "agent/agent.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "flow/source_dedup.h"
#include "testing/agent_fakes.h"
#include "testing/fake_clock.h"

namespace waybill::agent {
namespace {

using flow::Outcome;
using testing::FakeFeed;
using testing::FakeProducer;

/// Keeps what was saved; refuses when told to.
class MemoryState final : public StateStore {
 public:
  Result<void> save(const std::vector<flow::FollowedFile>& files) override {
    if (full) return fail(Errc::kLimit, "state: writing: No space left on device");
    stored = files;
    return {};
  }
  uint64_t next(uint64_t file) const {
    for (const flow::FollowedFile& known : stored)
      if (known.id == file) return known.next;
    return 0;
  }
  std::vector<flow::FollowedFile> stored;
  bool full = false;
};

class AgentTest : public ::testing::Test {
 protected:
  void start(AgentOptions options = {}) {
    agent_ = std::make_unique<Agent>(
        std::move(options), feed_, producer_, state_, nullptr, clock_,
        [this](LogLevel, std::string_view text) { log_ += std::string(text) + "\n"; });
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) {
      clock_.advance(Millis(1'000));
      ASSERT_TRUE(agent_->step(Millis(0)));
    }
  }

  testing::FakeClock clock_;
  FakeFeed feed_;
  FakeProducer producer_;
  MemoryState state_;
  std::unique_ptr<Agent> agent_;
  std::string log_;
};

TEST_F(AgentTest, APositionIsGivenUpOnlyWhenEverythingBeforeItIsAcknowledged) {
  feed_.append(7, {"a", "b", "c"});
  start();
  steps(2);
  ASSERT_EQ(producer_.sent.size(), 3u);
  EXPECT_EQ(state_.next(7), 0u);
  producer_.deliver(1);
  producer_.deliver(2);
  steps(2);
  EXPECT_EQ(state_.next(7), 0u) << "the first one has no outcome";
  producer_.deliver(0);
  steps(2);
  EXPECT_EQ(state_.next(7), 6u);
  EXPECT_EQ(agent_->figures().delivered, 3u);
}

TEST_F(AgentTest, RecordsCarryKeyHeadersAndTheirPlace) {
  feed_.append(0xabc, {R"({"orderId":"o1","x":1})", R"({"x":1})", "no json"});
  start({.key = "orderId", .headers = {{"business", "pc"}, {"host", "h1"}}});
  steps(2);
  ASSERT_EQ(producer_.sent.size(), 3u);
  EXPECT_EQ(producer_.sent[0].key, "o1");
  EXPECT_FALSE(producer_.sent[1].key);
  EXPECT_FALSE(producer_.sent[2].key);
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(producer_.sent[1].headers,
            (Headers{{"business", "pc"}, {"host", "h1"}, {"waybill-src", "0000000000000abc:23"}}));
  EXPECT_EQ(agent_->figures().unkeyed, 2u);
}

TEST_F(AgentTest, AFullProducerHoldsTheFilesBackAndNothingIsDropped) {
  producer_.room = 2;
  feed_.append(7, {"a", "b", "c", "d", "e"});
  start();
  steps(5);
  EXPECT_EQ(producer_.sent.size(), 2u);
  for (size_t i = 0; i < 5; ++i) {
    producer_.deliver(i);
    steps(1);
  }
  ASSERT_EQ(producer_.sent.size(), 5u);
  EXPECT_EQ(producer_.sent[4].value, "e");
  steps(2);
  EXPECT_EQ(state_.next(7), 10u);
}

TEST_F(AgentTest, NothingOfANewFileIsSentWhileItsIdCannotBeStored) {
  state_.full = true;
  feed_.append(7, {"a"});
  start();
  steps(5);
  EXPECT_EQ(producer_.sent.size(), 0u);
  EXPECT_NE(log_.find("No space left"), std::string::npos);
  EXPECT_GT(agent_->figures().saves_failed, 0u);
  state_.full = false;
  steps(3);
  EXPECT_EQ(producer_.sent.size(), 1u);
  state_.full = true;
  feed_.append(7, {"b"});
  steps(2);
  EXPECT_EQ(producer_.sent.size(), 2u) << "a known file goes on";
}

TEST_F(AgentTest, WhatNoBrokerTakesIsCountedAndPassedAFailureIsNot) {
  feed_.append(7, {"a", "b", "c"});
  start();
  steps(2);
  producer_.finish(0, Outcome::Kind::kRefused);
  producer_.deliver(1);
  steps(2);
  EXPECT_EQ(state_.next(7), 4u);
  EXPECT_EQ(agent_->figures().refused, 1u);
  EXPECT_NE(log_.find("too large"), std::string::npos);
  producer_.finish(2, Outcome::Kind::kFailed);
  EXPECT_FALSE(agent_->step(Millis(0)));
  EXPECT_EQ(state_.next(7), 4u);
}

TEST_F(AgentTest, DrainWaitsForOutcomesAndSaves) {
  feed_.append(7, {"a", "b"});
  start();
  steps(1);
  producer_.deliver(0);
  producer_.deliver(1);
  EXPECT_TRUE(agent_->drain(Millis(1'000)));
  EXPECT_EQ(state_.next(7), 4u);
}

TEST_F(AgentTest, WhateverDiesEveryLineArrivesAndRepeatsAreKnown) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random(seed);
    FakeFeed feed;
    MemoryState state;
    std::vector<FakeProducer::Record> log;  // what the broker has, one partition
    std::map<uint64_t, std::vector<std::string>> written;
    for (int life = 0; life < 12; ++life) {
      FakeProducer producer;
      producer.room = 1 + random() % 20;
      feed.restart(state.stored);
      Agent agent({}, feed, producer, state, nullptr, clock_, [](LogLevel, std::string_view) {});
      size_t in_log = 0;
      const bool last = life == 11;
      for (int step = 0; step < (last ? 400 : 30); ++step) {
        clock_.advance(Millis(random() % 700));
        const uint64_t file = 1 + random() % 3;
        if (!last && random() % 3 == 0) {
          written[file].push_back("line " + std::to_string(written[file].size()));
          feed.append(file, {written[file].back()});
        }
        state.full = !last && random() % 5 == 0;
        ASSERT_TRUE(agent.step(Millis(0)));
        while (in_log < producer.sent.size() &&
               (last || random() % 4 != 0)) {  // in order, as a broker writes
          log.push_back(producer.sent[in_log]);
          if (last || random() % 3 != 0) producer.deliver(in_log);
          ++in_log;
        }
      }
    }  // killed: nothing is drained
    flow::SourceDedup dedup;
    std::map<uint64_t, std::vector<std::string>> counted;
    for (const FakeProducer::Record& record : log) {
      const flow::Header header{flow::kSourceHeader, record.headers.back().second};
      if (dedup.look(PartitionId(0), {&header, 1}) != flow::SourceDedup::Verdict::kNew) continue;
      counted[flow::parse_source_mark(header.value)->file].push_back(record.value);
    }
    ASSERT_EQ(counted, written) << "seed " << seed;
  }
}

TEST(StateFileText, IsReadBackAndAnythingElseIsRefused) {
  flow::FollowedFile file{.id = 0xfeed,
                          .path = "/var/log/a b%\n\xe4.log",
                          .device = 1,
                          .inode = 2,
                          .prefix_bytes = 1024,
                          .prefix_hash = ~0ull,
                          .next = 77,
                          .finished = true,
                          .seen_ms = -5};
  const std::string text = write_state({file, file});
  auto read = read_state(text);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ(write_state(*read), text);
  EXPECT_EQ(read->at(1).path, file.path);
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(read_state(text.substr(0, size))) << size;
  EXPECT_FALSE(read_state(text + "x\n"));
  EXPECT_EQ(read_state("waybill-agent 9\nend 0\n").error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace waybill::agent
