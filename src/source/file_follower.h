#pragma once
// Follows log files as `tail -F` does, and does not lose its place when they are rotated.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "flow/file_feed.h"
#include "source/dir_watch.h"
#include "source/file_identity.h"
#include "source/record_cutter.h"

namespace waybill::source {

struct FollowOptions {
  std::vector<std::string> paths;    ///< files and globs; what matches later is followed from its begin
  std::vector<std::string> exclude;  ///< globs of paths that are not followed (fnmatch)
  RecordCutter::Rules record;
  enum class Start : uint8_t {
    kBegin,
    kEnd
  } start = Start::kBegin;  ///< of files there at the first start of all
  Millis look_every{
      1'000};  ///< for new, renamed and cut files, where inotify does not tell; without it, kPoll
  Millis quiet_after{2'000};  ///< then the last record of several lines is complete
  Millis finish_after{
      60'000};  ///< a file that was renamed or deleted and has not grown for so long is finished
  Millis remember{86'400'000};   ///< finished and vanished files, so that copies of them are not read again
  size_t files_max = 10'000;     ///< descriptors; further files wait
  size_t block_bytes = 1 << 20;  ///< read at once
  DirWatch::Use inotify = DirWatch::Use::kYes;
};

/// Without inotify files are looked at this often.
inline constexpr Millis kPollFiles{200};
/// Finished and vanished files that are remembered; beyond it the oldest are forgotten.
inline constexpr size_t kRememberedMax = 20'000;

/// What can happen to a file while it is followed: see docs/agent.md, "Rotation". Compressed files that match
/// (by their first bytes: gzip, zstd) are read once, from where their plain file was left. Single-threaded,
/// as FileFeed says. Memory: one block (block_bytes, more when record_bytes_max is larger), and 300 bytes a
/// file.
class FileFollower final : public flow::FileFeed {
 public:
  /// `known`: files() of an earlier process, with `next` as it was confirmed. kInvalid: a pattern that RE2
  /// refuses.
  static Result<std::unique_ptr<FileFollower>> make(FollowOptions options,
                                                    std::vector<flow::FollowedFile> known, const Clock& clock,
                                                    LogFn log);
  ~FileFollower() override;

  flow::FileBatch poll(Millis wait) override;
  std::vector<flow::FollowedFile> files() const override;
  uint64_t ids_given() const override { return ids_given_; }
  flow::FeedHealth health() const override { return health_; }

 private:
  struct Tail;
  using Inode = std::pair<uint64_t, uint64_t>;  ///< device, inode

  FileFollower(FollowOptions options, RecordCutter cutter, std::vector<flow::FollowedFile> known,
               const Clock& clock, LogFn log);
  // Which files there are.
  void look(Now now);
  void look_at(const std::string& path, Now now);
  void add_new(const std::string& path, const FileHead& head, Now now);
  bool names_it(const std::string& path, const Tail& tail) const;
  bool excluded(const std::string& path) const;
  enum class Known : uint8_t { kNo, kYes, kTooShortToTell };
  void look_at_head(Tail& tail);
  void note_head(Tail& tail, const FileHead& head);
  Known known_content(const std::string& path, const FileHead& head, Now now);
  void remember(flow::FollowedFile file, Now now);
  flow::FollowedFile recall(uint64_t id);
  void resume_vanished(Now now);
  Tail* follow(const flow::FollowedFile& file, const std::string& path, Now now);
  void check(Tail& tail, Now now);
  void restart_cut(Tail& tail, const FileHead& head, Now now);
  void finish(Tail& tail, Now now);
  void forget_old(Now now);
  void watch_folder(const std::string& path);
  // What is in them.
  void mark(Tail& tail);
  void take_changes(Millis wait, Now now);
  bool read_turn(Tail& tail, Now now, flow::FileBatch& batch);
  void drop(Tail& tail, Now now);
  bool read_plain(Tail& tail, Now now, flow::FileBatch& batch);
  bool read_packed(Tail& tail, Now now, flow::FileBatch& batch);
  bool skip_endless(Tail& tail, std::string_view bytes, size_t& used);
  RecordCutter::Behind behind(const Tail& tail, Now now) const;
  size_t take_records(Tail& tail, std::string_view bytes, RecordCutter::Behind what, flow::FileBatch& batch);
  void note_unreadable(const std::string& message);
  void note_oversized(Tail& tail, uint64_t offset, uint64_t size);

  FollowOptions options_;
  RecordCutter cutter_;
  const Clock& clock_;
  LogFn log_;
  DirWatch watch_;
  std::map<Inode, std::unique_ptr<Tail>> tails_;       ///< being followed
  std::unordered_map<std::string, Tail*> by_path_;     ///< by FOLDER/NAME as a watch tells it
  std::map<uint64_t, flow::FollowedFile> remembered_;  ///< finished or vanished, by id
  std::map<Inode, uint64_t> remembered_inodes_;        ///< of plain ones that still exist: id
  struct Copy {
    std::string path;
    uint64_t size = 0;
    bool seen = false;  ///< in this look
  };
  std::map<Inode, Copy> copies_;  ///< matching files whose content is known; not opened again
  std::deque<Inode> ready_;       ///< with something to read, in turn
  std::vector<char> block_;
  std::vector<flow::FileRecord> records_;
  flow::FeedHealth health_;
  uint64_t ids_given_ = 0;
  int64_t next_look_ms_ = 0;  ///< steady
  bool first_look_ = true;
  bool fresh_ = false;  ///< no positions were known at the start
};

}  // namespace waybill::source
