#pragma once
// Holds a file against other processes with flock(2), which ends with the process however it dies.

#include <string>

#include "base/result.h"

namespace waybill::store {

/// Holds the lock until destroyed. Move-only. The file stays behind, empty of meaning when nobody locks it.
class LockFile {
 public:
  LockFile() = default;
  /// Creates `path` if need be, locks it and writes our process id into it. kConflict names the process that
  /// holds it; kDenied, kLimit, kUnavailable when the file cannot be made, with the system's reason.
  static Result<LockFile> take(const std::string& path);
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// An errno as an Error that names the path: "cannot open /x/y: No space left on device".
Error system_error(int code, const std::string& what, const std::string& path);

}  // namespace waybill::store
