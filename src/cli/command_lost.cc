// waybill lost: the findings of one topic, from a running server.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "audit/query_rows.h"
#include "base/percent.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/finding_text.h"

namespace waybill::cli {
namespace {

constexpr const char* kPageSize = "10000";

/// Writes findings in the wanted format as they come.
class Output {
 public:
  explicit Output(LostArgs::Format format) : format_(format) {}

  void finding(const FindingLine& line) {
    if (format_ == LostArgs::Format::kNdjson) {
      fmt::print("{}\n", line.json);
    } else if (format_ == LostArgs::Format::kJson) {
      fmt::print("{}{}", any_ ? ",\n" : "{\"findings\":[\n", line.json);
    } else {
      if (!any_) fmt::print("{}", finding_heading());
      fmt::print("{}", finding_line(line));
    }
    any_ = true;
  }

  void end(const FindingTotals& totals, std::string_view none) {
    if (format_ == LostArgs::Format::kJson) {
      fmt::print("{}],\"totals\":{}}}\n", any_ ? "\n" : "{\"findings\":[", totals.json());
    } else if (format_ == LostArgs::Format::kTable) {
      fmt::print("{}{}", any_ ? "\n" : "", totals.text(none));
    }
    std::fflush(stdout);
  }

 private:
  LostArgs::Format format_;
  bool any_ = false;
};

/// The states to ask for; a single empty one asks for all.
Result<std::vector<std::string>> states_of(const LostArgs& args) {
  std::vector<std::string> states = args.states.empty() ? std::vector<std::string>{"lost"} : args.states;
  for (const std::string& state : states) {
    if (state == "all") return std::vector<std::string>{""};
    if (std::find(std::begin(audit::kStates), std::end(audit::kStates), state) == std::end(audit::kStates)) {
      return fail(Errc::kInvalid, fmt::format("--state {}: no such state; there are all, {}", state,
                                              fmt::join(audit::kStates, ", ")));
    }
  }
  if (args.fail_on_lost && std::find(states.begin(), states.end(), "lost") == states.end())
    states.insert(states.begin(), "lost");
  return states;
}

Result<void> read_state(ApiClient& client, const LostArgs& args, const std::string& state,
                        FindingTotals& totals, Output& out) {
  ApiQuery query = {{"limit", kPageSize}};
  auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query.emplace_back(name, value);
  };
  add("state", state);
  add("cluster", args.cluster);
  add("group", args.group);
  add("from", args.from);
  add("to", args.to);
  const size_t fixed = query.size();
  for (;;) {
    auto body = client.get("/api/v1/topics/" + percent_encode(args.topic) + "/findings", query);
    if (!body) return tl::make_unexpected(std::move(body.error()));
    auto page = parse_finding_page(*body);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    for (const FindingLine& line : page->findings) {
      totals.add(line);
      out.finding(line);
    }
    if (!page->next || std::ferror(stdout)) return {};
    query.resize(fixed);
    query.emplace_back("next", *page->next);
  }
}

int failed(const Error& error) {
  std::fflush(stdout);
  fmt::print(stderr, "waybill: {}\n", error.message);
  return error.code == Errc::kInvalid ? kExitUsage : kExitRuntime;
}

}  // namespace

int lost_command(const LostArgs& args) {
  auto states = states_of(args);
  if (!states) return failed(states.error());
  ConfigWorld world = real_world();
  auto client = ApiClient::open(args.server, world.variable, world.read_file);
  if (!client) return failed(client.error());
  FindingTotals totals;
  Output out(args.format);
  for (const std::string& state : *states) {
    if (auto read = read_state(*client, args, state, totals, out); !read) return failed(read.error());
  }
  std::string what =
      states->front().empty() ? "no findings" : fmt::format("nothing is {}", fmt::join(*states, " or "));
  out.end(totals, fmt::format("{}: {}", shown(args.topic), what));
  return args.fail_on_lost && totals.messages("lost") > 0 ? kExitFindings : kExitFine;
}

}  // namespace waybill::cli
