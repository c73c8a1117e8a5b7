#include "kpi/kpi_task.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/utf8.h"
#include "decode/json_layout.h"
#include "flow/line_joiner.h"
#include "flow/source_dedup.h"
#include "kpi/book.h"
#include "kpi/line_reader.h"
#include "kpi/scanner.h"
#include "kpi/tables.h"
#include "tally/latency_text.h"

namespace waybill::kpi {
namespace {

using flow::Changes;
using flow::RowChange;
using flow::SegmentChange;

static_assert(flow::kLinePadding >= decode::kScanPadding);
constexpr size_t kPartBytes = 512 << 10;  ///< of a segment of ids; a change of one id is far smaller
constexpr size_t kBlockBytes = 64 << 10;  ///< of lines read at once; stays in the cache of one core
constexpr int64_t kBucketMs = 600'000;
constexpr size_t kHostsMax = 10'000;
constexpr size_t kHostBytesMax = 200;
constexpr const char* kMetaSegment = "meta";
constexpr const char* kSentSegment = "sent";
constexpr size_t kSentFilesMax = 30'000;  ///< files and partitions; 28 bytes each, all within one segment
constexpr size_t kSentBytes = 128 << 10;  ///< below, the segment only grows

std::string segment_name(char kind, const std::string& kpi, int64_t number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%020lld", static_cast<long long>(number));
  return std::string(1, kind) + "/" + kpi + "/" + digits;
}

class KpiTask final : public flow::Task {
 public:
  KpiTask(std::shared_ptr<const Program> program, TaskOptions options,
          std::span<const flow::SourcePartition> partitions, std::string part)
      : program_(program),
        options_(std::move(options)),
        part_(std::move(part)),
        partitions_(partitions.begin(), partitions.end()),
        reader_(program),
        scanner_(program),
        book_(program),
        written_(program->kpis().size()),
        buckets_(program->kpis().size()) {
    book_.keep_stuck_changes();
    std::sort(partitions_.begin(), partitions_.end());
  }

  Result<void> restore(const flow::SegmentReader& segments) override {
    for (const std::string& name : segments.names()) {
      auto bytes = segments.read(name);
      if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
      if (auto done = restore(name, *bytes); !done)
        return tl::make_unexpected(std::move(done.error()).within(name));
    }
    return {};
  }

  void process(const flow::Batch& batch, Now now) override {
    now_ = now;
    changed_ = true;
    positions_[batch.from] = batch.next;
    if (batch.gap) {
      gap_messages_ += batch.gap->messages();
      return;
    }
    book_.select_input(input_of(batch.from));
    scanner_.begin(now.wall_ms);
    lines_.begin(batch);
    for (const flow::Record& record : batch.records) one(batch.from, record);
    read_lines();
    book_.apply(scanner_.take(), 0);
  }

  void answer(const flow::Answer&, Now) override {}

  void advance(flow::Watermark watermark, Now now) override {
    now_ = now;
    if (watermark.caught_up != caught_up_) changed_ = true;
    caught_up_ = watermark.caught_up;
  }

  size_t pending_bytes() const override {
    size_t groups = 0;
    for (const KpiState& state : book_.kpis()) {
      for (const auto& [start, window] : state.windows) groups += window.groups.size();
    }
    return groups * 300;
  }

  void flush(Changes& changes) override {
    if (!changed_) return;
    changed_ = false;
    for (size_t i = 0; i < program_->kpis().size(); ++i) flush_kpi(i, changes);
    for (const auto& [key, problem] : book_.take_problems())
      changes.rows.push_back(problem_row(key, problem));
    for (const auto& [host, last_ms] : hosts_)
      changes.rows.push_back({&agent_table(), RowChange::Op::kUpsert, {options_.source, host}, {last_ms}});
    hosts_.clear();
    last_host_ms_ = nullptr;
    for (const auto& [from, next] : std::exchange(positions_, {})) {
      changes.rows.push_back({&position_table(),
                              RowChange::Op::kUpsert,
                              {options_.group, from.source, from.topic, int64_t{from.partition.value}},
                              {next.value, now_.wall_ms}});
    }
    repeated_ = 0;
    gap_messages_ = 0;
    changes.segments.push_back({SegmentChange::Op::kReplace, kMetaSegment, meta()});
    flush_sent(changes);
  }

 private:
  /// What is new is appended; now and then all of it is written anew.
  void flush_sent(Changes& changes) {
    if (!sent_.changed()) return;
    const bool anew = sent_bytes_ > kSentBytes && sent_bytes_ > 4 * sent_.encoded_bytes();
    std::string bytes = anew ? sent_.encode() : sent_.encode_changes();
    sent_bytes_ = bytes.size() + (anew ? 0 : sent_bytes_);
    changes.segments.push_back(
        {anew ? SegmentChange::Op::kReplace : SegmentChange::Op::kAppend, kSentSegment, std::move(bytes)});
  }

  struct Written {
    int64_t too_late = 0;
    int64_t other_lines = 0;
  };
  struct Bucket {
    int64_t parts = 0;  ///< of the bucket so far
    size_t bytes = 0;   ///< of the last part
  };

  size_t input_of(const flow::SourcePartition& from) const {
    return static_cast<size_t>(std::lower_bound(partitions_.begin(), partitions_.end(), from) -
                               partitions_.begin());
  }

  void one(const flow::SourcePartition& from, const flow::Record& record) {
    if (!record.headers.empty()) {
      note_host(record);
      if (sent_.look(from.partition, record.headers) == flow::SourceDedup::Verdict::kRepeated) {
        ++repeated_;
        return;
      }
    }
    if (!record.has_value) return;
    std::string_view line = record.value;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (is_blank_line(line)) return;
    if (!lines_.is_line(record)) {
      read_lines();
      return reader_.read_one(line, scanner_, record.offset.value);
    }
    if (!lines_.add(record)) {
      read_lines();
      lines_.add(record);
    }
    places_.push_back(record.offset.value);
  }

  void read_lines() {
    if (!lines_.empty()) reader_.read(lines_.block(), scanner_, places_.data());
    lines_.next();
    places_.clear();
  }

  void note_host(const flow::Record& record) {
    for (const flow::Header& header : record.headers) {
      if (header.key != options_.host_header) continue;
      if (last_host_ms_ && header.value == last_host_) {
        *last_host_ms_ = std::max(*last_host_ms_, record.time_ms);
        return;
      }
      std::string host = to_utf8(header.value.substr(0, kHostBytesMax));
      if (hosts_.size() >= kHostsMax && !hosts_.contains(host)) return;
      last_host_ = header.value;
      last_host_ms_ = &hosts_[std::move(host)];
      *last_host_ms_ = std::max(*last_host_ms_, record.time_ms);
      return;
    }
  }

  void flush_kpi(size_t index, Changes& changes) {
    const Kpi& kpi = program_->kpis()[index];
    KpiState& state = book_.kpis()[index];
    for (const auto& [start, window] : state.windows) {
      for (const auto& [key, group] : window.groups)
        flush_group(kpi, start, window.end_ms, key, *group, changes);
    }
    state.windows.clear();
    flush_progress(index, changes);
    flush_known(kpi, state, changes);
    if (state.funnel) flush_funnel(index, changes);
  }

  void flush_group(const Kpi& kpi, int64_t start, int64_t end, const std::string& key, const Group& group,
                   Changes& changes) {
    const flow::TableSpec& table = value_table(kpi.definition.window_ms);
    auto add = [&](const std::string& value, const Cell& cell) {
      const SplitSum sum = split_sum(cell.sum);
      changes.rows.push_back({&table,
                              RowChange::Op::kUpsert,
                              {kpi.definition.name, start, key, value, part_},
                              {end, cell.count, sum.low, sum.high, cell.min, cell.max,
                               cell.sketch ? tally::latency_text(*cell.sketch) : std::string()}});
    };
    Cell lines;
    lines.count = group.lines;
    add("", lines);
    for (size_t i = 0; i < kpi.definition.values.size(); ++i) {
      const int measure = kpi.measure_of[i];
      if (measure < 0 || static_cast<size_t>(measure) >= group.cells.size()) continue;
      const Cell& cell = group.cells[static_cast<size_t>(measure)];
      if (cell.count != 0 || cell.sum != 0) add(kpi.definition.values[i].name, cell);
    }
  }

  void flush_progress(size_t index, Changes& changes) {
    const KpiState& state = book_.kpis()[index];
    Written& written = written_[index];
    const int64_t newest = state.watermark_ms == INT64_MIN ? 0 : state.watermark_ms;
    changes.rows.push_back(
        {&progress_table(),
         RowChange::Op::kUpsert,
         {program_->kpis()[index].definition.name, part_},
         {newest, state.too_late - written.too_late, state.other_lines - written.other_lines, repeated_,
          gap_messages_, int64_t{caught_up_}, now_.wall_ms}});
    written = {state.too_late, state.other_lines};
  }

  void flush_known(const Kpi& kpi, KpiState& state, Changes& changes) {
    std::map<int64_t, ByteWriter> added;
    for (const auto& [start, key] : state.new_groups) added[start].text(key);
    for (int64_t start : state.closed) {
      added.erase(start);
      changes.segments.push_back(
          {SegmentChange::Op::kDrop, segment_name('g', kpi.definition.name, start), ""});
    }
    for (auto& [start, bytes] : added) {
      changes.segments.push_back(
          {SegmentChange::Op::kAppend, segment_name('g', kpi.definition.name, start), bytes.take()});
    }
    state.new_groups.clear();
    state.closed.clear();
  }

  void flush_funnel(size_t index, Changes& changes) {
    const Kpi& kpi = program_->kpis()[index];
    KpiState& state = book_.kpis()[index];
    std::map<std::string, std::string> appended;
    state.funnel->take_dirty([&](int64_t last_ms, std::string_view bytes) {
      const int64_t bucket = last_ms / kBucketMs;
      Bucket& at = buckets_[index][bucket];
      if (at.parts == 0 || at.bytes + bytes.size() > kPartBytes) at = {at.parts + 1, 0};
      at.bytes += bytes.size();
      appended[segment_name('o', kpi.definition.name, bucket) + "/" + part_number(at.parts)] += bytes;
    });
    for (auto& [name, bytes] : appended)
      changes.segments.push_back({SegmentChange::Op::kAppend, name, std::move(bytes)});
    drop_buckets(index, changes);
    for (const StuckChange& change : std::exchange(state.stuck_changes, {})) {
      const auto op = change.stuck ? RowChange::Op::kUpsert : RowChange::Op::kErase;
      RowChange row{&stuck_table(), op, {kpi.definition.name, change.id}, {}};
      if (change.stuck)
        row.values = {change.group, kpi.definition.steps->order[change.step], change.since_ms};
      changes.rows.push_back(std::move(row));
    }
  }

  static std::string part_number(int64_t number) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%08lld", static_cast<long long>(number));
    return digits;
  }

  /// Buckets whose ids are all forgotten or have gone on to a later bucket.
  void drop_buckets(size_t index, Changes& changes) {
    const Kpi& kpi = program_->kpis()[index];
    const int64_t watermark = book_.kpis()[index].watermark_ms;
    auto& buckets = buckets_[index];
    while (watermark != INT64_MIN && !buckets.empty() &&
           (buckets.begin()->first + 2) * kBucketMs + kpi.definition.steps->keep_ms <= watermark) {
      for (int64_t n = 1; n <= buckets.begin()->second.parts; ++n) {
        changes.segments.push_back(
            {SegmentChange::Op::kDrop,
             segment_name('o', kpi.definition.name, buckets.begin()->first) + "/" + part_number(n), ""});
      }
      buckets.erase(buckets.begin());
    }
  }

  RowChange problem_row(const ProblemKey& key, const Problem& problem) const {
    const std::string kpi = key.kpi == kNoKpi ? std::string() : program_->kpis()[key.kpi].definition.name;
    const std::string detail =
        key.detail == 0 ? ""
                        : std::string(decode::time_fault_text(static_cast<decode::TimeFault>(key.detail)));
    return {&problem_table(),
            RowChange::Op::kUpsert,
            {kpi, part_, std::string(reason_text(key.reason)), key.field, detail},
            {problem.count, problem.first_place, problem.sample}};
  }

  std::string meta() const {
    ByteWriter out;
    out.u64(program_->kpis().size());
    for (size_t i = 0; i < program_->kpis().size(); ++i) {
      out.text(program_->kpis()[i].definition.name);
      const KpiState& state = book_.kpis()[i];
      out.u64(state.newest_ms.size());
      for (size_t input = 0; input < state.newest_ms.size(); ++input) {
        out.text(input < partitions_.size() ? partitions_[input].str() : std::string());
        out.i64(state.newest_ms[input]);
      }
    }
    return out.take();
  }

  Result<void> restore_meta(std::string_view bytes) {
    ByteReader in(bytes);
    for (uint64_t n = in.u64(); n > 0 && in.ok(); --n) {
      const int kpi = index_of(in.view());
      for (uint64_t inputs = in.u64(); inputs > 0 && in.ok(); --inputs) {
        const std::string_view name = in.view();
        const int64_t newest = in.i64();
        auto it = std::find_if(partitions_.begin(), partitions_.end(),
                               [&](const auto& p) { return p.str() == name; });
        if (kpi >= 0 && it != partitions_.end() && newest != INT64_MIN)
          book_.restore_newest(static_cast<size_t>(kpi), static_cast<size_t>(it - partitions_.begin()),
                               newest);
      }
    }
    if (!in.ok()) return fail(Errc::kCorrupt, "the state is damaged");
    return {};
  }

  int index_of(std::string_view name) const {
    for (size_t i = 0; i < program_->kpis().size(); ++i) {
      if (program_->kpis()[i].definition.name == name) return static_cast<int>(i);
    }
    return -1;  // a KPI that is no longer configured
  }

  Result<void> restore(const std::string& name, const std::string& bytes) {
    if (name == kMetaSegment) return restore_meta(bytes);
    if (name == kSentSegment) {
      sent_bytes_ = bytes.size();
      return sent_.restore(bytes);
    }
    const size_t slash = name.find('/', 2);
    if (name.size() < 3 || name[1] != '/' || slash == std::string::npos)
      return fail(Errc::kCorrupt, "a segment of an unknown kind");
    const int kpi = index_of(std::string_view(name).substr(2, slash - 2));
    if (kpi < 0) return {};
    const auto index = static_cast<size_t>(kpi);
    const int64_t number = std::strtoll(name.c_str() + slash + 1, nullptr, 10);
    if (name[0] == 'o') {
      if (!book_.kpis()[index].funnel) return {};
      Bucket& bucket = buckets_[index][number];
      bucket = {bucket.parts + 1, bytes.size()};
      return book_.kpis()[index].funnel->restore(bytes);
    }
    ByteReader in(bytes);
    while (!in.at_end()) book_.restore_group(index, number, in.text());
    if (!in.ok()) return fail(Errc::kCorrupt, "the groups of a window are damaged");
    return {};
  }

  std::shared_ptr<const Program> program_;  ///< shared by the Tasks of a plan
  TaskOptions options_;
  std::string part_;
  std::vector<flow::SourcePartition> partitions_;
  LineReader reader_;
  Scanner scanner_;
  Book book_;
  flow::LineJoiner lines_{kBlockBytes};             ///< of the batch, not read yet
  std::vector<int64_t> places_;                     ///< of these
  std::vector<Written> written_;                    ///< by KPI
  std::vector<std::map<int64_t, Bucket>> buckets_;  ///< by KPI: ten minutes of last lines
  flow::SourceDedup sent_{kSentFilesMax};
  size_t sent_bytes_ = 0;                              ///< of its segment
  std::map<std::string, int64_t> hosts_;               ///< since the last flush
  std::string last_host_;                              ///< header of the last record that had one
  int64_t* last_host_ms_ = nullptr;                    ///< of it, in hosts_; null after a flush
  std::map<flow::SourcePartition, Offset> positions_;  ///< since the last flush
  int64_t repeated_ = 0;
  int64_t gap_messages_ = 0;
  Now now_{};
  bool caught_up_ = false;
  bool changed_ = false;
};

}  // namespace

std::unique_ptr<flow::Task> make_kpi_task(std::shared_ptr<const Program> program, TaskOptions options,
                                          std::span<const flow::SourcePartition> partitions,
                                          std::string part) {
  return std::make_unique<KpiTask>(std::move(program), std::move(options), partitions, std::move(part));
}

std::string part_of(std::string_view task_id) {
  for (int i = 0; i < 2; ++i) {
    const size_t slash = task_id.find('/');
    if (slash == std::string_view::npos) return {};
    task_id.remove_prefix(slash + 1);
  }
  return std::string(task_id);
}

}  // namespace waybill::kpi
