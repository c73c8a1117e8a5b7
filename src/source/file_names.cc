#include "source/file_names.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_set>

#include "source/byte_input.h"

namespace waybill::source {
namespace {

constexpr size_t kNamesMax = 1'000'000;

/// The names that one pattern stands for. It belongs to libc, so it is freed there.
struct Matches {
  explicit Matches(const std::string& pattern) {
    code = ::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found);
  }
  ~Matches() { ::globfree(&found); }
  Matches(const Matches&) = delete;
  Matches& operator=(const Matches&) = delete;
  glob_t found{};
  int code;
};

class Expansion {
 public:
  enum class Named { kOutright, kByGlob };

  void add(const std::string& path, Named named) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return refuse(path, errno);
    if (S_ISDIR(status.st_mode) && named == Named::kOutright) return refuse(path, EISDIR);
    if (S_ISDIR(status.st_mode)) return skip(path + ": a directory");
    if (S_ISSOCK(status.st_mode)) return skip(path + ": a socket");
    if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) return refuse(path, errno);
    take(path);
  }
  void take(const std::string& path) {
    if (names.paths.size() >= kNamesMax) {
      if (!full_)
        names.errors.push_back(
            {Errc::kLimit, path + ": more than 1,000,000 files; it and others are not read"});
      full_ = true;
      return;
    }
    if (seen_.insert(path).second) names.paths.push_back(path);
  }
  void refuse(const std::string& path, int error_number) {
    names.errors.push_back(file_error(path, "opening", error_number));
  }

  FileNames names;

 private:
  void skip(std::string notice) { names.skipped.push_back(std::move(notice)); }

  std::unordered_set<std::string> seen_;
  bool full_ = false;
};

}  // namespace

FileNames expand_file_names(std::span<const std::string> patterns) {
  Expansion expansion;
  for (const std::string& pattern : patterns) {
    struct stat status {};
    if (pattern == "-") {
      expansion.take(pattern);
    } else if (::lstat(pattern.c_str(), &status) == 0 || pattern.find_first_of("*?[{") == std::string::npos) {
      expansion.add(pattern, Expansion::Named::kOutright);
    } else if (const Matches matches(pattern); matches.code == 0) {
      for (size_t i = 0; i < matches.found.gl_pathc; ++i)
        expansion.add(matches.found.gl_pathv[i], Expansion::Named::kByGlob);
    } else if (matches.code == GLOB_NOMATCH) {
      expansion.names.errors.push_back({Errc::kNotFound, pattern + ": no file matches"});
    } else {
      expansion.names.errors.push_back({Errc::kUnavailable, pattern + ": cannot be searched"});
    }
  }
  return std::move(expansion.names);
}

}  // namespace waybill::source
