// waybill accept: an operator closes losses on a running server.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/percent.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/decide_line.h"
#include "cli/demo_figures.h"
#include "cli/finding_text.h"

namespace waybill::cli {

int accept_command(const AcceptArgs& args) {
  auto fail_with = [](const Error& error) {
    fmt::print(stderr, "waybill: {}\n", error.message);
    return error.code == Errc::kInvalid ? kExitUsage : kExitRuntime;
  };
  ConfigWorld world = real_world();
  auto client = ApiClient::open(args.server, world.variable, world.read_file);
  if (!client) return fail_with(client.error());
  nlohmann::json body = what_json(args.what, world);
  body["reason"] = args.reason;
  body["dry_run"] = args.dry_run;
  auto answer = client->post("/api/v1/topics/" + percent_encode(args.topic) + "/accept", {}, body.dump());
  if (!answer) return fail_with(answer.error());
  auto json = nlohmann::json::parse(*answer, nullptr, false);
  if (!json.is_object()) return fail_with({Errc::kCorrupt, "the server's answer is no JSON"});
  for (const auto& range : json["ranges"]) fmt::print("{}\n", range_text(range));
  fmt::print("{} message{} of group {} {} accepted{}\n", with_commas(json.value("messages", int64_t{0})),
             json.value("messages", 0) == 1 ? "" : "s", shown(args.what.group),
             args.dry_run ? "would be" : "will be",
             args.dry_run ? ", nothing was changed" : ": decision " + json.value("decision", ""));
  return kExitFine;
}

}  // namespace waybill::cli
