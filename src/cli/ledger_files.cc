#include "cli/ledger_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace waybill::cli {
namespace {

/// A block in flight.
struct Work {
  LedgerBlock block;
  ledger::BlockEvents events;
  std::atomic<uint64_t> number{0};
  std::atomic<unsigned> shards_left{0};
};

struct ShardLane {
  explicit ShardLane(ledger::ShardOptions shard_options, ledger::Totals::Options totals_options)
      : shard(std::make_unique<ledger::Shard>(shard_options)), totals(totals_options) {}
  std::mutex mutex;
  std::atomic<uint64_t> next{0};  ///< block that is matched next
  std::unique_ptr<ledger::Shard> shard;
  ledger::Totals totals;
};

struct MalformedAt {
  uint64_t block;
  std::string place;  ///< empty: of a file, to be counted
  ledger::MalformedLine line;
};

/// Threads take a block each, decode it, and then match whatever is next in each shard. A shard is matched by
/// one thread at a time, block after block, so the result does not depend on who is faster.
class Pipeline {
 public:
  Pipeline(const LedgerSettings& settings, LedgerInput& input, const LedgerReadOptions& options,
           uint64_t seed, LedgerFindings& out)
      : options_(options),
        out_(out),
        input_(input),
        roster_(settings.producers, {.discover = settings.discover}) {
    const unsigned threads = std::clamp(options.threads, 1u, 64u);
    shard_bits_ = threads == 1 ? 0 : static_cast<unsigned>(std::bit_width(threads - 1)) + 1;
    reader_options_ = {
        .format = settings.format,
        .shard_bits = shard_bits_,
        .batch_lines = options.batch_lines,
        .malformed_max = options.list_malformed ? SIZE_MAX : LedgerReadOptions::kMalformedSample,
        .produced_from = options.produced_from,
        .seed = seed,
        .plain = options.plain};
    for (unsigned i = 0; i < 1u << shard_bits_; ++i) {
      // A consumer that is discovered late owes the earlier messages too, whose ids must still be known then.
      const bool keep_ids = options.list_unconsumed && settings.discover;
      lanes_.push_back(std::make_unique<ShardLane>(ledger::ShardOptions{keep_ids},
                                                   ledger::Totals::Options{options.list_duplicated}));
      for (uint32_t p = 0; p < roster_.producers().size(); ++p)
        lanes_.back()->shard->expect(p, static_cast<uint32_t>(roster_.producers()[p].consumers.size()));
    }
    works_.resize(threads + 2);
    ready_ = std::vector<std::atomic<Work*>>(works_.size());
    for (auto& work : works_) free_.push_back(&(work = std::make_unique<Work>(), *work));
    run(threads);
    finish();
  }

 private:
  void run(unsigned threads) {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
    work();
  }

  void work() {
    ledger::LineReader reader(reader_options_, [this](uint32_t producer, std::string_view name) {
      std::lock_guard lock(roster_mutex_);
      return producer == ledger::Event::kProduced ? roster_.producer(name) : roster_.consumer(producer, name);
    });
    for (;;) {
      Work* work = take_free();
      if (!read_next(*work)) {
        give_back(work);
        break;
      }
      decode(reader, *work);
      ready_[work->number % ready_.size()].store(work);
      match_ready();
    }
    match_ready();
  }

  Work* take_free() {
    std::unique_lock lock(free_mutex_);
    free_signal_.wait(lock, [this] { return !free_.empty(); });
    Work* work = free_.back();
    free_.pop_back();
    return work;
  }
  void give_back(Work* work) {
    {
      std::lock_guard lock(free_mutex_);
      free_.push_back(work);
    }
    free_signal_.notify_one();
  }

  bool read_next(Work& work) {
    std::lock_guard lock(input_mutex_);
    auto block = input_.next(std::move(work.block.lines.buffer));
    if (!block) return false;
    work.number = blocks_++;
    work.block = std::move(*block);
    return true;
  }

  void decode(ledger::LineReader& reader, Work& work) {
    work.events.clear(lanes_.size());
    const source::LineBlock& lines = work.block.lines;
    if (lines.oversized) {
      ++work.events.counts.lines;
      ++work.events.counts.malformed;
      work.events.malformed.push_back(
          {0, ledger::Fault::kTooLong, fmt::format("({} bytes)", lines.oversized->size)});
    } else if (work.block.single) {
      reader.read_line(lines.bytes, work.events);
    } else {
      reader.read_block(lines.bytes, work.events);
    }
    work.shards_left.store(static_cast<unsigned>(lanes_.size()));
    std::lock_guard lock(counts_mutex_);
    out_.counts += work.events.counts;
    if (lines_.size() <= work.number) lines_.resize(work.number + 1);
    lines_[work.number] = static_cast<uint32_t>(work.events.counts.lines);
    for (ledger::MalformedLine& line : work.events.malformed) {
      std::string place = work.block.from.empty() ? std::string() : work.block.place(line.line);
      malformed_.push_back({work.number, std::move(place), std::move(line)});
    }
    if (!options_.list_malformed) thin_malformed();
  }

  /// Keeps the first ones.
  void thin_malformed() {
    if (malformed_.size() <= 2 * LedgerReadOptions::kMalformedSample) return;
    sort_malformed();
    malformed_.resize(LedgerReadOptions::kMalformedSample);
  }
  void sort_malformed() {
    std::sort(malformed_.begin(), malformed_.end(), [](const MalformedAt& a, const MalformedAt& b) {
      return std::pair(a.block, a.line.line) < std::pair(b.block, b.line.line);
    });
  }

  /// Matches all blocks that can be matched now, unless another thread does.
  void match_ready() {
    for (size_t i = 0; i < lanes_.size(); ++i) {
      ShardLane& lane = *lanes_[i];
      while (next_ready(lane) && lane.mutex.try_lock()) {
        std::lock_guard lock(lane.mutex, std::adopt_lock);
        while (Work* work = next_ready(lane)) {
          lane.shard->apply(work->events.shards[i], lane.totals);
          lane.next.store(work->number + 1);
          if (work->shards_left.fetch_sub(1) != 1) continue;
          ready_[work->number % ready_.size()].store(nullptr);
          give_back(work);
        }
      }
    }
  }
  Work* next_ready(const ShardLane& lane) const {
    const uint64_t next = lane.next.load();
    Work* work = ready_[next % ready_.size()].load();
    return work && work->number == next ? work : nullptr;
  }

  void finish() {
    for (auto& lane : lanes_) {
      out_.totals.merge(lane->totals);
      out_.shards.push_back(std::move(lane->shard));
    }
    out_.names = roster_.producers();
    sort_malformed();
    if (!options_.list_malformed && malformed_.size() > LedgerReadOptions::kMalformedSample)
      malformed_.resize(LedgerReadOptions::kMalformedSample);
    for (MalformedAt& at : malformed_) {
      if (at.place.empty()) at.place = input_.place(at.block, at.line.line, lines_);
      out_.malformed.push_back({std::move(at.place), at.line.fault, std::move(at.line.text)});
    }
    out_.errors = input_.take_errors();
  }

  const LedgerReadOptions& options_;
  LedgerFindings& out_;
  LedgerInput& input_;
  std::mutex input_mutex_;
  uint64_t blocks_ = 0;  ///< taken from it
  ledger::Roster roster_;
  std::mutex roster_mutex_;
  unsigned shard_bits_ = 0;
  ledger::ReaderOptions reader_options_;
  std::vector<std::unique_ptr<ShardLane>> lanes_;
  std::vector<std::unique_ptr<Work>> works_;
  std::vector<std::atomic<Work*>> ready_;  ///< by number modulo size: blocks in flight are fewer
  std::vector<Work*> free_;
  std::mutex free_mutex_;
  std::condition_variable free_signal_;
  std::mutex counts_mutex_;
  std::vector<uint32_t> lines_;  ///< by block
  std::vector<MalformedAt> malformed_;
};

}  // namespace

LedgerFindings read_ledger(const LedgerSettings& settings, LedgerInput& input,
                           const LedgerReadOptions& options, uint64_t seed) {
  LedgerFindings out;
  Pipeline pipeline(settings, input, options, seed, out);
  return out;
}

}  // namespace waybill::cli
