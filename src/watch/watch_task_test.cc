#include "watch/watch_task.h"

#include <gtest/gtest.h>

#include <map>

#include "testing/memory_store.h"
#include "watch/forward_row.h"
#include "watch/tables.h"
#include "watch/watch_random.h"

namespace waybill::watch {
namespace {

constexpr int64_t kMinute = 60'000, kStart = 1'543'190'400'000;
constexpr Now kNow{kStart + 10 * kMinute, 0};
const flow::SourcePartition kPartition{"main", "access", PartitionId(3)};

std::shared_ptr<const WatchProgram> program(std::vector<Rule> rules, std::vector<RuleSettings> settings,
                                            RedactRules redact = {}) {
  auto set = RuleSet::compile(std::move(rules));
  EXPECT_TRUE(set.has_value());
  return std::make_shared<const WatchProgram>(
      WatchProgram{std::move(*set), std::move(settings), Redactor(redact)});
}

Rule status_rule(std::vector<std::string> by = {}) {
  return {"http-5xx", Condition::of_field("status", {watch::Test::Op::kPattern, "5\\d{2}"}), std::move(by)};
}

/// A partition as a Task sees it, over a store that may be taken again at any commit.
class Stream {
 public:
  explicit Stream(std::shared_ptr<const WatchProgram> of) : program_(std::move(of)) {
    EXPECT_TRUE(store_.ensure(watch_tables()).has_value());
    take();
  }

  void take() {
    auto owned = store_.take("watch/main/access/3", "test");
    ASSERT_TRUE(owned.has_value());
    epoch_ = owned->epoch;
    task_ = make_watch_task(program_, std::span(&kPartition, 1));
    ASSERT_TRUE(task_->restore(*owned->segments).has_value());
  }

  void read(const std::vector<std::pair<int64_t, std::string>>& messages) {
    std::vector<flow::Record> records;
    for (const auto& [time_ms, value] : messages) {
      flow::Record record;
      record.offset = Offset(next_++);
      record.time_ms = time_ms;
      record.time_type = flow::TimeType::kCreate;
      record.has_value = true;
      record.value = value;
      records.push_back(record);
    }
    task_->process({kPartition, records, Offset(next_)}, kNow);
  }

  void gap(int64_t messages) {
    flow::Batch batch{kPartition, {}, Offset(next_ + messages)};
    batch.gap = flow::Gap{flow::Gap::Kind::kExpired, {Offset(next_), Offset(next_ + messages)}};
    next_ += messages;
    task_->process(batch, kNow);
  }

  void commit() {
    flow::Changes changes;
    task_->flush(changes);
    flow::TaskCommit commit{"watch/main/access/3", epoch_, {{kPartition, Offset(next_)}}, &changes};
    auto result = store_.commit(std::span(&commit, 1));
    ASSERT_TRUE(result.has_value());
  }

  std::vector<flow::Page::Row> rows(const flow::TableSpec& table) {
    auto page = store_.query({.table = &table});
    EXPECT_TRUE(page.has_value());
    return page->rows;
  }
  testing::MemoryStore& store() { return store_; }

 private:
  std::shared_ptr<const WatchProgram> program_;
  testing::MemoryStore store_;
  std::unique_ptr<flow::Task> task_;
  int64_t epoch_ = 0, next_ = 100;
};

using flow::number;
using flow::text;

TEST(WatchTask, CountsByWindowAndValueWithFirstAndLastHit) {
  Stream stream(program({status_rule({"host"})}, {{kMinute, 0, false}}));
  stream.read({{kStart + 1, R"({"status":503,"host":"a"})"},
               {kStart + 2, R"({"status":200,"host":"a"})"},
               {kStart + 9, R"({"status":500,"host":"a"})"},
               {kStart + 3, R"({"status":503,"host":"b"})"},
               {kStart + kMinute, R"({"status":503})"}});
  stream.commit();
  auto rows = stream.rows(window_table());
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].key, (std::vector<flow::Value>{"http-5xx", kStart, "a", "main", "access", int64_t{3}}));
  EXPECT_EQ(rows[0].values, (std::vector<flow::Value>{int64_t{2}, kStart + 1, kStart + 9, kMinute}));
  EXPECT_EQ(text(rows[1].key[2]), "b");
  EXPECT_EQ(rows[2].key,
            (std::vector<flow::Value>{"http-5xx", kStart + kMinute, "", "main", "access", int64_t{3}}));
}

TEST(WatchTask, GapsFutureTimesAndMalformedMessagesAreCounted) {
  Stream stream(program({status_rule()}, {{kMinute, 3, false}}));
  stream.read({{kNow.wall_ms + 2 * kAheadMaxMs, R"({"status":503})"}, {kStart, R"({"status":"503)"}});
  stream.gap(41);
  stream.commit();
  auto rows = stream.rows(window_table());
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(number(rows[0].key[1]), kNow.wall_ms);
  auto progress = stream.rows(progress_table());
  ASSERT_EQ(progress.size(), 1u);
  EXPECT_EQ(progress[0].values,
            (std::vector<flow::Value>{int64_t{2}, number(progress[0].values[1]), int64_t{1}, int64_t{1},
                                      int64_t{1}, int64_t{41}, int64_t{143}, kNow.wall_ms}));
}

TEST(WatchTask, SamplesAreTheFirstOfAWindowAndMasked) {
  Rule rule{"login", Condition::of_field("user", {watch::Test::Op::kContains, "smith"}), {}};
  Stream stream(program({rule}, {{kMinute, 2, true}},
                        {.fields = {"password"}, .maskers = {RedactRules::Masker::kEmail}}));
  for (int i = 0; i < 2; ++i) {
    stream.read(
        {{kStart + i, R"({"user":"smith@example.org","password":"secret","n":)" + std::to_string(i) + "}"}});
    stream.commit();
    stream.take();
  }
  stream.read({{kStart + 5, R"({"user":"smith"})"}});
  stream.commit();
  auto rows = stream.rows(sample_table());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(text(rows[1].values[3]), R"({"user":"***","password":"***","n":1})");
  EXPECT_EQ(text(rows[1].values[2]), R"({"user":"***"})");
  auto outbox = stream.store().outbox(0, 10);
  ASSERT_TRUE(outbox.has_value());
  ASSERT_EQ(outbox->size(), 3u);
  auto row = parse_forward_row((*outbox)[2].key);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->watch, "login");
  EXPECT_EQ(row->cluster, "main");
  EXPECT_EQ(row->topic, "access");
  EXPECT_EQ(row->partition, 3);
  EXPECT_EQ(row->offset, 102);
  EXPECT_EQ(row->value, R"({"user":"smith"})") << "forwarded as it is";
}

TEST(WatchTask, GroupsBeyondTheLimitAreCountedTogetherAlsoAfterARestart) {
  Stream stream(program({status_rule({"id"})}, {{kMinute, 0, false}}));
  for (size_t i = 0; i < kGroupsMax + 5; ++i) {
    stream.read({{kStart, R"({"status":503,"id":)" + std::to_string(i) + "}"}});
    if (i % 300 == 299) {
      stream.commit();
      stream.take();
    }
  }
  stream.commit();
  auto rows = stream.rows(window_table());
  EXPECT_EQ(rows.size(), kGroupsMax + 1);
  for (const auto& row : rows) EXPECT_EQ(number(row.values[0]), text(row.key[2]) == kOtherGroup ? 5 : 1);
}

TEST(WatchTask, BatchesCutAnywhereAndRestartsGiveEqualRows) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    std::vector<Rule> rules;
    std::vector<RuleSettings> settings;
    for (int i = 0; i < 4; ++i) {
      rules.push_back({"r" + std::to_string(i),
                       random_condition(random),
                       {i % 2 ? std::vector<std::string>{"a"} : std::vector<std::string>{}}});
      settings.push_back({kMinute, 2, false});
    }
    auto shared = program(rules, settings);
    std::vector<std::pair<int64_t, std::string>> messages;
    for (int i = 0; i < 200; ++i) {
      std::string value = random_line(random);
      if (random.chance(10)) value.insert(random.below(value.size() + 1), "\n");
      messages.emplace_back(kStart + static_cast<int64_t>(random.below(3 * kMinute)), std::move(value));
    }
    Stream whole(shared), cut(shared);
    whole.read(messages);
    whole.commit();
    for (size_t at = 0; at < messages.size();) {
      size_t n = std::min(messages.size() - at, 1 + random.below(7));
      cut.read(
          {messages.begin() + static_cast<ptrdiff_t>(at), messages.begin() + static_cast<ptrdiff_t>(at + n)});
      at += n;
      if (random.chance(3)) {
        cut.commit();
        cut.take();
      }
    }
    cut.commit();
    for (const auto* table : {&window_table(), &sample_table()}) {
      auto a = whole.rows(*table), b = cut.rows(*table);
      ASSERT_EQ(a.size(), b.size()) << "seed " << seed;
      for (size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].key, b[i].key) << "seed " << seed;
        EXPECT_EQ(a[i].values, b[i].values) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace waybill::watch
