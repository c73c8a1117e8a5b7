#include "cli/kpi_follow.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/kpi_scan.h"
#include "cli/stop_signal.h"
#include "source/line_blocks.h"

namespace waybill::cli {
namespace {

constexpr Millis kLookEvery{200};

/// One followed file: where reading goes on.
struct Followed {
  std::string path;
  std::unique_ptr<source::ByteInput> input{};
  dev_t device = 0;
  ino_t inode = 0;
  uint64_t read = 0;
  std::string piece{};  ///< of a line that is not finished
};

class Follow {
 public:
  Follow(const KpiArgs& args, std::shared_ptr<const kpi::Program> program)
      : args_(args), book_(program), scanner_(program) {
    for (const std::string& path : args.files) files_.push_back({.path = path});
    if (files_.size() > 1) book_.next_input();
  }

  int run() {
    StopSignal signal;
    for (;;) {
      for (Followed& file : files_) look(file);
      print_changes();
      if (std::ferror(stdout)) return kExitRuntime;
      if (signal.wait(kLookEvery)) return kExitFine;
    }
  }

 private:
  void look(Followed& file) {
    struct stat now {};
    const bool there = file.path == "-" || ::stat(file.path.c_str(), &now) == 0;
    if (file.input) read(file);
    const bool other = there && (now.st_dev != file.device || now.st_ino != file.inode);
    const bool cut = there && !other && file.path != "-" && static_cast<uint64_t>(now.st_size) < file.read;
    if (file.input && !other && !cut) return;
    if (!there) return;
    auto input = source::open_byte_input(file.path);
    if (!input) return say(file, input.error().message);
    if (!file.piece.empty()) scan(std::exchange(file.piece, {}));
    file = {.path = file.path, .input = std::move(*input), .device = now.st_dev, .inode = now.st_ino};
    read(file);
  }

  void read(Followed& file) {
    constexpr size_t kReadBytes = 256 << 10;
    std::string bytes;
    while (file.input->ready()) {
      bytes = std::move(file.piece);
      const size_t have = bytes.size();
      bytes.resize(have + kReadBytes);
      auto size = file.input->read(bytes.data() + have, kReadBytes);
      if (!size) say(file, size.error().message);
      bytes.resize(have + (size ? *size : 0));
      file.read += size ? *size : 0;
      const size_t end = bytes.rfind('\n');
      file.piece = end == std::string::npos ? bytes : bytes.substr(end + 1);
      if (end != std::string::npos) scan(bytes.substr(0, end + 1));
      if (!size || *size == 0) return;
    }
  }

  void scan(std::string lines) {
    const size_t size = lines.size();
    lines.resize(size + source::BlockBuffer::kPadding);
    kpi::Partial partial = scanner_.scan({lines.data(), size}, system_clock().now().wall_ms);
    for (size_t i = 0; i < partial.kpis.size(); ++i) {
      for (const auto& [start, window] : partial.kpis[i].windows) {
        for (const auto& [key, group] : window->groups) changed_.emplace(i, start, key);
      }
    }
    book_.apply(std::move(partial), book_.lines() + 1);
  }

  void print_changes() {
    for (const auto& [index, start, key] : changed_) {
      const kpi::KpiState& state = book_.kpis()[index];
      auto window = state.windows.find(start);
      if (window == state.windows.end()) continue;
      auto group = window->second.groups.find(key);
      if (group == window->second.groups.end()) continue;
      const int64_t lateness = book_.program().kpis()[index].definition.lateness_ms;
      const bool closed =
          state.watermark_ms != INT64_MIN && window->second.end_ms <= state.watermark_ms - lateness;
      const std::vector<std::string> why =
          closed ? std::vector<std::string>{}
                 : std::vector<std::string>{"lines of this window may still come"};
      fmt::print("{}\n", kpi_window_line(book_, index, start, key, *group->second, why));
    }
    changed_.clear();
    std::fflush(stdout);
  }

  void say(const Followed& file, const std::string& what) {
    if (said_[file.path] == what) return;
    said_[file.path] = what;
    fmt::print(stderr, "waybill: {}\n", what);
  }

  const KpiArgs& args_;
  kpi::Book book_;
  BlockScanner scanner_;
  std::vector<Followed> files_;
  std::set<std::tuple<size_t, int64_t, std::string>> changed_;
  std::map<std::string, std::string> said_;
};

}  // namespace

int follow_kpis(const KpiArgs& args, const std::shared_ptr<const kpi::Program>& program) {
  if (args.format == KpiOutput::Format::kJson) {
    fmt::print(stderr, "waybill: --follow has no end, and --format json is one object; use ndjson\n");
    return kExitUsage;
  }
  return Follow(args, program).run();
}

}  // namespace waybill::cli
