#include "cli/finding_text.h"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/demo_figures.h"

namespace waybill::cli {
namespace {

using Json = nlohmann::ordered_json;

FindingLine line_of(const Json& json) {
  FindingLine line;
  line.cluster = json.at("cluster").get<std::string>();
  line.group = json.at("group").get<std::string>();
  line.state = json.at("state").get<std::string>();
  line.reason = json.at("reason").get<std::string>();
  line.partition = json.at("partition").get<int64_t>();
  line.first_offset = json.at("first_offset").get<int64_t>();
  line.last_offset = json.at("last_offset").get<int64_t>();
  line.count = json.at("count").get<int64_t>();
  if (const Json& start = json.at("bucket_start"); !start.is_null()) line.bucket_start = start.get<int64_t>();
  line.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return line;
}

std::string_view plural(int64_t n) { return n == 1 ? "" : "s"; }

}  // namespace

Result<FindingPage> parse_finding_page(std::string_view body) {
  try {
    Json json = Json::parse(body);
    FindingPage page;
    for (const Json& finding : json.at("findings")) page.findings.push_back(line_of(finding));
    if (const Json& next = json.at("next"); !next.is_null()) page.next = next.get<std::string>();
    return page;
  } catch (const Json::exception& e) {
    return fail(Errc::kCorrupt, fmt::format("the server's answer is no list of findings: {}", e.what()));
  }
}

std::string shown(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

std::string utc_text(int64_t epoch_ms) {
  int64_t ms = ((epoch_ms % 1000) + 1000) % 1000;
  auto seconds = static_cast<std::time_t>((epoch_ms - ms) / 1000);
  std::tm parts{};
  if (!gmtime_r(&seconds, &parts)) return std::to_string(epoch_ms);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900,
                                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text + (ms ? fmt::format(".{:03}Z", ms) : "Z");
}

std::string finding_heading() {
  return fmt::format("{:>9}  {:<25} {:>11}  {:<11} {:<17} {:<20}  {}\n", "PARTITION", "OFFSETS", "COUNT",
                     "STATE", "REASON", "BUCKET", "GROUP");
}

std::string finding_line(const FindingLine& finding) {
  std::string offsets = finding.first_offset == finding.last_offset
                            ? std::to_string(finding.first_offset)
                            : fmt::format("{}-{}", finding.first_offset, finding.last_offset);
  return fmt::format("{:>9}  {:<25} {:>11}  {:<11} {:<17} {:<20}  {}\n", finding.partition, offsets,
                     with_commas(finding.count), shown(finding.state),
                     finding.reason.empty() ? "-" : shown(finding.reason),
                     finding.bucket_start ? utc_text(*finding.bucket_start) : "-", shown(finding.group));
}

void FindingTotals::add(const FindingLine& finding) {
  Total& total = by_state[finding.state];
  total.messages += finding.count;
  ++total.ranges;
}

int64_t FindingTotals::messages(const std::string& state) const {
  auto it = by_state.find(state);
  return it == by_state.end() ? 0 : it->second.messages;
}

std::string FindingTotals::text(std::string_view none) const {
  if (by_state.empty()) return fmt::format("{}\n", none);
  std::string out;
  for (const auto& [state, total] : by_state) {
    out += fmt::format("{}: {} message{} in {} range{}\n", shown(state), with_commas(total.messages),
                       plural(total.messages), with_commas(total.ranges), plural(total.ranges));
  }
  return out;
}

std::string FindingTotals::json() const {
  Json out = Json::object();
  for (const auto& [state, total] : by_state)
    out[state] = {{"messages", total.messages}, {"ranges", total.ranges}};
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace waybill::cli
