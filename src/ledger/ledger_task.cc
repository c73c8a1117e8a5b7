#include "ledger/ledger_task.h"

#include <algorithm>
#include <charconv>
#include <deque>

#include "base/assert.h"
#include "flow/line_joiner.h"
#include "ledger/documents.h"
#include "ledger/journal.h"
#include "ledger/state_names.h"
#include "ledger/stream_rows.h"

namespace waybill::ledger {
namespace {

static_assert(flow::kLinePadding >= decode::kScanPadding);
constexpr size_t kSliceBytesMax = flow::kSegmentBytesMax - (64 << 10);
constexpr int64_t kSliceMs = 60'000;
constexpr int kSweepsPerHorizon = 8;
constexpr size_t kAhead = 12;

/// A message that something happens to at a time, unless its slot was freed before.
struct Timed {
  uint32_t opened_s;
  uint32_t slot;
  uint8_t generation;
};

}  // namespace

struct LedgerTask::Impl {
  explicit Impl(LedgerTaskOptions wanted)
      : options(std::move(wanted)),
        roster(options.producers, {.discover = options.discover}),
        shard({.keep_ids = options.discover}),
        rows(options.ledger, options.part, options.bucket_ms),
        documents(options.ledger),
        origins(options.format.envelope) {
    expect_configured();
  }

  LedgerTaskOptions options;
  Roster roster;
  Shard shard;
  StreamRows rows;
  Documents documents;
  Origins origins;
  std::unique_ptr<LineReader> reader{};
  BlockEvents events{};
  flow::LineJoiner lines{kBlockBytes};
  int64_t time_ms = 0;          ///< of the stream
  std::deque<Timed> due{};      ///< not yet due
  std::deque<Timed> overdue{};  ///< told, until the horizon
  std::vector<std::pair<uint64_t, uint16_t>> dirty{};
  TaskMeta meta{};
  bool names_changed = true;
  int64_t next_sweep_ms = 0;
  uint64_t overflow_told = 0;

  void expect_configured() {
    for (uint32_t p = 0; p < roster.producers().size(); ++p)
      shard.expect(p, static_cast<uint32_t>(roster.producers()[p].consumers.size()));
  }

  // ---- Observer of the shard ----

  void opened(uint32_t index) {
    OpenSlots::Slot& slot = shard.slots()[index];
    slot.opened_s = static_cast<uint32_t>(time_ms / 1000);
    due.push_back({slot.opened_s, index, slot.generation});
  }

  void produced(const Event& event, const Cell& cell) {
    ++rows.at(event.produce_time, event.producer, StreamRows::kProducer).produced;
    if (options.documents) document_produced(event, cell);
    if (!cell.has(Cell::kOverdue) || !cell.has(Cell::kOpen)) return;
    for_each_missing(cell, [this](const Exception& e) { tell_unconsumed(e); });
  }

  void consumed(const Event& event, const Cell& cell) {
    StreamRows::Delta& delta = rows.at(event.produce_time, event.producer, event.consumer);
    ++delta.consumed;
    delta.latency.add(event.consume_time - event.produce_time);
    if (options.documents) {
      MessageState state = state_of(event, cell, event.consumer);
      state.consumed = {event.consume_time, event.consume_time - event.produce_time, event.origin};
      documents.put(state, roster, origins);
    }
    if (!cell.has(Cell::kOverdue) || !cell.has(Cell::kOpen)) return;
    Exception e = exception_of(cell, event.consumer);
    if (cell.has(Cell::kProduced)) {
      --rows.at(e.produce_time, e.producer, e.consumer).unconsumed;
      rows.take_back(e, roster);
    } else {
      tell_unrecorded(std::move(e), event.consume_time);
    }
  }

  void recorded(const Event& event, const OpenSlots::Early& early, const Cell& cell) {
    if (options.documents) {
      MessageState state = state_of(event, cell, early.consumer);
      state.consumed = {early.consume_time, early.latency_ms, early.origin};
      documents.put(state, roster, origins);
    }
    if (!cell.has(Cell::kOverdue)) return;
    Exception e = exception_of(cell, early.consumer);
    e.kind = Exception::Kind::kUnrecorded;
    --rows.at(e.produce_time, e.producer, e.consumer).unrecorded;
    rows.take_back(e, roster);
  }

  void duplicated(const Event& event) {
    ++rows.at(event.produce_time, event.producer, event.consumer).duplicated;
    rows.tell({Exception::Kind::kDuplicated, event.producer, event.consumer, std::string(event.uid_text()),
               event.produce_time, event.consume_time},
              roster);
  }

  /// New consumers owe what is overdue and open, too: so whatever is overdue and missing has been told.
  void discovered(uint32_t producer, uint32_t first) {
    names_changed = true;
    if (options.documents) document_discovered(producer, first);
    for (const Timed& timed : overdue) {
      const Cell* cell = cell_of(timed);
      if (!cell || !cell->has(Cell::kProduced) || shard.slots()[timed.slot].producer != producer) continue;
      for (uint32_t c = first; c < shard.consumers_known(producer); ++c)
        tell_unconsumed(exception_of(*cell, c));
    }
  }

  void approaching(const Event&) const {}

  void touched(Cell& cell) {
    if (cell.has(Cell::kDirty)) return;
    cell.flags = cell.flags | Cell::kDirty;
    dirty.emplace_back(cell.tag, cell.more);
  }

  // ---- documents ----

  MessageState state_of(const Event& event, const Cell& cell, uint32_t consumer) const {
    MessageState state{.producer = event.producer,
                       .consumer = consumer,
                       .uid = event.uid_text(),
                       .produce_time = event.produce_time,
                       .produced = cell.has(Cell::kProduced)};
    if (!cell.has(Cell::kOpen)) return state;
    state.produce_time = shard.slots()[cell.slot].produce_time;
    state.produce_origin = shard.slots()[cell.slot].origin;
    return state;
  }

  /// Of consumers that were earlier recorded() tells.
  void document_produced(const Event& event, const Cell& cell) {
    if (cell.has(Cell::kOpen) && event.origin != 0) {
      shard.slots()[cell.slot].origin = event.origin;
      shard.slots()[cell.slot].written = false;
    }
    for (uint32_t c = 0; c < shard.consumers_known(event.producer); ++c) {
      if (shard.owes(event.producer, c) && !shard.has_consumed(cell, c))
        documents.put(state_of(event, cell, c), roster, origins);
    }
  }

  /// Consumers from `first` on owe whatever is open.
  void document_discovered(uint32_t producer, uint32_t first) {
    for (const std::deque<Timed>* waiting : {&due, &overdue}) {
      for (const Timed& timed : *waiting) {
        const Cell* cell = cell_of(timed);
        if (!cell || !cell->has(Cell::kProduced)) continue;
        const OpenSlots::Slot& slot = shard.slots()[timed.slot];
        if (slot.producer != producer) continue;
        MessageState state{.producer = producer,
                           .uid = shard.slots().uid(timed.slot),
                           .produce_time = slot.produce_time,
                           .produced = true,
                           .produce_origin = slot.origin};
        for (state.consumer = first; state.consumer < shard.consumers_known(producer); ++state.consumer)
          documents.put(state, roster, origins);
      }
    }
  }

  // ---- exceptions ----

  /// REQUIRES: the cell is open.
  Exception exception_of(const Cell& cell, uint32_t consumer) const {
    const OpenSlots::Slot& slot = shard.slots()[cell.slot];
    return {Exception::Kind::kUnconsumed, slot.producer, consumer, std::string(shard.slots().uid(cell.slot)),
            slot.produce_time};
  }
  template <class Fn>
  void for_each_missing(const Cell& cell, Fn fn) const {
    const uint32_t producer = shard.slots()[cell.slot].producer;
    for (uint32_t c = 0; c < shard.consumers_known(producer); ++c) {
      if (shard.owes(producer, c) && !shard.has_consumed(cell, c)) fn(exception_of(cell, c));
    }
  }
  void tell_unconsumed(const Exception& e) {
    ++rows.at(e.produce_time, e.producer, e.consumer).unconsumed;
    rows.tell(e, roster);
  }
  void tell_unrecorded(Exception e, int64_t consume_time) {
    e.kind = Exception::Kind::kUnrecorded;
    e.consume_time = consume_time;
    ++rows.at(e.produce_time, e.producer, e.consumer).unrecorded;
    rows.tell(e, roster);
  }

  // ---- time ----

  /// The open message that it names, or null.
  Cell* cell_of(const Timed& timed) {
    const OpenSlots::Slot& slot = shard.slots()[timed.slot];
    if (slot.generation != timed.generation) return nullptr;
    Cell* cell = shard.table().find(slot.tag, slot.more);
    return cell && cell->has(Cell::kOpen) && cell->slot == timed.slot ? cell : nullptr;
  }

  void pass_time(int64_t now_ms) {
    if (now_ms <= time_ms) return;
    time_ms = now_ms;
    shard.set_stamp(static_cast<uint32_t>(time_ms / 1000));
    auto reached = [this](const Timed& timed, int64_t after_ms) {
      return timed.opened_s * int64_t{1000} + after_ms < time_ms;
    };
    for (; !due.empty() && reached(due.front(), options.deadline_ms); due.pop_front())
      pass_deadline(due.front());
    for (; !overdue.empty() && reached(overdue.front(), options.horizon_ms); overdue.pop_front()) {
      if (Cell* cell = cell_of(overdue.front())) {
        shard.release(*cell);
        touched(*cell);
      }
    }
    drop_slices_later = true;
    if (time_ms < next_sweep_ms) return;
    if (next_sweep_ms != 0) sweep();
    next_sweep_ms = time_ms + options.horizon_ms / kSweepsPerHorizon;
  }

  void pass_deadline(const Timed& timed) {
    Cell* cell = cell_of(timed);
    if (!cell) return;
    touched(*cell);
    if (cell->has(Cell::kProduced) && shard.complete(*cell, shard.slots()[timed.slot].producer))
      return shard.release(*cell);
    cell->flags = cell->flags | Cell::kOverdue;
    overdue.push_back(timed);
    if (cell->has(Cell::kProduced))
      return for_each_missing(*cell, [this](const Exception& e) { tell_unconsumed(e); });
    for (uint32_t i = shard.slots()[timed.slot].early; i != OpenSlots::kNone;
         i = shard.slots().early(i).next) {
      const OpenSlots::Early& early = shard.slots().early(i);
      tell_unrecorded(exception_of(*cell, early.consumer), early.consume_time);
    }
  }

  void sweep() {
    const uint32_t stamp = shard.stamp();
    const auto horizon_s = static_cast<uint32_t>(options.horizon_ms / 1000) + 1;
    shard.sweep([&](const Cell& cell) {
      return cell.has(Cell::kDirty) || ((stamp - cell.slot) & (Cell::kSlotsMax - 1)) <= horizon_s;
    });
  }

  // ---- input ----

  LineReader& line_reader() {
    if (!reader) {
      if (meta.seed == 0) meta.seed = options.seed;
      ReaderOptions wanted{.format = options.format, .batch_lines = options.batch_lines, .seed = meta.seed};
      wanted.produced_from = options.produced_from;
      wanted.malformed_max = static_cast<size_t>(LedgerTaskOptions::kMalformedMax);
      reader =
          std::make_unique<LineReader>(std::move(wanted), [this](uint32_t producer, std::string_view name) {
            const bool is_producer = producer == Event::kProduced;
            names_changed = names_changed || roster.discovers();
            return is_producer ? roster.producer(name) : roster.consumer(producer, name);
          });
    }
    return *reader;
  }

  void process(const flow::Batch& batch) {
    events.clear(1);
    if (options.documents) return process_documents(batch);
    lines.begin(batch);
    for (const flow::Record& record : batch.records) {
      if (!lines.is_line(record)) {
        read_lines(batch.from);
        line_reader().read_line(record.value, events);
        apply(batch.from, [&](size_t) -> const flow::Record& { return record; });
      } else if (!lines.add(record)) {
        read_lines(batch.from);
        lines.add(record);
      }
    }
    read_lines(batch.from);
  }

  /// Line by line: an event must know the line that it came from.
  void process_documents(const flow::Batch& batch) {
    std::vector<Event>& found = events.shards[0];
    for (const flow::Record& record : batch.records) {
      const size_t before = found.size();
      line_reader().read_line(record.value, events);
      if (found.size() > before) found.back().origin = origins.of(record.value);
    }
    apply(batch.from, [&](size_t line) -> const flow::Record& { return batch.records[line]; });
  }

  void read_lines(const flow::SourcePartition& from) {
    if (lines.empty()) return;
    line_reader().read_block(lines.block(), events);
    apply(from, [this](size_t line) -> const flow::Record& { return lines.record(line); });
    lines.next();
  }

  /// Matches what was read and starts anew. `record_of`: the record of a line by its number.
  template <class RecordOf>
  void apply(const flow::SourcePartition& from, RecordOf record_of) {
    for (const MalformedLine& line : events.malformed) {
      if (meta.malformed >= LedgerTaskOptions::kMalformedMax) break;
      ++meta.malformed;
      const flow::Record& record = record_of(line.line);
      rows.malformed(options.keyed_places && record.has_key
                         ? std::string(record.key)
                         : from.str() + "@" + std::to_string(record.offset.value),
                     line, record.time_ms);
    }
    const std::vector<Event>& found = events.shards[0];
    shard.apply(std::span<const Event>(found), *this);
    rows.lines(events.counts, static_cast<int64_t>(shard.overflow() - overflow_told));
    overflow_told = shard.overflow();
    events.clear(1);
  }

  // ---- state ----

  void flush(flow::Changes& changes) {
    if (!dirty.empty()) write_entries(changes);
    if (std::exchange(drop_slices_later, false)) {
      while (!meta.slices.empty() && meta.slices.front().last_ms + options.horizon_ms + kSliceMs < time_ms &&
             meta.slices.size() > 1) {
        changes.segments.push_back(
            {flow::SegmentChange::Op::kDrop, slice_name(meta.slices.front().number), {}});
        meta.slices.pop_front();
      }
    }
    rows.flush(roster, changes.rows);
    documents.flush(changes.outbox);
    if (origins.changed()) write_named(changes, "origins", origins.encode());
    if (std::exchange(names_changed, false)) write_named(changes, "names", encode_names(roster));
    meta.time_ms = time_ms;
    if (std::string bytes = encode_meta(meta); bytes != meta_written) {
      meta_written = bytes;
      write_named(changes, "meta", std::move(bytes));
    }
  }

  void write_entries(flow::Changes& changes) {
    std::string bytes;
    for (size_t i = 0; i < dirty.size(); ++i) {
      if (i + kAhead < dirty.size()) shard.table().prefetch(dirty[i + kAhead].first);
      const auto [tag, more] = dirty[i];
      Cell* cell = shard.table().find(tag, more);
      ASSERT(cell != nullptr);
      cell->flags = cell->flags & ~Cell::kDirty;
      append_entry(bytes, shard, *cell);
      if (bytes.size() > kSliceBytesMax / 2) write_part(changes, std::exchange(bytes, {}));
    }
    dirty.clear();
    if (!bytes.empty()) write_part(changes, std::move(bytes));
  }

  void write_part(flow::Changes& changes, std::string bytes) {
    bool fresh = meta.slices.empty();
    if (!fresh) {
      const TaskMeta::Slice& slice = meta.slices.back();
      fresh =
          slice.bytes + bytes.size() + kPartHeader > kSliceBytesMax || time_ms - slice.first_ms > kSliceMs;
    }
    if (fresh) meta.slices.push_back({meta.next_slice++, time_ms, time_ms, 0});
    TaskMeta::Slice& slice = meta.slices.back();
    slice.last_ms = time_ms;
    slice.bytes += bytes.size() + kPartHeader;
    const auto op = fresh ? flow::SegmentChange::Op::kReplace : flow::SegmentChange::Op::kAppend;
    changes.segments.push_back({op, slice_name(slice.number), part_bytes(time_ms, bytes)});
  }

  /// Names and meta may be larger than a segment: name, name.1, ...
  static void write_named(flow::Changes& changes, const std::string& name, std::string bytes) {
    for (auto& [segment, part] : split_segment(name, bytes))
      changes.segments.push_back({flow::SegmentChange::Op::kReplace, segment, std::move(part)});
  }

  Result<void> restore(const flow::SegmentReader& segments) {
    auto stored_meta = read_split(segments, "meta");
    if (!stored_meta) return tl::make_unexpected(std::move(stored_meta.error()));
    if (stored_meta->empty()) return {};
    auto decoded = decode_meta(*stored_meta);
    if (!decoded) return tl::make_unexpected(std::move(decoded.error()));
    meta = std::move(*decoded);
    auto names = read_split(segments, "names");
    if (!names) return tl::make_unexpected(std::move(names.error()));
    if (auto restored = restore_names(*names); !restored) return restored;
    auto places = read_split(segments, "origins");
    if (!places) return tl::make_unexpected(std::move(places.error()));
    if (auto restored = origins.restore(*places); !restored) return restored;
    time_ms = meta.time_ms;
    for (const TaskMeta::Slice& slice : meta.slices) {
      auto bytes = segments.read(slice_name(slice.number));
      if (!bytes)
        return tl::make_unexpected(
            std::move(bytes.error()).within("ledger state " + slice_name(slice.number)));
      if (auto applied = apply_parts(*bytes, shard); !applied) return applied;
    }
    shard.set_stamp(static_cast<uint32_t>(time_ms / 1000));
    restore_timers();
    return {};
  }

  /// Numbers of names are those of the stored state; names that are configured since come behind.
  Result<void> restore_names(std::string_view bytes) {
    auto stored = decode_names(bytes);
    if (!stored) return tl::make_unexpected(std::move(stored.error()));
    roster = Roster(std::move(*stored), options.producers, {.discover = options.discover});
    for (uint32_t p = 0; p < roster.producers().size(); ++p) {
      shard.expect(p, static_cast<uint32_t>(roster.producers()[p].consumers.size()));
      for (uint32_t c = 0; c < roster.producers()[p].consumers.size(); ++c) {
        if (!roster.follows(p, c)) shard.excuse(p, c);
      }
    }
    names_changed = true;
    return {};
  }

  void restore_timers() {
    std::vector<std::pair<Timed, bool>> open;
    shard.table().for_each([&](const Cell& cell) {
      if (!cell.has(Cell::kOpen)) return;
      const OpenSlots::Slot& slot = shard.slots()[cell.slot];
      open.emplace_back(Timed{slot.opened_s, cell.slot, slot.generation}, cell.has(Cell::kOverdue));
    });
    std::sort(open.begin(), open.end(),
              [](const auto& a, const auto& b) { return a.first.opened_s < b.first.opened_s; });
    for (const auto& [timed, is_overdue] : open) (is_overdue ? overdue : due).push_back(timed);
  }

  static constexpr size_t kBlockBytes = 256 << 10;
  bool drop_slices_later = false;
  std::string meta_written{};
};

LedgerTask::LedgerTask(LedgerTaskOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
LedgerTask::~LedgerTask() = default;

Result<void> LedgerTask::restore(const flow::SegmentReader& segments) { return impl_->restore(segments); }

void LedgerTask::process(const flow::Batch& batch, Now now) {
  if (impl_->time_ms == 0 && !batch.records.empty()) {
    const int64_t first = batch.records.front().time_ms;
    impl_->pass_time(first > 0 ? std::min(first, now.wall_ms) : now.wall_ms);
  }
  impl_->process(batch);
}

void LedgerTask::answer(const flow::Answer& answer, Now now) { (void)answer, (void)now; }

void LedgerTask::advance(flow::Watermark watermark, Now now) {
  impl_->pass_time(watermark.caught_up ? now.wall_ms : std::min(watermark.time_ms, now.wall_ms));
}

void LedgerTask::flush(flow::Changes& changes) { impl_->flush(changes); }
size_t LedgerTask::pending_bytes() const {
  return impl_->rows.bytes() + impl_->documents.bytes() + impl_->dirty.size() * 80;
}

}  // namespace waybill::ledger
