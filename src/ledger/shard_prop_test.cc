// The ledger against a plain model: random orders, duplicates, blocks and batches; the stream also over
// restarts.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "ledger/ledger_task.h"
#include "ledger/line_reader.h"
#include "ledger/roster.h"
#include "ledger/tables.h"
#include "ledger/totals.h"

namespace waybill::ledger {
namespace {

using Name = std::pair<std::string, std::string>;  // message, consumer

/// What a ledger must say, kept as sets.
struct Model {
  std::set<std::string> produced;
  std::set<std::string> consumers;
  std::map<Name, int> consumed;

  std::set<Name> unconsumed() const {
    std::set<Name> out;
    for (const auto& uid : produced) {
      for (const auto& c : consumers) {
        if (!consumed.contains({uid, c})) out.insert({uid, c});
      }
    }
    return out;
  }
  std::set<Name> where(bool (*wanted)(const Model&, const Name&, int)) const {
    std::set<Name> out;
    for (const auto& [name, times] : consumed) {
      if (wanted(*this, name, times)) out.insert(name);
    }
    return out;
  }
  std::set<Name> duplicated() const {
    return where([](const Model&, const Name&, int times) { return times > 1; });
  }
  std::set<Name> unrecorded() const {
    return where([](const Model& m, const Name& name, int) { return !m.produced.contains(name.first); });
  }
};

struct Line {
  int uid = 0;
  int consumer = 0;  // 0: produced
};

std::string uid_of(int number) {
  return number % 5 == 0 ? "a-very-long-identifier-that-does-not-fit-into-a-slot-" + std::to_string(number)
                         : "u" + std::to_string(number);
}

std::string text_of(const Line& line) {
  if (line.consumer == 0)
    return R"({"st":1,"type":"tmmProduce","ptime":1000,"producer":"p","uid":")" + uid_of(line.uid) + "\"}";
  return R"({"type":"tmmConsume","producer":"p","ptime":1000,"ctime":1500,"consumer":"c)" +
         std::to_string(line.consumer) + R"(","uid":")" + uid_of(line.uid) + "\"}";
}

Model model_of(const std::vector<Line>& lines) {
  Model model;
  for (const Line& line : lines) {
    if (line.consumer == 0) {
      model.produced.insert(uid_of(line.uid));
    } else {
      model.consumers.insert("c" + std::to_string(line.consumer));
      ++model.consumed[{uid_of(line.uid), "c" + std::to_string(line.consumer)}];
    }
  }
  return model;
}

std::vector<Line> some_lines() {
  const int consumers = *rc::gen::element(2, 3, 12);
  return *rc::gen::container<std::vector<Line>>(
      rc::gen::construct<Line>(rc::gen::inRange(0, 25), rc::gen::inRange(0, consumers + 1)));
}

TEST(ShardProperty, FilesGiveWhatTheModelSays) {
  rc::check([] {
    const std::vector<Line> lines = some_lines();
    const Model model = model_of(lines);
    Roster roster({}, {.discover = true});
    LineReader reader({.shard_bits = 1,
                       .batch_lines = *rc::gen::element<size_t>(1, 2, 256),
                       .seed = 7,
                       .plain = *rc::gen::arbitrary<bool>()},
                      [&roster](uint32_t p, std::string_view name) {
                        return p == Event::kProduced ? roster.producer(name) : roster.consumer(p, name);
                      });
    std::vector<Shard> shards;
    std::vector<Totals> totals(2, Totals({.list_duplicates = true}));
    for (int i = 0; i < 2; ++i) shards.emplace_back(ShardOptions{.keep_ids = true});
    BlockEvents events;
    for (size_t at = 0; at < lines.size();) {
      std::string block;
      for (size_t n = *rc::gen::inRange<size_t>(1, 20); n > 0 && at < lines.size(); --n)
        block += text_of(lines[at++]) + "\n";
      const size_t size = block.size();
      block.resize(size + decode::kScanPadding);
      events.clear(2);
      reader.read_block({block.data(), size}, events);
      RC_ASSERT(events.counts.malformed + events.counts.ignored == 0u);
      for (size_t s = 0; s < 2; ++s) shards[s].apply(events.shards[s], totals[s]);
    }
    auto name = [&](const Exception& e) {
      return Name{e.uid, roster.producers()[e.producer].consumers[e.consumer].name};
    };
    std::set<Name> unconsumed;
    std::set<Name> duplicated;
    std::set<Name> unrecorded;
    for (size_t s = 0; s < 2; ++s) {
      for (const Exception& e : totals[s].duplicates()) RC_ASSERT(duplicated.insert(name(e)).second);
      auto owed = [&roster](uint32_t p) {
        return static_cast<uint32_t>(roster.producers()[p].consumers.size());
      };
      for_each_unconsumed(shards[s], owed,
                          [&](const Exception& e) { RC_ASSERT(unconsumed.insert(name(e)).second); });
      for_each_unrecorded(shards[s],
                          [&](const Exception& e) { RC_ASSERT(unrecorded.insert(name(e)).second); });
    }
    RC_ASSERT(unconsumed == model.unconsumed());
    RC_ASSERT(duplicated == model.duplicated());
    RC_ASSERT(unrecorded == model.unrecorded());
  });
}

/// Rows and segments as a store keeps them.
struct Kept : flow::SegmentReader {
  std::map<std::string, std::string> segments;
  std::map<std::tuple<std::string, std::string, std::string>, int64_t> exceptions;  // kind, uid, consumer
  std::map<std::string, std::vector<int64_t>> sums;                                 // by consumer

  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, bytes] : segments) out.push_back(name);
    return out;
  }
  Result<std::string> read(std::string_view name) const override {
    auto it = segments.find(std::string(name));
    if (it == segments.end()) return fail(Errc::kNotFound, "no segment");
    return it->second;
  }
  void commit(LedgerTask& task) {
    flow::Changes changes;
    task.flush(changes);
    for (const auto& change : changes.segments) {
      RC_ASSERT(change.bytes.size() <= flow::kSegmentBytesMax);
      if (change.op == flow::SegmentChange::Op::kReplace) segments[change.name] = change.bytes;
      if (change.op == flow::SegmentChange::Op::kAppend) segments[change.name] += change.bytes;
      if (change.op == flow::SegmentChange::Op::kDrop) RC_ASSERT(segments.erase(change.name) == 1u);
    }
    for (const auto& row : changes.rows) apply(row);
  }
  void apply(const flow::RowChange& row) {
    auto text = [&row](size_t i) { return std::get<std::string>(row.key[i]); };
    if (row.table == &exception_table()) {
      const auto key = std::tuple(text(1), text(3), text(5));
      if (row.op == flow::RowChange::Op::kErase) {
        exceptions.erase(key);
      } else {
        exceptions[key] = std::get<int64_t>(row.values[0]);
      }
    } else if (row.table == &bucket_table()) {
      auto& sum = sums[text(3)];
      sum.resize(5);
      for (size_t i = 0; i < 5; ++i) sum[i] += std::get<int64_t>(row.values[i]);
    }
  }
  std::set<Name> of(const std::string& kind) const {
    std::set<Name> out;
    for (const auto& [key, time] : exceptions) {
      if (std::get<0>(key) == kind) out.insert({std::get<1>(key), std::get<2>(key)});
    }
    return out;
  }
};

std::unique_ptr<LedgerTask> new_task(bool discover, int consumers) {
  std::vector<ProducerName> names;
  if (!discover) {
    names.push_back({"p", "", {}});
    for (int c = 1; c <= consumers; ++c) names[0].consumers.push_back({"c" + std::to_string(c), ""});
  }
  return std::make_unique<LedgerTask>(LedgerTaskOptions{.ledger = "l",
                                                        .part = "0",
                                                        .producers = names,
                                                        .discover = discover,
                                                        .deadline_ms = 5'000,
                                                        .horizon_ms = 3'600'000,
                                                        .seed = 9,
                                                        .batch_lines = 2});
}

TEST(LedgerTaskProperty, AStreamGivesWhatTheModelSaysWhateverRestarts) {
  rc::check([] {
    const std::vector<Line> lines = some_lines();
    const bool discover = *rc::gen::arbitrary<bool>();
    Model model = model_of(lines);
    if (!discover) {
      for (int c = 1; c <= 12; ++c) model.consumers.insert("c" + std::to_string(c));
    }
    Kept kept;
    auto task = new_task(discover, 12);
    int64_t clock = 1'700'000'000'000;
    std::vector<Line> uncommitted;
    for (size_t at = 0; at < lines.size();) {
      const size_t begin = at;
      std::vector<std::string> texts;
      for (size_t n = *rc::gen::inRange<size_t>(1, 8); n > 0 && at < lines.size(); --n)
        texts.push_back(text_of(lines[at++]));
      std::vector<flow::Record> records(texts.size());
      for (size_t i = 0; i < texts.size(); ++i)
        records[i] = {.offset = Offset(static_cast<int64_t>(begin + i)),
                      .time_ms = clock,
                      .has_value = true,
                      .value = texts[i]};
      task->process({{"main", "logs", PartitionId(0)}, records, Offset(static_cast<int64_t>(at))},
                    {clock, clock});
      // Late arrivals correct what was told, also a long while after; a new consumer owes what is still open.
      clock += *rc::gen::element<int64_t>(0, 10, discover ? 20 : 6'000);
      task->advance({clock, true}, {clock, clock});
      if (*rc::gen::arbitrary<bool>()) {
        kept.commit(*task);
      } else if (*rc::gen::inRange(0, 4) == 0) {
        kept.commit(*task);
        task = new_task(discover, 12);
        RC_ASSERT(task->restore(kept).has_value());
      }
    }
    clock += 60'000;
    task->advance({clock, true}, {clock, clock});
    kept.commit(*task);
    RC_ASSERT(kept.of("unconsumed") == model.unconsumed());
    RC_ASSERT(kept.of("duplicated") == model.duplicated());
    RC_ASSERT(kept.of("unrecorded") == model.unrecorded());
    int64_t consumed = 0;
    int64_t unconsumed = 0;
    int64_t unrecorded = 0;
    for (const auto& [consumer, sum] : kept.sums)
      consumed += sum[1], unconsumed += sum[3], unrecorded += sum[4];
    RC_ASSERT(consumed == static_cast<int64_t>(model.consumed.size()));
    RC_ASSERT(unconsumed == static_cast<int64_t>(model.unconsumed().size()));
    RC_ASSERT(unrecorded == static_cast<int64_t>(model.unrecorded().size()));
    RC_ASSERT((kept.sums.contains("") ? kept.sums[""][0] : 0) == static_cast<int64_t>(model.produced.size()));
  });
}

}  // namespace
}  // namespace waybill::ledger
