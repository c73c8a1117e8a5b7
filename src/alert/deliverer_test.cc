#include "alert/deliverer.h"

#include <gtest/gtest.h>

#include "alert/tables.h"
#include "testing/fake_clock.h"
#include "testing/memory_store.h"

namespace waybill::alert {
namespace {

using Outcome = Sent::Outcome;

/// Keeps what it is sent; answers as it is told.
class FakeNotifier final : public Notifier {
 public:
  struct World {
    std::vector<std::vector<std::string>> taken;  ///< "firing a", by request
    std::vector<std::string> refuses;             ///< a request with one of these ids is refused
    bool down = false;
  };
  explicit FakeNotifier(World& world) : world_(world) {}
  Sent send(std::span<const Notice> notices, Now) override {
    if (world_.down) return {Outcome::kRetry, "down"};
    std::vector<std::string> all;
    for (const Notice& n : notices) {
      for (const auto& bad : world_.refuses)
        if (n.id == bad) return {Outcome::kRefused, "answered 400"};
      all.push_back((n.resolved ? "resolved " : "firing ") + n.id);
    }
    world_.taken.push_back(std::move(all));
    return {};
  }

 private:
  World& world_;
};

class DelivererTest : public ::testing::Test {
 protected:
  DelivererTest() {
    EXPECT_TRUE(store_.ensure(alert_tables()).has_value());
    again();
  }
  void again() {
    deliverer_ =
        std::make_unique<Deliverer>(store_, clock_, "me", "ops", 600, std::make_unique<FakeNotifier>(world_),
                                    figures_, [](LogLevel, std::string_view) {});
    ASSERT_TRUE(deliverer_->take().has_value());
  }
  void queue(const std::string& id, bool resolved = false, const std::string& rule = "r") {
    Notice n{.id = id, .resolved = resolved, .rule = rule};
    flow::Changes changes;
    changes.rows.push_back({&queue_table(),
                            flow::RowChange::Op::kUpsert,
                            {std::string("ops"), ++sequence_},
                            {notice_text(n), clock_.now().wall_ms}});
    auto owned = store_.take("test", "me");
    flow::TaskCommit commit{.task = "test", .epoch = owned->epoch, .positions = {}, .changes = &changes};
    ASSERT_TRUE(store_.commit({&commit, 1}).has_value());
  }
  void run(int seconds = 0) {
    for (int i = 0; i <= seconds * 10; ++i) {
      while (deliverer_->step()) {
      }
      if (seconds > 0) clock_.advance(Millis(100));
    }
  }
  int64_t waiting() { return count_waiting(store_, "ops").value_or(-1); }

  testing::MemoryStore store_;
  testing::FakeClock clock_;
  FakeNotifier::World world_;
  DeliveryFigures figures_;
  std::unique_ptr<Deliverer> deliverer_;
  int64_t sequence_ = 0;
};

using Requests = std::vector<std::vector<std::string>>;

TEST_F(DelivererTest, NoticesOfARuleGoTogetherAndThoseOfAnAlertInTheirOrder) {
  queue("a");
  queue("b", false, "other");
  queue("c");
  queue("a", true);
  queue("a");
  run(3);
  EXPECT_EQ(world_.taken, (Requests{{"firing a", "firing c"}, {"firing b"}, {"resolved a"}, {"firing a"}}));
  EXPECT_EQ(waiting(), 0);
  EXPECT_EQ(figures_.delivered, 5);
}

TEST_F(DelivererTest, WaitsWhileTheReceiverIsDownAndSendsEachOnce) {
  world_.down = true;
  for (int i = 0; i < 120; ++i) queue("id-" + std::to_string(i));
  run(70);
  EXPECT_GT(figures_.failures, 4);
  EXPECT_LT(figures_.failures, 12);  // 1 s doubling to 30 s
  world_.down = false;
  run(40);
  EXPECT_EQ(world_.taken.size(), 3u);
  size_t all = 0;
  for (const auto& request : world_.taken) all += request.size();
  EXPECT_EQ(all, 120u);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(DelivererTest, WhatWasAnsweredIsNotSentAgainWhenErasingFails) {
  queue("a");
  store_.fail_commits({Errc::kUnavailable, "away"}, 3);
  run(20);
  EXPECT_EQ(world_.taken, (Requests{{"firing a"}}));
  EXPECT_EQ(waiting(), 0);
}

TEST_F(DelivererTest, ARefusedNoticeIsFoundGivenUpAndHoldsUpNoOther) {
  world_.refuses = {"bad"};
  queue("a");
  queue("bad");
  queue("c");
  run(120);
  EXPECT_EQ(world_.taken, (Requests{{"firing a"}, {"firing c"}}));
  EXPECT_EQ(figures_.dropped, 1);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(DelivererTest, AFencedDelivererSendsNothingMore) {
  ASSERT_TRUE(store_.take("alerts/deliver/ops", "another").has_value());
  queue("a");
  run();
  queue("b");
  run(5);
  EXPECT_LE(world_.taken.size(), 1u);  // it learns with its next commit
  again();
  run(5);
  EXPECT_EQ(waiting(), 0);
}

TEST_F(DelivererTest, TheRateIsBounded) {
  for (int i = 0; i < 200; ++i) queue("id", i % 2 == 1);
  run();
  EXPECT_EQ(world_.taken.size(), 20u);
  run(2);
  EXPECT_GE(world_.taken.size(), 35u);
  EXPECT_LE(world_.taken.size(), 45u);
}

}  // namespace
}  // namespace waybill::alert
