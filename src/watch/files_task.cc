#include "watch/files_task.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/assert.h"
#include "flow/feed_note.h"
#include "watch/tables.h"

namespace waybill::watch {
namespace {

using Op = flow::SegmentChange::Op;

constexpr std::string_view kFilePrefix = "file/", kNamePrefix = "name/";

/// Segments of one inner Task, read back under their own names.
class PartReader final : public flow::SegmentReader {
 public:
  PartReader(const flow::SegmentReader& all, std::string prefix) : all_(all), prefix_(std::move(prefix)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (std::string& name : all_.names())
      if (name.starts_with(prefix_)) out.push_back(name.substr(prefix_.size()));
    return out;
  }
  Result<std::string> read(std::string_view name) const override {
    return all_.read(prefix_ + std::string(name));
  }

 private:
  const flow::SegmentReader& all_;
  std::string prefix_;
};

class FilesTask final : public flow::Task {
 public:
  explicit FilesTask(FilesTaskParts parts) : parts_(std::move(parts)) {}

  Result<void> restore(const flow::SegmentReader& segments) override {
    const std::vector<std::string> names = segments.names();
    for (const std::string& name : names) {
      if (!name.starts_with(kFilePrefix)) continue;
      auto text = segments.read(name);
      if (!text) return tl::make_unexpected(std::move(text.error()));
      if (!read_file(*text)) return fail(Errc::kCorrupt, "watch state: segment " + name);
    }
    for (const std::string& name : names) {
      if (!name.starts_with(kNamePrefix)) continue;
      auto text = segments.read(name);
      if (!text) return tl::make_unexpected(std::move(text.error()));
      int64_t number = 0;
      size_t slash = name.find('/', kNamePrefix.size());
      if (slash != std::string::npos) {
        segments_[name.substr(0, slash + 1)].insert(name.substr(slash + 1));
        continue;
      }
      auto end = std::from_chars(name.data() + kNamePrefix.size(), name.data() + name.size(), number).ptr;
      if (end != name.data() + name.size()) return fail(Errc::kCorrupt, "watch state: segment " + name);
      names_[*text].number = number;
      numbers_ = std::max(numbers_, number + 1);
    }
    for (auto& [path, name] : names_) {
      if (!begin(path, name)) continue;
      if (auto done = name.task->restore(PartReader(segments, prefix_of(name))); !done) return done;
    }
    std::vector<flow::FollowedFile> files;
    for (const auto& [id, life] : lives_) files.push_back(life.file);
    parts_.restored(std::move(files));
    return {};
  }

  void process(const flow::Batch& batch, Now now) override {
    now_ = now;
    for (size_t i = 0; i < batch.records.size();) {
      auto note = flow::read_feed_key(batch.records[i].key);
      ASSERT(note.has_value());  // only make_feed_source feeds this
      size_t end = i + 1;
      if (note->kind == flow::FeedNote::Kind::kLine) {
        while (end < batch.records.size() && batch.records[end].key.data() == batch.records[i].key.data())
          ++end;
        lines(note->file.id, batch.records.subspan(i, end - i));
      } else {
        told(*note);
      }
      i = end;
    }
  }

  void answer(const flow::Answer&, Now) override {}
  void advance(flow::Watermark, Now) override {}

  void flush(flow::Changes& changes) override {
    for (auto& [path, name] : names_) {
      if (name.is_new) changes.segments.push_back({Op::kReplace, key_of(name), path});
      name.is_new = false;
      if (name.task) flush_name(path, name, changes);
    }
    for (uint64_t id : changed_) {
      const std::string segment = std::string(kFilePrefix) + std::to_string(id);
      auto life = lives_.find(id);
      if (life == lives_.end())
        changes.segments.push_back({Op::kDrop, segment, {}});
      else
        changes.segments.push_back({Op::kReplace, segment, text_of(life->second)});
    }
    changed_.clear();
    if (std::exchange(gone_, false)) forget_names(changes);
  }

  size_t pending_bytes() const override {
    size_t bytes = 0;
    for (const auto& [path, name] : names_)
      if (name.task) bytes += name.task->pending_bytes();
    return bytes;
  }

 private:
  /// What a path was called when it was found first.
  struct Name {
    int64_t number = 0;
    int64_t lives = 0;  ///< files that have had it
    bool is_new = false;
    std::unique_ptr<flow::Task> task;  ///< null: no rule reads it
    int64_t oversized = 0;             ///< since the last flush
  };
  /// One file.
  struct Life {
    flow::FollowedFile file;
    std::string name;
    int64_t number = 0;  ///< among those of its name
  };

  static std::string key_of(const Name& name) {
    return std::string(kNamePrefix) + std::to_string(name.number);
  }
  static std::string prefix_of(const Name& name) { return key_of(name) + "/"; }

  static std::string text_of(const Life& life) {
    flow::FollowedFile first;
    first.id = 1;
    first.path = life.name;
    return std::to_string(life.number) + "\n" + flow::followed_file_text(first) + "\n" +
           flow::followed_file_text(life.file) + "\n";
  }

  bool read_file(std::string_view text) {
    Life life;
    flow::FollowedFile first;
    size_t one = text.find('\n'), two = text.find('\n', one + 1);
    bool fine = two != std::string_view::npos && text.ends_with('\n') && two + 1 < text.size() &&
                std::from_chars(text.data(), text.data() + one, life.number).ptr == text.data() + one &&
                flow::read_followed_file(text.substr(one + 1, two - one - 1), first) &&
                flow::read_followed_file(text.substr(two + 1, text.size() - two - 2), life.file);
    if (!fine) return false;
    life.name = first.path;
    Name& name = names_[life.name];
    name.lives = std::max(name.lives, life.number + 1);
    lives_[life.file.id] = std::move(life);
    return true;
  }

  /// Makes the Task of a name; false when no rule reads it.
  bool begin(const std::string& path, Name& name) {
    auto program = parts_.program_of(path);
    if (program) {
      const flow::SourcePartition place[] = {{parts_.partition.source, path, PartitionId(0)}};
      name.task = make_watch_task(std::move(program), place);
    }
    return program != nullptr || name.task != nullptr;
  }

  Name& name_of(const std::string& path) {
    auto [at, fresh] = names_.try_emplace(path);
    if (!fresh) return at->second;
    at->second.number = numbers_++;
    at->second.is_new = true;
    begin(path, at->second);
    return at->second;
  }

  void told(const flow::FeedNote& note) {
    using Kind = flow::FeedNote::Kind;
    const uint64_t id = note.file.id;
    changed_.insert(id);
    if (note.kind == Kind::kGone) {
      lives_.erase(id);
      gone_ = true;
      return;
    }
    auto [at, fresh] = lives_.try_emplace(id);
    Life& life = at->second;
    if (note.kind == Kind::kFile) {
      life.file = note.file;
      if (!fresh) return;
      life.name = note.file.path;
      life.number = name_of(life.name).lives++;
      return;
    }
    ASSERT(!fresh);  // a file is made known before its lines
    life.file.next = note.file.next;
    if (note.count > 0) name_of(life.name).oversized += static_cast<int64_t>(note.count);
  }

  void lines(uint64_t id, std::span<const flow::Record> records) {
    auto life = lives_.find(id);
    ASSERT(life != lives_.end());  // a file is made known before its lines
    Name& name = name_of(life->second.name);
    if (!name.task) return;
    records_.assign(records.begin(), records.end());
    for (flow::Record& record : records_) {
      record.offset = record.offset + life->second.number * kFileOffsetStep;
      record.has_key = false;
      record.key = {};
    }
    const Offset next = records_.back().offset + static_cast<int64_t>(records_.back().value.size()) + 1;
    name.task->process({{parts_.partition.source, life->second.name, PartitionId(0)}, records_, next}, now_);
  }

  void flush_name(const std::string& path, Name& name, flow::Changes& changes) {
    flow::Changes own;
    name.task->flush(own);
    if (name.oversized > 0) count_oversized(path, name.oversized, own.rows);
    name.oversized = 0;
    std::move(own.rows.begin(), own.rows.end(), std::back_inserter(changes.rows));
    std::move(own.outbox.begin(), own.outbox.end(), std::back_inserter(changes.outbox));
    auto& kept = segments_[prefix_of(name)];
    for (flow::SegmentChange& segment : own.segments) {
      if (segment.op == Op::kDrop)
        kept.erase(segment.name);
      else
        kept.insert(segment.name);
      segment.name = prefix_of(name) + segment.name;
      changes.segments.push_back(std::move(segment));
    }
  }

  /// Keys are unique within a commit, so they go into the row that the lines have made.
  void count_oversized(const std::string& path, int64_t count, flow::Rows& rows) const {
    auto same = [](const flow::RowChange& row) { return row.table == &progress_table(); };
    auto row = std::find_if(rows.begin(), rows.end(), same);
    if (row == rows.end()) {
      rows.push_back({&progress_table(),
                      flow::RowChange::Op::kUpsert,
                      {parts_.partition.source, path, int64_t{0}},
                      {int64_t{0}, int64_t{0}, int64_t{0}, int64_t{0}, int64_t{0}, int64_t{0}, int64_t{0},
                       now_.wall_ms}});
      row = std::prev(rows.end());
    }
    std::get<int64_t>(row->values[0]) += count;
    std::get<int64_t>(row->values[2]) += count;
  }

  /// Names whose last file is forgotten.
  void forget_names(flow::Changes& changes) {
    std::set<std::string_view> used;
    for (const auto& [id, life] : lives_) used.insert(life.name);
    for (auto at = names_.begin(); at != names_.end();) {
      if (used.contains(at->first)) {
        ++at;
        continue;
      }
      for (const auto& segment : segments_[prefix_of(at->second)])
        changes.segments.push_back({Op::kDrop, prefix_of(at->second) + segment, {}});
      changes.segments.push_back({Op::kDrop, key_of(at->second), {}});
      segments_.erase(prefix_of(at->second));
      at = names_.erase(at);
    }
  }

  FilesTaskParts parts_;
  std::map<uint64_t, Life> lives_;     ///< by id
  std::map<std::string, Name> names_;  ///< by path
  int64_t numbers_ = 0;
  std::map<std::string, std::set<std::string>> segments_;  ///< stored ones of inner Tasks, by their prefix
  std::set<uint64_t> changed_;
  bool gone_ = true;  ///< a file was forgotten, its name may be too
  std::vector<flow::Record> records_;
  Now now_{};
};

}  // namespace

std::unique_ptr<flow::Task> make_files_task(FilesTaskParts parts) {
  return std::make_unique<FilesTask>(std::move(parts));
}

}  // namespace waybill::watch
