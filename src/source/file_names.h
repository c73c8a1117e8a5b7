#pragma once
// Files that a user names: paths, globs, "-".

#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace waybill::source {

struct FileNames {
  std::vector<std::string>
      paths;  ///< to read, each once, in the order of the patterns; a glob's are sorted by bytes
  std::vector<std::string> skipped;  ///< notices: directories and sockets that a glob matched
  std::vector<Error> errors;         ///< with the path; the others are read all the same
};

/// Expands patterns of glob(7) and "{a,b}". A name that exists is taken as it is, even with brackets in it.
/// "-" stays. A pattern that matches nothing, a name that does not exist, a directory named outright and a
/// file that this process may not read are errors. At most 1,000,000 names; beyond it kLimit is among the
/// errors.
FileNames expand_file_names(std::span<const std::string> patterns);

/// Whether `path`, which need not exist, is one that expand_file_names would find by one of these patterns.
bool names_file(std::span<const std::string> patterns, const std::string& path);

}  // namespace waybill::source
