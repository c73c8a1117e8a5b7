#include "cli/search_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/suggest.h"
#include "decode/time_zone.h"

namespace waybill::cli {
namespace {

constexpr Millis kSecond{1'000};
constexpr Millis kDay{86'400'000};
constexpr size_t kAliasBytesMax = 200;

bool is_url(std::string_view url) {
  const bool known = url.starts_with("http://") || url.starts_with("https://");
  const size_t host = url.find("://") + 3;
  return known && url.size() > host && url.find('@') == std::string_view::npos &&
         url.find_first_of(" ?#") == std::string_view::npos;
}

/// As servers want names of indices: lower case, none of the characters that patterns and paths use.
bool is_alias(std::string_view alias) {
  if (alias.empty() || alias.size() > kAliasBytesMax ||
      std::string_view("-_+.").find(alias[0]) != std::string_view::npos)
    return false;
  return alias.find_first_of("\\/*?\"<>| ,#:ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
}

/// The server that is meant, the only one when none is named; a fault when there is none such.
std::string server_of(ConfigFaults& faults, const YamlNode& at, const std::string& path,
                      const std::string& wanted, const std::vector<search::Server>& servers) {
  if (wanted.empty() && servers.size() == 1) return servers.front().name;
  std::vector<std::string_view> names;
  for (const search::Server& server : servers) names.push_back(server.name);
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return wanted;
  const std::string near = wanted.empty() ? "" : suggestion(wanted, names);
  const std::string known = names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
  faults.add(at, wanted.empty()
                     ? fmt::format("{}.search is missing: the name of a server under search. Configured: {}",
                                   path, known)
                     : fmt::format("{}.search: there is no server \"{}\"{} Configured: {}", path, wanted,
                                   near.empty() ? "." : near, known));
  return {};
}

}  // namespace

std::vector<search::Server> read_search(ConfigFaults& faults, const YamlNode* node,
                                        const SearchSecret& secret) {
  std::vector<search::Server> out;
  if (!node) return out;
  if (node->kind != YamlNode::Kind::kMap) {
    faults.add(*node, "search must be a map such as {logs: {urls: [\"https://node:9200\"]}}");
    return out;
  }
  for (const auto& [key, value] : node->entries) {
    const YamlNode& name = faults.document[key];
    const YamlNode& body = faults.document[value];
    search::Server server;
    server.name = name.text;
    const std::string path = "search." + server.name;
    Section section(faults, &body, path);
    section.texts("urls", server.urls);
    section.text("user", server.user);
    section.text("ca_file", server.ca_file);
    section.duration("timeout", server.timeout, {kSecond, 10 * 60 * kSecond});
    const bool has_password = section.child("password") || section.child("password_file");
    if (!server.user.empty() || has_password)
      server.password = secret(section, "password", body).value_or("");
    if (server.user.empty() && has_password)
      faults.add(body, path + ".user is missing; a password needs one");
    section.finish();
    if (server.urls.empty() && body.kind == YamlNode::Kind::kMap)
      faults.add(body, path + ".urls: at least one is needed, e.g. https://node:9200");
    for (const std::string& url : server.urls) {
      if (!is_url(url))
        faults.add(body,
                   fmt::format("{}.urls: \"{}\" is no address; http://HOST:PORT and https://HOST:PORT are "
                               "allowed, names and passwords have keys of their own",
                               path, url));
    }
    out.push_back(std::move(server));
  }
  return out;
}

void read_search_source(ConfigFaults& faults, const YamlNode& node, const std::string& path, Section& section,
                        const std::vector<search::Server>& servers, SearchSource& out) {
  section.text("search", out.server);
  section.text("index", out.index);
  section.text("query", out.query);
  section.text("time_field", out.time_field);
  section.text("zone", out.zone);
  section.duration("since", out.since, {Millis(0), 36'500 * kDay});
  section.duration("late", out.late, {Millis(0), kDay});
  section.duration("every", out.every, {Millis(100), 3600 * kSecond});
  section.duration("reread", out.reread, {Millis(100), 3600 * kSecond});
  out.server = server_of(faults, node, path, out.server, servers);
  if (out.index.empty())
    faults.add(node, section.where("index") + ": a name or a pattern is needed, e.g. log4j-*");
  if (auto zone = decode::Zone::load(out.zone); !zone)
    faults.add(node, fmt::format("{}: there is no zone \"{}\"; e.g. UTC, Asia/Shanghai, +08:00",
                                 section.where("zone"), out.zone));
}

void read_index(ConfigFaults& faults, const YamlNode* node, const std::string& path,
                const std::vector<search::Server>& servers, std::string_view alias, IndexSettings& out) {
  if (!node) return;
  out.alias = alias;
  std::string server;
  if (node->kind == YamlNode::Kind::kScalar) {
    auto text = scalar(faults, *node, path);
    if (!text || *text == "false") return;
    if (*text != "true") out.alias = *text;
  } else {
    Section section(faults, node, path);
    section.text("search", server);
    section.text("alias", out.alias);
    section.number("keep_days", out.keep_days, {0, 36'500});
    section.finish();
  }
  if (!is_alias(out.alias))
    faults.add(*node,
               fmt::format("{}: \"{}\" is no name of an index; lower case letters, digits, '-', '_' and "
                           "'.' are allowed",
                           path, out.alias));
  out.server = server_of(faults, *node, path, server, servers);
}

}  // namespace waybill::cli
