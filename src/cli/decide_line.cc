#include "cli/decide_line.h"

#include <fmt/format.h>

#include "cli/demo_figures.h"
#include "cli/host.h"

namespace waybill::cli {

nlohmann::json what_json(const LossArgs& what, const ConfigWorld& world) {
  nlohmann::json body{{"group", what.group},
                      {"by", world.variable("USER").value_or("somebody") + "@" + host_name()}};
  auto add = [&body](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("cluster", what.cluster);
  add("from", what.from);
  add("to", what.to);
  if (what.partition >= 0) body["partition"] = what.partition;
  if (!what.offsets.empty()) {  // "100-136" or "100"
    size_t dash = what.offsets.find('-');
    body["first_offset"] = what.offsets.substr(0, dash);
    body["last_offset"] = dash == std::string::npos ? what.offsets : what.offsets.substr(dash + 1);
  }
  return body;
}

std::string range_text(const nlohmann::json& range) {
  const auto first = range.value("first_offset", int64_t{0});
  const auto last = range.value("last_offset", int64_t{0});
  return fmt::format("partition {}: {} ({})", range.value("partition", 0),
                     first == last ? std::to_string(first) : fmt::format("{}-{}", first, last),
                     with_commas(last - first + 1));
}

}  // namespace waybill::cli
