#include "source/file_names.h"

#include <fcntl.h>
#include <fnmatch.h>
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

/// Whether one of the alternatives of the outermost braces matches, as GLOB_BRACE takes them.
bool matches_pattern(const std::string& pattern, const std::string& path, int depth = 0) {
  constexpr int kDepthMax = 20;
  size_t open = pattern.find('{');
  while (open != std::string::npos && pattern.compare(open, 2, "{}") == 0) open = pattern.find('{', open + 2);
  size_t close = open, part = open + 1;
  std::vector<std::string> parts;
  for (int nested = 0; open != std::string::npos && close < pattern.size(); ++close) {
    const char c = pattern[close];
    nested += c == '{';
    if (nested == 1 && (c == ',' || c == '}')) {
      parts.push_back(pattern.substr(part, close - part));
      part = close + 1;
    }
    if (c == '}' && --nested == 0) break;
  }
  if (open == std::string::npos || close >= pattern.size() || depth >= kDepthMax)
    return ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
  for (const std::string& one : parts)
    if (matches_pattern(pattern.substr(0, open) + one + pattern.substr(close + 1), path, depth + 1))
      return true;
  return false;
}

}  // namespace

bool names_file(std::span<const std::string> patterns, const std::string& path) {
  for (const std::string& pattern : patterns)
    if (pattern == path || matches_pattern(pattern, path)) return true;
  return false;
}

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
