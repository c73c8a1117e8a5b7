// What only stores on a server do: they are shared by processes, and connections break.
#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "store/store_test.h"
#include "testing/cutting_proxy.h"

namespace waybill::store {
namespace {

using flow::CommitResult;
using testing::CuttingProxy;

const flow::SourcePartition kPartition{"main", "reports", PartitionId(0)};

class ServerStoreTest : public ::testing::TestWithParam<Place> {
 protected:
  TestServer& server() { return test_servers().at(GetParam().name); }
  std::string url() { return GetParam().url(folder); }
  std::unique_ptr<flow::Store> open() { return open_at(url()); }
  std::unique_ptr<flow::Store> open_at(const std::string& at) {
    auto store = must_open(at);
    const flow::TableSpec* const tables[] = {&sample_table()};
    EXPECT_TRUE(store->ensure(tables));
    return store;
  }
  /// The URL with another address.
  std::string through(const CuttingProxy& proxy) {
    std::string at = url();
    const size_t host = at.find('@') + 1;
    return at.replace(host, at.find('/', host) - host, "127.0.0.1:" + std::to_string(proxy.port()));
  }
  uint16_t server_port() {
    const std::string at = url();
    return static_cast<uint16_t>(std::stoi(at.substr(at.find(':', at.find('@')) + 1)));
  }

  TempFolder folder;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ServerStoreTest);
INSTANTIATE_TEST_SUITE_P(Servers, ServerStoreTest, ::testing::ValuesIn(server_places()),
                         [](const auto& tested) { return tested.param.name; });

/// What the one row of sample_table() counts, 0 without one.
int64_t counted(flow::Store& store) {
  const auto rows = all_rows(store, sample_table());
  return rows.empty() ? 0 : std::get<int64_t>(rows.at(0).values.at(0));
}

/// Commits one row with the position that it moves to, whatever happens in between, as the runtime does.
class Counter {
 public:
  Counter(flow::Store& store, flow::TaskId task) : store_(store), task_(std::move(task)) {}
  /// Counts up to `end` and gives up after `deadline`.
  void run(int64_t end, std::chrono::steady_clock::time_point deadline) {
    while (std::chrono::steady_clock::now() < deadline) {
      if (!owned_ && !take()) continue;
      if (next_ == end) return;
      step();
    }
  }
  int64_t next() const { return next_; }
  int64_t failures() const { return failures_; }
  int64_t unknown() const { return unknown_; }

 private:
  bool take() {
    auto taken = store_.take(task_, "owner");
    if (!taken) {
      failed(taken.error());
      return false;
    }
    next_ = taken->positions.empty() ? 0 : taken->positions[0].second.value;
    owned_ = std::move(*taken);
    return true;
  }
  void step() {
    flow::Changes changes{
        .rows = {put("a", 1, {.count = 1, .letters = std::string(1, char('a' + next_ % 26))})},
        .segments = {{flow::SegmentChange::Op::kReplace, "n", std::to_string(next_ + 1)}}};
    const flow::TaskCommit one[] = {{task_, owned_->epoch, {{kPartition, Offset(next_ + 1)}}, &changes}};
    auto done = store_.commit(one);
    if (!done) return failed(done.error());
    ASSERT_EQ(done->at(0), CommitResult::kCommitted);
    ++next_;
  }
  void failed(const Error& error) {
    ++failures_;
    EXPECT_TRUE(error.code == Errc::kUnavailable || error.code == Errc::kUnknown) << error.message;
    if (error.code != Errc::kUnknown) return;
    ++unknown_;
    owned_.reset();
  }

  flow::Store& store_;
  flow::TaskId task_;
  std::optional<flow::Owned> owned_;
  int64_t next_ = 0;
  int64_t failures_ = 0;
  int64_t unknown_ = 0;
};

std::chrono::steady_clock::time_point in_seconds(int n) {
  return std::chrono::steady_clock::now() + std::chrono::seconds(n);
}

TEST_P(ServerStoreTest, IsOneStoreForAllWhoOpenItAtOnce) {
  const std::string at = url();
  std::vector<std::thread> threads;
  std::vector<std::string> ids(6);
  for (auto& id : ids) threads.emplace_back([&] { id = open_at(at)->id(); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(ids[0].size(), 32u);
}

TEST_P(ServerStoreTest, FencesAnOwnerInAnotherProcess) {
  auto one = open(), two = open();
  Owner stale(*one, "t", "one");
  ASSERT_TRUE(stale.commit_rows({put("a", 1, {.count = 1})}));
  Owner fresh(*two, "t", "two");
  EXPECT_EQ(fresh.owned.epoch, 2);
  EXPECT_EQ(*stale.commit_rows({put("a", 1, {.count = 10})}), CommitResult::kFenced);
  EXPECT_EQ(stale.owned.segments->read("n").error().code, Errc::kFenced);
  EXPECT_EQ(counted(*two), 1);
}

TEST_P(ServerStoreTest, HandsALeaseFromProcessToProcess) {
  auto one = open(), two = open();
  EXPECT_TRUE(one->lease("drain", "one", Millis(100), {.wall_ms = 1000})->held);
  EXPECT_EQ(two->lease("drain", "two", Millis(100), {.wall_ms = 1050})->holder, "one");
  auto taken = two->lease("drain", "two", Millis(100), {.wall_ms = 1101});
  EXPECT_TRUE(taken->held);
  EXPECT_EQ(taken->epoch, 2);
  EXPECT_FALSE(one->lease("drain", "one", Millis(100), {.wall_ms = 1150})->held);
}

/// The same rows in opposite orders, with sketches, rows that are made by all at once, and the outbox.
TEST_P(ServerStoreTest, MergesWhatProcessesWriteIntoTheSameRows) {
  constexpr int kRounds = 25, kKeys = 8, kWriters = 3;
  open();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      auto store = open();
      Owner task(*store, "t" + std::to_string(writer));
      for (int round = 0; round < kRounds; ++round) {
        flow::Rows rows;
        for (int i = 0; i < kKeys; ++i) {
          const int key = writer % 2 == 0 ? i : kKeys - 1 - i;
          rows.push_back(
              put("k" + std::to_string(key), round % 5,
                  {.count = 1, .letters = std::string(1, char('a' + (writer * kRounds + round) % 26))}));
        }
        auto done = task.commit({.rows = std::move(rows), .outbox = {{"sample", "k", ""}}});
        ASSERT_TRUE(done) << done.error().message;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  auto store = open();
  const auto all = all_rows(*store, sample_table(), 1000);
  ASSERT_EQ(all.size(), size_t{kKeys * 5});
  for (const auto& row : all) {
    EXPECT_EQ(std::get<int64_t>(row.values[0]), kWriters * kRounds / 5);
    EXPECT_EQ(std::get<std::string>(row.values[4]).size(), 15u) << "no sketch is overwritten";
  }
  const auto outbox = *store->outbox(0, 1000);
  ASSERT_EQ(outbox.size(), size_t{kWriters * kRounds});
  for (size_t i = 0; i < outbox.size(); ++i) EXPECT_EQ(outbox[i].sequence, static_cast<int64_t>(i) + 1);
}

TEST_P(ServerStoreTest, ReplacesConnectionsThatTheServerEndedWhileNobodyUsedThem) {
  auto store = open();
  Owner task(*store, "t");
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(task.commit_rows({put("a", 1, {.count = 1})}));
    EXPECT_EQ(counted(*store), i);
    EXPECT_GE(server().end_connections(), 2) << "one that writes, one that reads";
  }
}

TEST_P(ServerStoreTest, CountsExactlyWhileConnectionsAreEndedInTheMiddle) {
  auto store = open();
  Counter counter(*store, "t");
  std::atomic<bool> done = false;
  std::thread killer([&] {
    while (!done) {
      server().end_connections();
      std::this_thread::sleep_for(std::chrono::milliseconds(15));
    }
  });
  counter.run(300, in_seconds(60));
  done = true;
  killer.join();
  EXPECT_EQ(counter.next(), 300);
  EXPECT_EQ(counted(*store), 300);
  EXPECT_EQ(*Owner(*store, "t").owned.segments->read("n"), "300");
  EXPECT_GT(counter.failures(), 0) << "the faults did not hit";
}

TEST_P(ServerStoreTest, SaysUnknownWhenTheConnectionBreaksAtCommitAndTakingAgainTells) {
  CuttingProxy proxy(server_port());
  auto store = open_at(through(proxy));
  Counter counter(*store, "t");
  int64_t expected_unknown = 0;
  for (const auto cut : {CuttingProxy::Cut::kBeforeCommit, CuttingProxy::Cut::kAfterCommit}) {
    for (int i = 0; i < 3; ++i) {
      counter.run(counter.next() + 2, in_seconds(20));
      proxy.arm(cut);
      counter.run(counter.next() + 1, in_seconds(20));
      EXPECT_EQ(counter.unknown(), ++expected_unknown);
      EXPECT_EQ(counted(*store), counter.next());
    }
  }
  EXPECT_EQ(counter.next(), 18);
  EXPECT_EQ(proxy.cuts(CuttingProxy::Cut::kBeforeCommit), 3);
  EXPECT_EQ(proxy.cuts(CuttingProxy::Cut::kAfterCommit), 3);
}

TEST_P(ServerStoreTest, IsUnavailableWhileTheServerIsAwayAndComesBackByItself) {
  auto proxy = std::make_unique<CuttingProxy>(server_port());
  const uint16_t port = proxy->port();
  auto store = open_at(through(*proxy));
  Owner task(*store, "t");
  ASSERT_TRUE(task.commit_rows({put("a", 1, {.count = 1})}));
  proxy.reset();
  for (int i = 0; i < 3; ++i) {
    auto refused = task.commit_rows({put("a", 1, {.count = 100})});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kUnavailable) << refused.error().message;
    EXPECT_EQ(store->query({.table = &sample_table()}).error().code, Errc::kUnavailable);
  }
  proxy = std::make_unique<CuttingProxy>(server_port(), port);
  ASSERT_TRUE(task.commit_rows({put("a", 1, {.count = 1})}));
  EXPECT_EQ(counted(*store), 2);
}

TEST_P(ServerStoreTest, TakesATaskFromAProcessThatIsStoppedInsideItsTransaction) {
  auto store = open();
  Owner task(*store, "t", "one");
  auto made = GetParam().name == "postgresql" ? make_postgresql(url()) : make_mysql(url());
  ASSERT_TRUE(made);
  const Session stopped = (*made)->connect(Access::kWrite);
  (void)execute(*stopped, std::string((*made)->words().begin_write));
  (void)execute(*stopped, "UPDATE flow_task SET commits = commits + 1 WHERE id = 't'");
  const auto began = std::chrono::steady_clock::now();
  Owner next(*store, "t", "two");
  EXPECT_EQ(next.owned.epoch, 2);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(9));
  EXPECT_ANY_THROW((void)execute(*stopped, "COMMIT"));
}

TEST_P(ServerStoreTest, LeavesTheTablesOfAnotherProgramAlone) {
  const std::string at = url();
  auto made = GetParam().name == "postgresql" ? make_postgresql(at) : make_mysql(at);
  ASSERT_TRUE(made);
  (void)execute(*(*made)->connect(Access::kWrite), "CREATE TABLE users (id INT)");
  auto store = open_store({.url = at, .retention = {}}, nullptr);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kCorrupt);
  EXPECT_NE(store.error().message.find("users"), std::string::npos) << store.error().message;
}

TEST_P(ServerStoreTest, NeverShowsThePassword) {
  const std::string address = "127.0.0.1:" + std::to_string(server_port());
  const std::string scheme = url().substr(0, url().find(':'));
  for (const std::string& where : {address + "/nowhere", std::string("127.0.0.1:9/nowhere")}) {
    auto store = open_store({.url = scheme + "://nobody:s3cr3t@" + where, .retention = {}}, nullptr);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().message.find("s3cr3t"), std::string::npos) << store.error().message;
    EXPECT_NE(store.error().message.find("nobody@" + where), std::string::npos) << store.error().message;
  }
}

}  // namespace
}  // namespace waybill::store
