// waybill replay: lost messages are delivered again by a running server.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "base/percent.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/decide_line.h"
#include "cli/demo_figures.h"
#include "cli/finding_text.h"

namespace waybill::cli {
namespace {

using Json = nlohmann::ordered_json;

/// What the pages of a replay add up to, told as they come. Everything but messages goes to stderr with
/// --stdout, so that stdout holds messages only.
class Progress {
 public:
  explicit Progress(const ReplayArgs& args) : args_(args), out_(args.to_stdout ? stderr : stdout) {}

  void page(const Json& answer) {
    for (const Json& m : answer.at("messages"))
      fmt::print("{}\n", m.dump(-1, ' ', false, Json::error_handler_t::replace));
    for (const Json& w : answer.at("warnings")) {
      std::string text = shown(w.get<std::string>());
      if (said_.insert(text).second) fmt::print(stderr, "waybill: warning: {}\n", text);
    }
    for (const Json& g : answer.at("other_groups")) {
      std::string name = shown(g.get<std::string>());
      if (said_.insert("group " + name).second) fmt::print(out_, "group {} gets these messages too\n", name);
    }
    const bool sent = !answer.at("moved").empty() || !answer.at("failed").empty();
    if (!sent && !args_.to_stdout) ranges(answer.at("ranges"), "would be replayed");
    for (const Json& m : answer.at("moved")) {
      fmt::print(out_, "{} -> {}/{} from offset {}\n", range_text(m), shown(answer.value("to_topic", "")),
                 m.value("to_partition", 0), m.value("to_first_offset", int64_t{0}));
      delivered_ += m.value("last_offset", int64_t{0}) - m.value("first_offset", int64_t{0}) + 1;
    }
    for (const Json& f : answer.at("failed")) {
      ++failed_;
      fmt::print(stderr, "waybill: {}: {}: {}\n", range_text(f),
                 f.value("outcome", "") == "unknown" ? "not known whether delivered" : "not delivered",
                 shown(f.value("error", "")));
    }
    for (const Json& n : answer.at("not_replayable")) {
      // Each page names all that is expired or truncated; what could not be read is named once.
      std::string text = fmt::format("{}: not replayable, {}", range_text(n), shown(n.value("reason", "")));
      if (!said_.insert(text).second) continue;
      fmt::print(stderr, "waybill: {}\n", text);
      gone_ += n.value("count", int64_t{0});
    }
    for (const Json& b : answer.at("delivered_before")) {
      std::string text =
          fmt::format("{}: {} by replay {}", range_text(b),
                      b.value("outcome", "") == "delivered" ? "delivered before" : "perhaps delivered before",
                      shown(b.value("decision", "")));
      if (said_.insert(text).second) fmt::print(stderr, "waybill: {}\n", text);
    }
    found_ += answer.value("count", int64_t{0});
  }

  int end() {
    if (args_.to_stdout) {
      fmt::print(out_, "{} messages written; what they belong to stays lost until it is accepted\n",
                 with_commas(found_));
    } else if (args_.dry_run || (args_.same_topic && !args_.yes)) {
      fmt::print(out_, "{} messages would be replayed, nothing was delivered\n", with_commas(found_));
    } else {
      fmt::print(out_, "{} messages delivered\n", with_commas(delivered_));
    }
    std::fflush(stdout);
    return failed_ > 0 || gone_ > 0 ? kExitFindings : kExitFine;
  }

 private:
  void ranges(const Json& list, const char* what) {
    for (const Json& r : list) fmt::print(out_, "{} {}\n", range_text(r), what);
  }

  const ReplayArgs& args_;
  std::FILE* out_;
  std::set<std::string> said_;
  int64_t found_ = 0, delivered_ = 0, failed_ = 0, gone_ = 0;
};

}  // namespace

int replay_command(const ReplayArgs& args) {
  auto fail_with = [](const Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "waybill: {}\n", error.message);
    return error.code == Errc::kInvalid ? kExitUsage : kExitRuntime;
  };
  ConfigWorld world = real_world();
  auto client = ApiClient::open(args.server, world.variable, world.read_file);
  if (!client) return fail_with(client.error());
  const bool asks_first = args.same_topic && !args.yes;
  nlohmann::json body = what_json(args.what, world);
  if (!args.to_topic.empty()) body["to_topic"] = args.to_topic;
  body["same_topic"] = args.same_topic;
  body["stdout"] = args.to_stdout;
  body["yes"] = args.yes;
  body["again"] = args.again;
  body["dry_run"] = args.dry_run || asks_first;
  if (!args.reason.empty()) body["reason"] = args.reason;
  Progress progress(args);
  for (;;) {
    auto answer = client->post("/api/v1/topics/" + percent_encode(args.topic) + "/replay", {}, body.dump());
    if (!answer) return fail_with(answer.error());
    try {
      Json json = Json::parse(*answer);
      progress.page(json);
      if (json.at("next").is_null() || std::ferror(stdout)) break;
      body["next"] = json.at("next").get<std::string>();
    } catch (const Json::exception& e) {
      return fail_with({Errc::kCorrupt, fmt::format("the server's answer is no replay: {}", e.what())});
    }
  }
  int code = progress.end();
  if (!asks_first || args.dry_run) return code;
  fmt::print(stderr,
             "waybill: every group of topic {} gets these messages again; --yes says that this is wanted\n",
             shown(args.topic));
  return kExitUsage;
}

}  // namespace waybill::cli
