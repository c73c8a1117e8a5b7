#include "source/feed_source.h"

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "flow/feed_note.h"

namespace waybill::source {
namespace {

constexpr int64_t kNotesEveryMs = 1'000;

class FeedSource final : public flow::Source {
 public:
  FeedSource(FeedSourceOptions options, flow::Assignments& assignments, const Clock& clock)
      : options_(std::move(options)), assignments_(assignments), clock_(clock) {
    health_.member = options_.member;
  }

  Result<flow::Batch> poll(Millis wait) override {
    if (!owned_) {
      const flow::SourcePartition mine[] = {options_.partition};
      owned_ = !assignments_.assigned(mine).empty();
    }
    if (!owned_ || paused_) {
      std::this_thread::sleep_for(wait);
      return flow::Batch{};
    }
    if (begun_ != options_.restored->version || !feed_) {
      if (auto begun = begin(); !begun) return tl::make_unexpected(std::move(begun.error()));
    }
    if (pending_) return hand_out(*std::exchange(pending_, std::nullopt));
    if (notes_are_due() && take_notes()) return notes_batch();
    flow::FileBatch batch = feed_->poll(wait);
    if (batch.file == 0) return notes_are_due() && take_notes() ? notes_batch() : flow::Batch{};
    if (feed_->ids_given() == ids_noted_) return hand_out(batch);
    pending_ = batch;  // its file is made known first
    return take_notes() ? notes_batch() : hand_out(*std::exchange(pending_, std::nullopt));
  }

  Result<void> seek(const flow::SourcePartition&, Offset next) override {
    handed_out_ = next.value;
    return {};
  }
  void pause(const flow::SourcePartition&) override { paused_ = true; }
  void resume(const flow::SourcePartition&) override { paused_ = false; }
  Result<flow::Bounds> bounds(const flow::SourcePartition&) override {
    return fail(Errc::kUnavailable, "files have no known end");
  }
  void publish(std::span<const std::pair<flow::SourcePartition, Offset>>, std::string_view) override {}

  flow::SourceHealth health() const override {
    std::lock_guard lock(mutex_);
    return health_;
  }

  void close() override {
    const flow::SourcePartition mine[] = {options_.partition};
    if (owned_) assignments_.revoked(mine, flow::RevokeReason::kRebalanced);
    owned_ = false;
    pending_.reset();
    feed_.reset();
  }

 private:
  /// From what the Task has, and from where files began of which it has nothing yet.
  Result<void> begin() {
    std::vector<flow::FollowedFile> known = options_.restored->files;
    told_.clear();
    for (const auto& file : known) told_[file.id] = file;
    for (const auto& [id, file] : first_)
      if (!told_.contains(id)) known.push_back(file);
    auto feed = options_.make_feed(std::move(known));
    if (!feed) return tl::make_unexpected(std::move(feed.error()));
    feed_ = std::move(*feed);
    begun_ = options_.restored->version;
    pending_.reset();
    notes_at_ms_ = 0;
    return {};
  }

  bool notes_are_due() const {
    return feed_->ids_given() != ids_noted_ || clock_.now().steady_ms >= notes_at_ms_;
  }

  /// What has changed of the files since the Task was told. All that was handed out is processed by now, but
  /// for pending_.
  bool take_notes() {
    using Kind = flow::FeedNote::Kind;
    notes_at_ms_ = clock_.now().steady_ms + kNotesEveryMs;
    ids_noted_ = feed_->ids_given();
    keys_.clear();
    std::map<uint64_t, flow::FollowedFile> now;
    for (flow::FollowedFile& file : feed_->files()) {
      if (pending_ && pending_->file == file.id && !pending_->records.empty())
        file.next = pending_->records.front().offset;
      auto told = told_.find(file.id);
      if (told == told_.end()) first_.try_emplace(file.id, file);
      if (told == told_.end() || told->second != file) keys_.push_back(flow::feed_key({Kind::kFile, file}));
      now[file.id] = std::move(file);
    }
    for (const auto& [id, file] : told_) {
      if (now.contains(id)) continue;
      keys_.push_back(flow::feed_key({Kind::kGone, file}));
      first_.erase(id);
    }
    told_ = std::move(now);
    note_health();
    return !keys_.empty();
  }

  flow::Batch notes_batch() {
    records_.clear();
    for (const auto& key : keys_) records_.push_back(record(key));
    return batch();
  }

  flow::Batch hand_out(const flow::FileBatch& from) {
    using Kind = flow::FeedNote::Kind;
    records_.clear();
    keys_.clear();
    flow::FeedNote note{Kind::kLine, {}, from.oversized};
    note.file.id = from.file;
    note.file.next = from.next;
    keys_.push_back(flow::feed_key(note));
    for (const flow::FileRecord& line : from.records) {
      records_.push_back(record(keys_.front()));
      records_.back().offset = Offset(static_cast<int64_t>(line.offset));
      records_.back().has_value = true;
      records_.back().value = line.text;
    }
    note.kind = Kind::kSkipped;
    if (from.next > 0) {
      keys_.push_back(flow::feed_key(note));
      records_.push_back(record(keys_.back()));
    }
    if (auto told = told_.find(from.file); told != told_.end() && from.next > 0)
      told->second.next = from.next;
    return batch();
  }

  static flow::Record record(const std::string& key) {
    flow::Record out;
    out.has_key = true;
    out.key = key;
    return out;
  }

  flow::Batch batch() {
    handed_out_ += static_cast<int64_t>(records_.size());
    return {options_.partition, records_, Offset(handed_out_)};
  }

  void note_health() {
    const flow::FeedHealth feed = feed_->health();
    std::lock_guard lock(mutex_);
    health_.partitions = {options_.partition};
    health_.degraded = feed.unreadable > 0 || feed.left_out > 0;
    health_.detail =
        std::to_string(feed.files) + " files, " + std::to_string(feed.bytes_behind) + " bytes behind";
    if (feed.unreadable > 0) health_.detail += ", " + std::to_string(feed.unreadable) + " unreadable";
    if (feed.left_out > 0) health_.detail += ", " + std::to_string(feed.left_out) + " left out";
  }

  FeedSourceOptions options_;
  flow::Assignments& assignments_;
  const Clock& clock_;
  std::unique_ptr<flow::FileFeed> feed_;
  bool owned_ = false;
  bool paused_ = false;
  uint64_t begun_ = 0;  ///< version of what feed_ began with
  int64_t handed_out_ = 0;
  uint64_t ids_noted_ = 0;
  int64_t notes_at_ms_ = 0;
  std::map<uint64_t, flow::FollowedFile> told_;   ///< as the Task knows them
  std::map<uint64_t, flow::FollowedFile> first_;  ///< as they were found by this process
  std::optional<flow::FileBatch> pending_;        ///< lives until the next poll of the feed
  std::deque<std::string> keys_;                  ///< of records_
  std::vector<flow::Record> records_;
  mutable std::mutex mutex_;
  flow::SourceHealth health_;
};

}  // namespace

std::unique_ptr<flow::Source> make_feed_source(FeedSourceOptions options, flow::Assignments& assignments,
                                               const Clock& clock) {
  return std::make_unique<FeedSource>(std::move(options), assignments, clock);
}

}  // namespace waybill::source
