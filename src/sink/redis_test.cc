#include <gtest/gtest.h>

#include "sink/redis_sink.h"
#include "sink/redis_url.h"
#include "sink/row_outbox.h"
#include "testing/memory_store.h"

namespace waybill::sink {
namespace {

TEST(RedisUrl, TellsAddressesFromOthers) {
  struct Case {
    const char* url;
    const char* host;
    int port;
    const char* socket;
    int database;
  };
  for (const Case& c :
       {Case{"redis://127.0.0.1", "127.0.0.1", 6379, "", 0},
        Case{"redis://cache.example.org:6380/2", "cache.example.org", 6380, "", 2},
        Case{"redis://[::1]:6380/", "::1", 6380, "", 0}, Case{"redis://[::1]", "::1", 6379, "", 0},
        Case{"redis+unix:///run/redis.sock", "", 6379, "/run/redis.sock", 0},
        Case{"redis+unix:///run/redis.sock?db=7", "", 6379, "/run/redis.sock", 7}}) {
    auto address = parse_redis_url(c.url);
    ASSERT_TRUE(address) << c.url;
    EXPECT_EQ(address->host, c.host) << c.url;
    EXPECT_EQ(address->port, c.port) << c.url;
    EXPECT_EQ(address->socket, c.socket) << c.url;
    EXPECT_EQ(address->database, c.database) << c.url;
  }
  for (const char* wrong : {"", "redis://", "redis://:1", "redis://h:0", "redis://h:65536", "redis://h:1x",
                            "redis://h/x", "redis://h/10000", "redis://::1:1", "http://h", "redis+unix://",
                            "redis+unix://x", "redis+unix:///s?db=x", "redis://h h", "redis://h?db=1"}) {
    EXPECT_FALSE(parse_redis_url(wrong)) << wrong;
  }
  auto with_password = parse_redis_url("redis://user:secret@h:1");
  ASSERT_FALSE(with_password);
  EXPECT_EQ(with_password.error().message.find("secret"), std::string::npos);
  auto tls = parse_redis_url("rediss://h");
  ASSERT_FALSE(tls);
  EXPECT_NE(tls.error().message.find("TLS"), std::string::npos);
}

TEST(RedisKey, KeepsPartsApartWhateverTheyHold) {
  EXPECT_EQ(redis_key({"recharge", "1543017660000"}), "waybill:recharge:1543017660000");
  EXPECT_EQ(redis_key({"hop", "main", "t", "", "0"}), "waybill:hop:main:t::0");
  EXPECT_EQ(redis_key({"a:b", "c%d\n", "\x7f\xe5\xb9\xbf"}), "waybill:a%3Ab:c%25d%0A:%7F\xe5\xb9\xbf");
}

TEST(RowName, PartsAreReadBackAndTheLastMayHoldTheSeparator) {
  static const flow::TableSpec table{
      .name = "t", .keys = {{"a"}, {"b", flow::ColumnType::kInt64}, {"c"}}, .values = {}};
  const flow::RowChange change{
      .table = &table, .key = {std::string("x"), int64_t{-5}, std::string("p\x1fq")}, .values = {}};
  const std::string name = row_name(change, {0, 1, 2});
  EXPECT_EQ(row_name_parts(name, 3), (std::vector<std::string_view>{"x", "-5", "p\x1fq"}));
  EXPECT_EQ(row_name(change, {1}), "-5");
  EXPECT_EQ(row_name_parts("x", 3), (std::vector<std::string_view>{"x"}));
}

struct RowOutboxTest : ::testing::Test {
  void SetUp() override {
    const flow::TableSpec* const tables[] = {&shown, &other};
    ASSERT_TRUE(store.ensure(tables));
  }
  static flow::RowChange put(const flow::TableSpec& table, const std::string& a, int64_t part) {
    return {.table = &table, .key = {a, part}, .values = {int64_t{1}}};
  }
  Result<std::vector<flow::CommitResult>> commit(flow::Changes& changes) {
    flow::TaskCommit commit{.task = "task", .epoch = epoch, .positions = {}, .changes = &changes};
    return named->commit(std::span(&commit, 1));
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    const auto rows = store.outbox(0, 100);
    for (const flow::OutboxRow& row : *rows) all.push_back(row.key.table + "/" + row.key.key);
    return all;
  }

  flow::TableSpec shown{
      .name = "shown", .keys = {{"a"}, {"part", flow::ColumnType::kInt64}}, .values = {{"n"}}};
  flow::TableSpec other{
      .name = "other", .keys = {{"a"}, {"part", flow::ColumnType::kInt64}}, .values = {{"n"}}};
  waybill::testing::MemoryStore store;
  int64_t epoch = store.take("task", "test")->epoch;
  OutboxFigures figures{{"redis"}};
  std::unique_ptr<flow::Store> named = make_row_outbox(store, figures, {{&shown, {0}}});
};

TEST_F(RowOutboxTest, NamesEachChangedRowOnceACommitAndNothingElse) {
  flow::Changes changes{
      .rows = {put(shown, "x", 0), put(other, "y", 0), put(shown, "x", 1), put(shown, "z", 0)}};
  changes.rows.push_back({.table = &shown,
                          .op = flow::RowChange::Op::kErase,
                          .key = {std::string("e"), int64_t{0}},
                          .values = {}});
  changes.outbox.push_back({"matched", "m", "body"});
  ASSERT_TRUE(commit(changes));
  EXPECT_EQ(names(), (std::vector<std::string>{"matched/m", "shown/x", "shown/z"}));
  EXPECT_EQ(figures.rows, 2);
  EXPECT_EQ(*named->outbox_last(), 3);
}

TEST_F(RowOutboxTest, ACommitThatFailsIsOfferedAgainWithTheSameNames) {
  flow::Changes changes{.rows = {put(shown, "x", 0)}, .outbox = {{"matched", "m", "body"}}};
  store.fail_commits({Errc::kUnavailable, "down"}, 2);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(commit(changes));
  EXPECT_EQ(changes.outbox.size(), 1u);
  EXPECT_EQ(figures.rows, 0);
  ASSERT_TRUE(commit(changes));
  EXPECT_EQ(names(), (std::vector<std::string>{"matched/m", "shown/x"}));
}

}  // namespace
}  // namespace waybill::sink
