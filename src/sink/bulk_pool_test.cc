#include "sink/bulk_pool.h"

#include <gtest/gtest.h>

#include <set>

#include "http/server.h"

namespace waybill::sink {
namespace {

constexpr std::chrono::seconds kLong{20};

/// Answers a body only when it is let go.
class HeldServer {
 public:
  HeldServer() {
    auto answer = [this](const http::Request& request) {
      std::unique_lock lock(mutex_);
      bodies_.push_back(request.body);
      changed_.notify_all();
      changed_.wait(lock, [this] { return allowed_ > 0; });
      --allowed_;
      return http::Response{.body = "to " + request.body};
    };
    server_ = std::move(*http::Server::open({.port = 0, .threads = 4},
                                            {{"POST", "/_bulk", http::Role::kAnyone, answer}}, nullptr));
  }
  ~HeldServer() { let_go(100); }

  search::Server place() const {
    search::Server place;
    place.urls = {"http://127.0.0.1:" + std::to_string(server_->port())};
    return place;
  }
  void let_go(int count) {
    const std::lock_guard lock(mutex_);
    allowed_ += count;
    changed_.notify_all();
  }
  /// The bodies that have come, once there are so many.
  std::multiset<std::string> bodies(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLong, [&] { return bodies_.size() >= count; }));
    return {bodies_.begin(), bodies_.end()};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> bodies_;
  int allowed_ = 0;
  std::unique_ptr<http::Server> server_;  ///< last: its threads use all of the above
};

class BulkPoolTest : public ::testing::Test {
 protected:
  static size_t send(BulkPool& pool, const std::string& body) {
    const auto slot = pool.free_slot();
    EXPECT_TRUE(slot);
    pool.send(*slot, "/_bulk", body);
    return *slot;
  }
  static std::optional<SentBulk> take(BulkPool& pool) {
    return pool.take(std::chrono::steady_clock::now() + kLong);
  }
  static std::string answer(BulkPool& pool, size_t slot) {
    auto sent = take(pool);
    EXPECT_TRUE(sent && sent->reply) << (sent ? sent->reply.error().message : "nothing came");
    EXPECT_EQ(sent->slot, slot);
    return sent->reply->body;
  }

  HeldServer server;
};

TEST_F(BulkPoolTest, EachConnectionHasOneBodyAndTheOthersWaitForOne) {
  BulkPool pool(server.place(), 2, 3);
  const std::set<size_t> first{send(pool, "a"), send(pool, "b")};
  server.bodies(2);
  const size_t third = send(pool, "c");
  EXPECT_EQ(pool.free_slot(), std::nullopt);
  server.let_go(1);
  auto sent = take(pool);
  ASSERT_TRUE(sent && sent->reply);
  EXPECT_TRUE(first.contains(sent->slot));
  EXPECT_TRUE(pool.free_slot());
  EXPECT_EQ(server.bodies(3), (std::multiset<std::string>{"a", "b", "c"}));
  server.let_go(2);
  std::set<std::string> answers{sent->reply->body};
  std::set<size_t> slots{sent->slot};
  for (int i = 0; i < 2; ++i) {
    sent = take(pool);
    ASSERT_TRUE(sent && sent->reply);
    answers.insert(sent->reply->body);
    slots.insert(sent->slot);
  }
  EXPECT_EQ(answers, (std::set<std::string>{"to a", "to b", "to c"}));
  EXPECT_TRUE(slots.contains(third));
  EXPECT_EQ(slots.size(), 3u);
  EXPECT_FALSE(pool.any_under_way());
  EXPECT_FALSE(take(pool)) << "and without waiting";
}

TEST_F(BulkPoolTest, BodiesGoOutInTheirOrderAndASlotIsUsedAgain) {
  BulkPool pool(server.place(), 1, 2);
  server.let_go(4);
  for (const char* body : {"a", "b", "c", "d"})
    EXPECT_EQ(answer(pool, send(pool, body)), std::string("to ") + body);
  EXPECT_EQ(server.bodies(4), (std::multiset<std::string>{"a", "b", "c", "d"}));
}

TEST_F(BulkPoolTest, WhatNoConnectionHasBegunCanBeWithdrawn) {
  BulkPool pool(server.place(), 1, 3);
  const size_t begun = send(pool, "a");
  server.bodies(1);
  const std::vector<size_t> waiting{send(pool, "b"), send(pool, "c")};
  EXPECT_EQ(pool.withdraw(), waiting);
  server.let_go(1);
  EXPECT_EQ(answer(pool, begun), "to a");
  EXPECT_FALSE(pool.any_under_way());
  server.let_go(1);
  EXPECT_EQ(answer(pool, send(pool, "d")), "to d");
  EXPECT_EQ(server.bodies(2), (std::multiset<std::string>{"a", "d"}));
}

TEST_F(BulkPoolTest, NothingIsAwaitedBeyondItsTime) {
  BulkPool pool(server.place(), 1, 1);
  const size_t slot = send(pool, "a");
  server.bodies(1);
  EXPECT_FALSE(pool.take(std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
  EXPECT_TRUE(pool.any_under_way());
  server.let_go(1);
  EXPECT_EQ(answer(pool, slot), "to a");
}

TEST_F(BulkPoolTest, AnInterruptEndsWhatIsUnderWayAndWhatComesLater) {
  BulkPool pool(server.place(), 1, 2);
  send(pool, "a");
  server.bodies(1);
  pool.interrupt();
  for (const char* later : {"b", "c"}) {
    auto sent = take(pool);
    ASSERT_TRUE(sent && !sent->reply);
    EXPECT_EQ(sent->reply.error().code, Errc::kUnavailable);
    send(pool, later);
  }
}

}  // namespace
}  // namespace waybill::sink
