#include "ledger/documents.h"

#include <gtest/gtest.h>

#include <map>

#include "ledger/ledger_task.h"
#include "ledger/tables.h"
#include "testing/memory_store.h"

namespace waybill::ledger {
namespace {

constexpr int64_t kTime = 1'542'942'175'900;
const flow::SourcePartition kIndex{"logs", "log4j-*", PartitionId(0)};

std::string document(const std::string& host, const std::string& line) {
  std::string quoted;
  for (const char c : line) quoted += c == '"' ? "\\\"" : std::string(1, c);
  return R"({"_index":"log4j-1","_id":"1","_source":{"hostName":")" + host +
         R"(","ip":"10.0.0.1","serLoc":"DGDC","message":")" + quoted + R"(","applicationId":"app"}})";
}
std::string sent(const std::string& uid) {
  return R"({"st":1,"type":"tmmProduce","ptime":)" + std::to_string(kTime) + R"(,"producer":"p/1","uid":")" +
         uid + "\"}";
}
std::string handled(const std::string& uid, const std::string& queue, int64_t after) {
  return R"({"type":"tmmConsume","ptime":)" + std::to_string(kTime) + R"(,"ctime":)" +
         std::to_string(kTime + after) + R"(,"producer":"p/1","consumer":")" + queue + R"(","uid":")" + uid +
         "\"}";
}

/// A ledger over a store that may be taken again at any commit; `bodies`: the documents as the last rows say.
class DocumentsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.ensure(ledger_tables()).has_value());
    take();
  }
  void take() {
    auto owned = store_.take("ledger/l", "me");
    ASSERT_TRUE(owned.has_value());
    epoch_ = owned->epoch;
    task_ = std::make_unique<LedgerTask>(LedgerTaskOptions{.ledger = "l",
                                                           .part = "all",
                                                           .producers = roster_,
                                                           .discover = discover_,
                                                           .seed = 1,
                                                           .documents = true});
    ASSERT_TRUE(task_->restore(*owned->segments).has_value());
  }
  void read(const std::string& value) {
    flow::Record record;
    record.time_ms = kTime;
    record.time_type = flow::TimeType::kCreate;
    record.has_value = true;
    record.value = value;
    task_->process({kIndex, {&record, 1}, Offset(1)}, {kTime, 0});
  }
  void commit() {
    flow::Changes changes;
    task_->flush(changes);
    for (const flow::OutboxKey& row : changes.outbox) {
      auto parsed = parse_document_row(row);
      ASSERT_TRUE(parsed.has_value());
      EXPECT_EQ(parsed->ledger, "l");
      EXPECT_EQ(parsed->time_ms, kTime);
      bodies_[std::string(parsed->id)] = row.body;
      ++rows_;
    }
    const flow::TaskCommit commit{.task = "ledger/l", .epoch = epoch_, .positions = {}, .changes = &changes};
    ASSERT_TRUE(store_.commit({&commit, 1}).has_value());
  }
  const std::string& body(const std::string& uid, const std::string& queue) {
    return bodies_["p%2F1/" + uid + "/" + queue];
  }

  std::vector<ProducerName> roster_{{"p/1", "shop", {{"a", "A"}, {"b", ""}}}};
  bool discover_ = false;
  testing::MemoryStore store_;
  std::unique_ptr<LedgerTask> task_;
  std::map<std::string, std::string> bodies_;
  int64_t epoch_ = 0;
  int rows_ = 0;
};

const std::string kSender = R"("hostName":"sender","ip":"10.0.0.1","serLoc":"DGDC","applicationId":"app")";
const std::string kHandler = R"("hostName":"handler","ip":"10.0.0.1","serLoc":"DGDC","applicationId":"app")";
const std::string kBoth =
    R"("hostName":["sender","handler"],"ip":"10.0.0.1","serLoc":"DGDC","applicationId":"app")";

TEST_F(DocumentsTest, AMessageGrowsWithItsLinesOverRestarts) {
  read(document("sender", sent("u1")));
  commit();
  EXPECT_EQ(rows_, 2) << "one per consumer that owes it";
  const std::string begin = R"({"producer":"p/1","uid":"u1","consumer":"a","produce_time":)" +
                            std::to_string(kTime) + R"(,"desc":"shop","consumer_desc":"A","mq_chanel":"a",)";
  EXPECT_EQ(body("u1", "a"), begin + kSender + R"(,"produce_log":{)" + kSender + "}}");
  take();
  read(document("handler", handled("u1", "a", 70)));
  commit();
  EXPECT_EQ(body("u1", "a"), begin + R"("ctime":70,"consume_time":)" + std::to_string(kTime + 70) + "," +
                                 kBoth + R"(,"produce_log":{)" + kSender + R"(},"consume_log":{)" + kHandler +
                                 "}}");
  EXPECT_EQ(body("u1", "b").find("ctime"), std::string::npos);
}

TEST_F(DocumentsTest, ConsumedBeforeProducedGetsItsQueueLater) {
  read(document("handler", handled("u2", "a", 70)));
  commit();
  EXPECT_EQ(body("u2", "a").find("mq_chanel"), std::string::npos);
  EXPECT_NE(body("u2", "a").find(R"("ctime":70)"), std::string::npos);
  take();
  read(document("sender", sent("u2")));
  commit();
  EXPECT_NE(body("u2", "a").find(R"("mq_chanel":"a","ctime":70)"), std::string::npos);
  EXPECT_NE(body("u2", "a").find(kBoth), std::string::npos);
  take();
  read(document("other", handled("u2", "b", 90)));
  commit();
  EXPECT_NE(body("u2", "b").find(R"("hostName":["sender","other"])"), std::string::npos)
      << "known over the restart";
}

TEST_F(DocumentsTest, RepeatsChangeNothingAndChangesOfOneCommitAreOneRow) {
  read(document("sender", sent("u3")));
  read(document("handler", handled("u3", "a", 70)));
  commit();
  EXPECT_EQ(rows_, 2);
  read(document("sender", sent("u3")));
  read(document("handler", handled("u3", "a", 99)));
  commit();
  EXPECT_EQ(rows_, 2);
  EXPECT_NE(body("u3", "a").find(R"("ctime":70)"), std::string::npos);
}

TEST_F(DocumentsTest, AConsumerThatIsDiscoveredOwesWhatIsOpen) {
  discover_ = true;
  roster_.clear();
  take();
  read(document("sender", sent("u4")));
  read(document("sender", sent("u5")));
  commit();
  EXPECT_EQ(rows_, 0) << "nobody is known to owe it";
  read(document("handler", handled("u4", "q", 5)));
  commit();
  EXPECT_NE(body("u4", "q").find(R"("ctime":5)"), std::string::npos);
  EXPECT_NE(body("u5", "q").find("mq_chanel"), std::string::npos);
  EXPECT_EQ(body("u5", "q").find("ctime"), std::string::npos);
}

TEST(OriginsTest, AreFewAndCutToAnyBytes) {
  Origins origins({"_source", "message"});
  EXPECT_EQ(origins.of("INFO text"), 0);
  EXPECT_EQ(origins.of(R"({"_source":{"message":"x"}})"), 0);
  const uint16_t one = origins.of(R"({"_source":{"hostName":"h","ip":7}})");
  EXPECT_EQ(origins[one][0], "h");
  EXPECT_EQ(origins[one][1], "7");
  EXPECT_EQ(origins.of(R"({"_source":{"hostName":"h","ip":7,"message":"y"}})"), one);
  Origins again({"_source", "message"});
  const std::string bytes = origins.encode();
  ASSERT_TRUE(again.restore(bytes).has_value());
  EXPECT_EQ(again[one], origins[one]);
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    Origins broken({"_source", "message"});
    EXPECT_FALSE(broken.restore(bytes.substr(0, cut)).has_value()) << cut;
  }
}

}  // namespace
}  // namespace waybill::ledger
