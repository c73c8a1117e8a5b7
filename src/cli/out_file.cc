#include "cli/out_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "cli/commands.h"

namespace waybill::cli {

void OutFile::Close::operator()(FILE* file) const {
  if (file != stdout) std::fclose(file);
}

OutFile::OutFile(std::string path)
    : path_(std::move(path)), file_(path_ == "-" ? stdout : std::fopen(path_.c_str(), "wbe")) {}

bool OutFile::write(std::string_view text) {
  return file_ && std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
}

bool OutFile::finish() { return file_ && std::fflush(file_.get()) == 0; }

int OutFile::failed() const {
  fmt::print(stderr, "waybill: cannot write {}: {}\n", path_, std::strerror(errno));
  return kExitRuntime;
}

}  // namespace waybill::cli
