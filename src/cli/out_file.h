#pragma once
// A file that a command writes, or the standard output.

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace waybill::cli {

/// Closes what it wrote to, but never the standard output. Not thread-safe.
class OutFile {
 public:
  /// Creates or empties the file; "-" is the standard output. What fails is told by write() and finish().
  explicit OutFile(std::string path);
  /// False when it could not be opened or written: errno says why.
  bool write(std::string_view text);
  /// Everything written has been handed to the system.
  bool finish();
  /// Says on the standard error that the file cannot be written, and why (errno). Returns kExitRuntime.
  int failed() const;

 private:
  struct Close {
    void operator()(FILE* file) const;
  };
  std::string path_;
  std::unique_ptr<FILE, Close> file_;
};

/// Writes all that `next` appends to the text that it is given, until it says false. False when that failed.
template <class Next>
bool write_all(OutFile& out, Next next) {
  constexpr size_t kWriteBytes = 1 << 20;
  std::string text;
  while (next(text)) {
    if (text.size() < kWriteBytes) continue;
    if (!out.write(text)) return false;
    text.clear();
  }
  return out.write(text) && out.finish();
}

}  // namespace waybill::cli
