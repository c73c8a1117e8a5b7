// waybill top: the overview in a terminal, refreshed, from a running server.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/stop_signal.h"
#include "cli/top_view.h"
#include "cli/values.h"

namespace waybill::cli {
namespace {

constexpr const char* kTopicsAsked = "200";

/// The alternate screen without a cursor, for as long as it lives.
class Screen {
 public:
  explicit Screen(bool on) : on_(on) {
    if (on_) fmt::print("\x1b[?1049h\x1b[?25l");
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    if (on_) fmt::print("\x1b[?25h\x1b[?1049l");
    std::fflush(stdout);
  }
  void show(const std::vector<std::string>& lines) const {
    std::string text = on_ ? "\x1b[H" : "";
    for (const std::string& line : lines) text += line + (on_ ? "\x1b[K\n" : "\n");
    if (on_) text += "\x1b[J";
    fmt::print("{}", text);
    std::fflush(stdout);
  }

 private:
  bool on_;
};

TopView view_of(bool terminal, bool once) {
  TopView view{.unlimited = once || !terminal};
  winsize size{};
  if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) {
    view.rows = size.ws_row;
    view.columns = size.ws_col;
  }
  const char* plain = std::getenv("NO_COLOR");
  view.colour = terminal && (plain == nullptr || *plain == '\0');
  return view;
}

Result<std::vector<std::string>> read_lines(ApiClient& client, const TopArgs& args, const TopView& view) {
  ApiQuery query = {{"limit", kTopicsAsked}};
  if (!args.cluster.empty()) query.emplace_back("cluster", args.cluster);
  if (!args.search.empty()) query.emplace_back("q", args.search);
  if (!args.state.empty()) query.emplace_back("state", args.state);
  auto overview = client.get("/api/v1/overview", query);
  if (!overview) return tl::make_unexpected(std::move(overview.error()));
  auto sources = client.get("/api/v1/sources", {});
  if (!sources) return tl::make_unexpected(std::move(sources.error()));
  auto alerts = client.get("/api/v1/alerts", {});  // not every server has any
  return top_lines(*overview, *sources, alerts.value_or(std::string()), view);
}

int failed(const Error& error) {
  fmt::print(stderr, "waybill: {}\n", error.message);
  return error.code == Errc::kInvalid ? kExitUsage : kExitRuntime;
}

}  // namespace

int top_command(const TopArgs& args) {
  auto every = parse_duration(args.every);
  if (!every) return failed(every.error());
  ConfigWorld world = real_world();
  auto client = ApiClient::open(args.server, world.variable, world.read_file);
  if (!client) return failed(client.error());
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  if (args.once) {
    auto lines = read_lines(*client, args, view_of(terminal, true));
    if (!lines) return failed(lines.error());
    Screen(false).show(*lines);
    return kExitFine;
  }
  StopSignal stop;
  std::optional<Error> broken;
  {
    Screen screen(terminal);
    do {
      auto lines = read_lines(*client, args, view_of(terminal, false));
      if (!lines && lines.error().code != Errc::kUnavailable) {
        broken = lines.error();
        break;
      }
      screen.show(lines ? *lines : std::vector<std::string>{"not current: " + lines.error().message});
    } while (!stop.wait(*every) && !std::ferror(stdout));
  }
  return broken ? failed(*broken) : kExitFine;
}

}  // namespace waybill::cli
