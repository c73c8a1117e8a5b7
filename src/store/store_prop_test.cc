// Random histories of owners, commits and restarts: every store must end as the plain model does.
#include <rapidcheck.h>

#include "store/store_test.h"
#include "testing/memory_store.h"

namespace waybill::store {
namespace {

using flow::SegmentChange;

const flow::TableSpec& other_table() {
  static const flow::TableSpec spec{.name = "other", .keys = {{"name"}}, .values = {{"count"}}};
  return spec;
}
const flow::TableSpec* const kTables[] = {&sample_table(), &other_table()};

/// Small numbers and few names, so that keys meet often.
rc::Gen<std::string> name() { return rc::gen::element<std::string>("a", "b", "ab", ""); }
rc::Gen<std::string> letters() { return rc::gen::element<std::string>("", "a", "bc", "xyz", "az"); }
rc::Gen<int64_t> small() { return rc::gen::inRange<int64_t>(-3, 4); }

rc::Gen<flow::RowChange> row_change() {
  return rc::gen::exec([] {
    flow::RowChange change =
        put(*name(), *small(), {*small(), *small(), *small(), *letters(), *letters(), *small() / 4.0});
    switch (*rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {1, 2}, {2, 3}})) {
      case 1:
        return erase(std::get<std::string>(change.key[0]), std::get<int64_t>(change.key[1]));
      case 2:
        return erase_all(std::get<std::string>(change.key[0]));
      case 3:
        return flow::RowChange{
            &other_table(), flow::RowChange::Op::kUpsert, {change.key[0]}, {change.values[0]}};
      default:
        return change;
    }
  });
}

rc::Gen<SegmentChange> segment_change() {
  return rc::gen::exec([] {
    const auto op =
        *rc::gen::element(SegmentChange::Op::kReplace, SegmentChange::Op::kAppend, SegmentChange::Op::kDrop);
    return SegmentChange{op, *rc::gen::element<std::string>("s", "t"),
                         op == SegmentChange::Op::kDrop ? "" : *letters()};
  });
}

rc::Gen<flow::Changes> changes() {
  return rc::gen::exec([] {
    flow::Changes out;
    out.rows = *rc::gen::container<std::vector<flow::RowChange>>(row_change());
    out.segments = *rc::gen::container<std::vector<SegmentChange>>(segment_change());
    for (const auto& key : *rc::gen::container<std::vector<std::string>>(letters()))
      out.outbox.push_back({"sample", key, ""});
    return out;
  });
}

/// A Task taken at some time in both stores; the epoch may be stale by now.
struct Handle {
  flow::TaskId task;
  int64_t real_epoch;
  int64_t model_epoch;
};

struct Both {
  explicit Both(const Place& at) : place(at), real(must_open(place.url(folder))) {
    RC_ASSERT(real->ensure(kTables).has_value());
    RC_ASSERT(model.ensure(kTables).has_value());
  }
  void reopen() {
    real.reset();
    real = must_open(place.url(folder));
    RC_ASSERT(real->ensure(kTables).has_value());
  }
  void take(const flow::TaskId& task);
  void commit();
  void compare();

  const Place& place;
  TempFolder folder;
  std::unique_ptr<flow::Store> real;
  testing::MemoryStore model;
  std::vector<Handle> handles;
};

void compare_owned(const flow::Owned& real, const flow::Owned& model) {
  RC_ASSERT(real.epoch == model.epoch);
  RC_ASSERT((real.positions == model.positions));
  RC_ASSERT(real.segments->names() == model.segments->names());
  for (const auto& segment : real.segments->names())
    RC_ASSERT(*real.segments->read(segment) == *model.segments->read(segment));
}

void Both::take(const flow::TaskId& task) {
  auto mine = real->take(task, "owner");
  auto theirs = model.take(task, "owner");
  RC_ASSERT(mine.has_value() && theirs.has_value());
  compare_owned(*mine, *theirs);
  handles.push_back({task, mine->epoch, theirs->epoch});
}

/// Up to three handles commit together, each with its own changes and one position.
void Both::commit() {
  const auto chosen = *rc::gen::container<std::vector<size_t>>(*rc::gen::inRange<size_t>(1, 4),
                                                               rc::gen::inRange<size_t>(0, handles.size()));
  std::vector<flow::Changes> parts;
  for (size_t i = 0; i < chosen.size(); ++i) parts.push_back(*changes());
  std::vector<flow::TaskCommit> mine, theirs;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Handle& handle = handles[chosen[i]];
    const flow::SourcePartition from{"main", "t", PartitionId(*rc::gen::inRange(0, 2))};
    const Offset next(*rc::gen::inRange<int64_t>(0, 100));
    mine.push_back({handle.task, handle.real_epoch, {{from, next}}, &parts[i]});
    theirs.push_back({handle.task, handle.model_epoch, {{from, next}}, &parts[i]});
  }
  auto got = real->commit(mine);
  RC_ASSERT(got.has_value());
  RC_ASSERT(*got == *model.commit(theirs));
}

void Both::compare() {
  for (const auto* table : kTables) {
    RC_ASSERT(text_of(all_rows(*real, *table)) == text_of(all_rows(model, *table)));
    const flow::Query grouped{
        .table = table, .where = {{"count", flow::Filter::Op::kGe, int64_t{0}}}, .group_by = {"name"}};
    RC_ASSERT(text_of(real->query(grouped)->rows) == text_of(model.query(grouped)->rows));
  }
  auto mine = *real->outbox(0, 1000);
  auto theirs = *model.outbox(0, 1000);
  RC_ASSERT(mine.size() == theirs.size());
  for (size_t i = 0; i < mine.size(); ++i) {
    RC_ASSERT(mine[i].sequence == theirs[i].sequence);
    RC_ASSERT(mine[i].key.key == theirs[i].key.key);
  }
}

class StoreProperty : public ::testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Stores, StoreProperty, ::testing::ValuesIn(all_places()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(StoreProperty, EndsAsThePlainModelDoesWhateverOwnersDo) {
  EXPECT_TRUE(rc::check([&] {
    Both both(GetParam());
    both.take("t");
    const int steps = *rc::gen::inRange(1, 25);
    for (int i = 0; i < steps; ++i) {
      const int what = *rc::gen::inRange(0, 10);
      if (what == 0) {
        both.reopen();
      } else if (what <= 2) {
        both.take(*rc::gen::element<std::string>("t", "u"));
      } else {
        both.commit();
      }
    }
    both.compare();
    both.reopen();
    both.compare();
    both.take("t");
    both.take("u");
  }));
}

}  // namespace
}  // namespace waybill::store
