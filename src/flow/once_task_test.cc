#include "flow/once_task.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "flow/seen_records.h"
#include "testing/memory_store.h"

namespace waybill::flow {
namespace {

const SourcePartition kIndex{"logs", "log4j-*", PartitionId(0)};

/// Counts how often it was given each key, and keeps that in its state.
class CountingKeys final : public Task {
 public:
  explicit CountingKeys(std::map<std::string, int>& counts) : counts_(counts) {}
  Result<void> restore(const SegmentReader& segments) override {
    counts_.clear();
    auto stored = segments.read("counts");
    for (size_t at = 0; stored && at < stored->size(); at = stored->find('\n', at) + 1)
      ++counts_[stored->substr(at, stored->find('\n', at) - at)];
    return {};
  }
  void process(const Batch& batch, Now) override {
    for (const Record& record : batch.records) {
      ++counts_[std::string(record.key)];
      fresh_ += std::string(record.key) + "\n";
    }
  }
  void answer(const Answer&, Now) override {}
  void advance(Watermark, Now) override {}
  void flush(Changes& changes) override {
    if (fresh_.empty()) return;
    changes.segments.push_back({SegmentChange::Op::kAppend, "counts", std::move(fresh_)});
    fresh_.clear();
  }

 private:
  std::map<std::string, int>& counts_;
  std::string fresh_;
};

class OnceTaskTest : public ::testing::Test {
 protected:
  void take(int64_t keep) {
    auto owned = store_->take("t", "me");
    ASSERT_TRUE(owned.has_value());
    epoch_ = owned->epoch;
    task_ = make_once_task(std::make_unique<CountingKeys>(counts_), keep);
    ASSERT_TRUE(task_->restore(*owned->segments).has_value());
  }
  void give(const std::vector<int64_t>& offsets, int64_t next) {
    std::vector<std::string> keys;
    std::vector<Record> records(offsets.size());
    for (int64_t offset : offsets) keys.push_back("doc-" + std::to_string(offset));
    for (size_t i = 0; i < offsets.size(); ++i) {
      records[i].offset = Offset(offsets[i]);
      records[i].has_key = true;
      records[i].key = keys[i];
    }
    task_->process({kIndex, records, Offset(next)}, {});
  }
  void commit() {
    Changes changes;
    task_->flush(changes);
    const TaskCommit commit{.task = "t", .epoch = epoch_, .positions = {}, .changes = &changes};
    ASSERT_TRUE(store_->commit({&commit, 1}).has_value());
  }

  std::unique_ptr<testing::MemoryStore> store_ = std::make_unique<testing::MemoryStore>();
  std::map<std::string, int> counts_;
  std::unique_ptr<Task> task_;
  int64_t epoch_ = 0;
};

TEST_F(OnceTaskTest, GivesEachKeyOnceOverRereadsAndRestartsAtAnyCommit) {
  constexpr int64_t kKeep = 50;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    SCOPED_TRACE(seed);
    store_ = std::make_unique<testing::MemoryStore>();
    counts_.clear();
    take(kKeep);
    int64_t position = 0, committed = 0;
    while (position < 400) {
      std::vector<int64_t> offsets;
      for (int64_t at = std::max<int64_t>(0, position - kKeep); at < position + 20; ++at)
        offsets.push_back(at);
      position += 20;
      give(offsets, position);
      if (random() % 3 == 0) {
        commit();
        committed = position;
      }
      if (random() % 4 == 0) {
        take(kKeep);
        position = committed;
      }
    }
    ASSERT_GE(counts_.size(), 400u);
    for (const auto& [key, times] : counts_) EXPECT_EQ(times, 1) << key;
  }
}

TEST_F(OnceTaskTest, RecordsWithoutAKeyPassAlways) {
  take(10);
  Record record;
  task_->process({kIndex, {&record, 1}, Offset(1)}, {});
  task_->process({kIndex, {&record, 1}, Offset(1)}, {});
  EXPECT_EQ(counts_[""], 2);
}

TEST(SeenRecordsTest, ForgetsWhatIsOldSliceBySlice) {
  SeenRecords seen(100);
  for (int64_t i = 0; i < 100'000; ++i) {
    EXPECT_TRUE(seen.add("k" + std::to_string(i), Offset(i)));
    seen.pass(Offset(i));
  }
  EXPECT_LT(seen.size(), 45'000u);
  EXPECT_FALSE(seen.add("k99999", Offset(99'999)));
  EXPECT_FALSE(seen.add("k99900", Offset(99'900)));
  std::vector<SegmentChange> changes;
  seen.flush(changes);
  EXPECT_LE(changes.size(), 3u) << "slices that were never written need no drop";
  for (const SegmentChange& change : changes) EXPECT_LE(change.bytes.size(), kSegmentBytesMax);
}

}  // namespace
}  // namespace waybill::flow
