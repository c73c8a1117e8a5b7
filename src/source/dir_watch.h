#pragma once
// Tells when something changes in folders, by inotify(7). Without it whoever asks must look by itself.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "source/file_handle.h"

namespace waybill::source {

/// Used from one thread. Costs one descriptor.
class DirWatch {
 public:
  static constexpr size_t kFoldersMax = 10'000;  ///< further ones are not watched

  enum class Use : uint8_t { kYes, kNo };
  /// kNo: as on a system without inotify.
  explicit DirWatch(Use use);

  bool works() const { return static_cast<bool>(inotify_); }
  /// Watches a folder, once. False when it cannot be watched: it must be polled.
  bool add(const std::string& folder);

  struct Changes {
    std::vector<std::string> written;  ///< FOLDER/NAME of files that were written to; each once
    bool names = false;                ///< files came, went or were renamed
    bool overflow = false;             ///< anything may have changed
  };
  /// Waits up to `wait` for a change, then takes all there are. Returns at once when there is one.
  Changes take(Millis wait);

 private:
  FileHandle inotify_;
  std::map<std::string, int> watches_;
  std::map<int, std::string> folders_;
};

}  // namespace waybill::source
