#pragma once
// The agent's memory: which files it follows and up to where the broker has acknowledged them
// (docs/formats.md).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/file_feed.h"

namespace waybill::agent {

/// The format; pure. Reading: kCorrupt names the line. A text that was cut off is corrupt.
std::string write_state(const std::vector<flow::FollowedFile>& files);
Result<std::vector<flow::FollowedFile>> read_state(std::string_view text);

/// What the agent needs of it; tests bring their own.
class StateStore {
 public:
  virtual ~StateStore() = default;
  /// When it returns without an error, the files are stored whatever dies. The old content stays otherwise.
  virtual Result<void> save(const std::vector<flow::FollowedFile>& files) = 0;
};

/// A file that is replaced as a whole: written beside, fsync, rename, fsync of the folder. Holds a lock,
/// PATH.lock.
class StateFile final : public StateStore {
 public:
  /// kConflict: another process has it. kDenied, kUnavailable, kLimit with the path.
  static Result<StateFile> open(std::string path);
  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;
  ~StateFile() override;

  /// Empty when there is none yet. Errors: read_state's, with the path.
  Result<std::vector<flow::FollowedFile>> load() const;
  Result<void> save(const std::vector<flow::FollowedFile>& files) override;

 private:
  StateFile(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
};

}  // namespace waybill::agent
