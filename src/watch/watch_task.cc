#include "watch/watch_task.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>

#include "base/assert.h"
#include "base/utf8.h"
#include "flow/line_joiner.h"
#include "watch/forward_row.h"
#include "watch/matcher.h"
#include "watch/open_windows.h"
#include "watch/tables.h"

namespace waybill::watch {
namespace {

static_assert(flow::kLinePadding >= decode::kJsonPadding);

/// Records are joined to blocks of this size, for one scan.
constexpr size_t kJoinBytes = 128 << 10;

void append_json(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : to_utf8(text)) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (byte < 0x20)
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
    else
      out += c;
  }
  out += '"';
}

int64_t window_start(int64_t time_ms, int64_t width_ms) {
  int64_t rest = time_ms % width_ms;
  return time_ms - (rest < 0 ? rest + width_ms : rest);
}

class WatchTask : public flow::Task, private MatchSink {
 public:
  WatchTask(std::shared_ptr<const WatchProgram> program, flow::SourcePartition partition)
      : program_(std::move(program)), partition_(std::move(partition)), matcher_(*program_->rules) {}

  Result<void> restore(const flow::SegmentReader& segments) override { return open_.restore(segments); }

  void process(const flow::Batch& batch, Now now) override {
    now_ms_ = now.wall_ms;
    next_ = batch.next;
    touched_ = true;
    if (batch.gap) {
      ++gaps_;
      gap_messages_ += batch.gap->messages();
      return;
    }
    lines_.begin(batch);
    for (const auto& record : batch.records) {
      if (!record.has_value) continue;
      if (!lines_.is_line(record)) {  // a newline inside would make two lines of one message
        scan_lines();
        single_ = &record;
        counts_ += matcher_.match(record.value, 0, *this);
        single_ = nullptr;
      } else if (!lines_.add(record)) {
        scan_lines();
        lines_.add(record);
      }
    }
    scan_lines();
  }

  void answer(const flow::Answer&, Now) override {}
  void advance(flow::Watermark, Now) override {}

  void flush(flow::Changes& changes) override {
    for (auto& [key, count] : counted_) {
      changes.rows.push_back(
          {&window_table(),
           flow::RowChange::Op::kUpsert,
           {name(key.rule), key.window_ms, key.group, partition_.source, partition_.topic, part()},
           {count.matched, count.first_ms, count.last_ms, program_->settings[key.rule].window_ms}});
      if (!program_->settings[key.rule].alerts) continue;
      changes.rows.push_back({&touched_table(),
                              flow::RowChange::Op::kUpsert,
                              {name(key.rule), key.window_ms, key.group, partition_.source, partition_.topic,
                               part(), next_.value},
                              {int64_t{1}}});
    }
    std::move(samples_.begin(), samples_.end(), std::back_inserter(changes.rows));
    if (touched_) {
      changes.rows.push_back({&progress_table(),
                              flow::RowChange::Op::kUpsert,
                              {partition_.source, partition_.topic, part()},
                              {counts_.lines, counts_.bytes, counts_.malformed, ahead_, gaps_, gap_messages_,
                               next_.value, now_ms_}});
    }
    open_.flush(changes.segments);
    changes.outbox = std::move(forwards_);
    counted_.clear();
    samples_.clear();
    forwards_.clear();
    counts_ = {};
    ahead_ = gaps_ = gap_messages_ = 0;
    pending_bytes_ = 0;
    touched_ = false;
  }

  size_t pending_bytes() const override { return pending_bytes_; }

 private:
  struct Key {
    uint32_t rule = 0;
    int64_t window_ms = 0;
    std::string group;
    bool operator==(const Key&) const = default;
    template <class H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.rule, k.window_ms, k.group);
    }
  };
  struct Count {
    int64_t matched = 0, first_ms = INT64_MAX, last_ms = INT64_MIN;
  };

  const std::string& name(uint32_t rule) const { return program_->rules->rules()[rule].name; }
  int64_t part() const { return partition_.partition.value; }

  void scan_lines() {
    if (!lines_.empty()) counts_ += matcher_.scan(lines_.block(), flow::kLinePadding, *this);
    lines_.next();
  }

  int64_t time_of(const flow::Record& record) {
    if (record.time_type == flow::TimeType::kNone) return now_ms_;
    if (record.time_ms <= now_ms_ + kAheadMaxMs) return record.time_ms;
    if (last_ahead_ != record.offset.value) ++ahead_;
    last_ahead_ = record.offset.value;
    return now_ms_;
  }

  void matched(const Match& match) override {
    const flow::Record& record = single_ ? *single_ : lines_.record_at(match.offset);
    const RuleSettings& settings = program_->settings[match.rule];
    int64_t time_ms = time_of(record);
    Key key{match.rule, window_start(time_ms, settings.window_ms), {}};
    if (!program_->rules->by_of(match.rule).empty())
      key.group = open_.group(name(match.rule), key.window_ms, by_value(match));
    Count& count = counted_[key];
    ++count.matched;
    count.first_ms = std::min(count.first_ms, time_ms);
    count.last_ms = std::max(count.last_ms, time_ms);
    if (open_.take_sample(name(match.rule), key.window_ms, settings.samples))
      keep(match, record, key, time_ms);
    if (settings.forward) {
      int64_t sent_ms = record.time_type == flow::TimeType::kNone ? now_ms_ : record.time_ms;
      forwards_.push_back(forward_row(name(match.rule), partition_, record, sent_ms));
      pending_bytes_ += forwards_.back().key.size() + forwards_.back().body.size() + 64;
    }
  }

  std::string by_value(const Match& match) const {
    std::string out;
    for (uint32_t index : program_->rules->by_of(match.rule)) {
      if (!out.empty() || index != program_->rules->by_of(match.rule).front()) out += '\x1f';
      if (match.fields) out += match.fields->value(index).text;
    }
    return out;
  }

  void keep(const Match& match, const flow::Record& record, const Key& key, int64_t time_ms) {
    const RuleSet& rules = *program_->rules;
    std::string fields = "{";
    for (uint32_t index : match.fields ? rules.fields_of(match.rule) : std::span<const uint32_t>{}) {
      decode::FieldValue value = match.fields->value(index);
      if (!value.has_text()) continue;
      if (fields.size() > 1) fields += ',';
      append_json(fields, rules.fields()[index]);
      fields += ':';
      append_json(fields,
                  program_->redactor.value(rules.fields()[index], value.text.substr(0, kSampleBytesMax)));
    }
    fields += '}';
    // Masked before it is cut, so that half a secret is none.
    std::string body = to_utf8(program_->redactor.text(match.line.substr(0, 2 * kSampleBytesMax)));
    if (body.size() > kSampleBytesMax) {
      size_t end = kSampleBytesMax;
      while ((static_cast<unsigned char>(body[end]) & 0xc0) == 0x80) --end;
      body.resize(end);
    }
    std::replace(body.begin(), body.end(), '\0', ' ');
    pending_bytes_ += body.size() + fields.size() + 128;
    samples_.push_back(
        {&sample_table(),
         flow::RowChange::Op::kUpsert,
         {name(match.rule), key.window_ms, partition_.source, partition_.topic, part(), record.offset.value},
         {time_ms, key.group, std::move(fields), std::move(body)}});
  }

  std::shared_ptr<const WatchProgram> program_;
  flow::SourcePartition partition_;
  Matcher matcher_;
  OpenWindows open_;
  // Of the batch being processed.
  flow::LineJoiner lines_{kJoinBytes};
  const flow::Record* single_ = nullptr;
  int64_t now_ms_ = 0;
  int64_t last_ahead_ = -1;
  // Since the last flush.
  absl::flat_hash_map<Key, Count> counted_;
  flow::Rows samples_;
  std::vector<flow::OutboxKey> forwards_;
  ScanCounts counts_;
  int64_t ahead_ = 0, gaps_ = 0, gap_messages_ = 0;
  size_t pending_bytes_ = 0;
  Offset next_{0};
  bool touched_ = false;
};

}  // namespace

std::unique_ptr<flow::Task> make_watch_task(std::shared_ptr<const WatchProgram> program,
                                            std::span<const flow::SourcePartition> partitions) {
  ASSERT(partitions.size() == 1);
  return std::make_unique<WatchTask>(std::move(program), partitions[0]);
}

}  // namespace waybill::watch
