#include "flow/ask_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace waybill::flow {
namespace {

class EchoReader final : public RangeReader {
 public:
  Result<RangeAnswer> read(const SourcePartition&, OffsetRange range, Isolation, const ReadLimits&) override {
    if (range.begin == Offset(13)) throw std::runtime_error("unlucky");
    return RangeAnswer{{}, range.end, {}};
  }
  Result<Bounds> bounds(const SourcePartition&, Millis) override { return Bounds{Offset(1), Offset(9)}; }
  Result<std::vector<std::pair<PartitionId, Offset>>> committed(std::string_view group, std::string_view,
                                                                Millis) override {
    if (group == "none") return fail(Errc::kDenied, "no rights");
    return std::vector{std::pair{PartitionId(2), Offset(5)}};
  }
  Result<std::vector<Member>> members(std::string_view, Millis) override {
    return std::vector<Member>{{"m", "c", "h", {}}};
  }
};

Ask make_ask(uint64_t id, Ask::Kind kind, std::string group = "g") {
  Ask ask;
  ask.id = id;
  ask.kind = kind;
  ask.range = {Offset(static_cast<int64_t>(id)), Offset(static_cast<int64_t>(id) + 1)};
  ask.group = std::move(group);
  return ask;
}

std::vector<ReadyAnswer> wait_for(AskPool& pool, size_t count) {
  std::vector<ReadyAnswer> all;
  while (all.size() < count) {
    for (auto& ready : pool.take()) all.push_back(std::move(ready));
    std::this_thread::yield();
  }
  return all;
}

TEST(AskPool, EveryAskIsAnsweredOnceWithItsTaskAndEpoch) {
  EchoReader reader;
  AskPool pool(&reader, 3);
  for (uint64_t id = 100; id < 300; ++id) pool.submit({"task", 7, make_ask(id, Ask::Kind::kRead)});
  std::set<uint64_t> ids;
  for (const auto& ready : wait_for(pool, 200)) {
    EXPECT_EQ(ready.task, "task");
    EXPECT_EQ(ready.epoch, 7);
    EXPECT_EQ(std::get<RangeAnswer>(ready.answer.value).judged_to.value,
              static_cast<int64_t>(ready.answer.id) + 1);
    EXPECT_TRUE(ids.insert(ready.answer.id).second);
  }
  pool.stop();
  EXPECT_TRUE(pool.take().empty());
}

TEST(AskPool, EachKindAsksItsOwnQuestion) {
  EchoReader reader;
  EXPECT_EQ(std::get<Bounds>(answer_ask(reader, make_ask(1, Ask::Kind::kBounds)).value).end, Offset(9));
  auto committed = answer_ask(reader, make_ask(1, Ask::Kind::kCommitted));
  EXPECT_EQ((std::get<std::vector<std::pair<PartitionId, Offset>>>(committed.value)[0].second), Offset(5));
  auto members = answer_ask(reader, make_ask(1, Ask::Kind::kMembers));
  EXPECT_EQ(std::get<std::vector<RangeReader::Member>>(members.value)[0].client_id, "c");
}

TEST(AskPool, AFailureOrAnExceptionIsAnAnswer) {
  EchoReader reader;
  auto denied = answer_ask(reader, make_ask(1, Ask::Kind::kCommitted, "none"));
  EXPECT_EQ(std::get<Error>(denied.value).code, Errc::kDenied);
  auto thrown = answer_ask(reader, make_ask(13, Ask::Kind::kRead));
  EXPECT_EQ(std::get<Error>(thrown.value).code, Errc::kUnavailable);
}

TEST(AskPool, WithoutAReaderEveryAskIsRefused) {
  AskPool pool(nullptr, 2);
  pool.submit({"task", 1, make_ask(1, Ask::Kind::kRead)});
  auto ready = pool.take();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(std::get<Error>(ready[0].answer.value).code, Errc::kUnsupported);
}

}  // namespace
}  // namespace waybill::flow
