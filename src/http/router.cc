#include "http/router.h"

#include <optional>
#include <set>

namespace waybill::http {
namespace {

std::vector<std::string> split(std::string_view pattern) {
  std::vector<std::string> segments;
  for (std::string_view rest = pattern.substr(1);;) {
    size_t at = rest.find('/');
    segments.emplace_back(rest.substr(0, at));
    if (at == std::string_view::npos) return segments;
    rest.remove_prefix(at + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

using Params = std::map<std::string, std::string>;

std::optional<Params> fit(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  Params params;
  for (size_t i = 0; i < path.size(); ++i) {
    if (is_parameter(pattern[i])) {
      if (path[i].empty()) return std::nullopt;
      params.emplace(pattern[i].substr(1, pattern[i].size() - 2), path[i]);
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return params;
}

}  // namespace

Router::Router(std::vector<Route> routes) {
  for (Route& route : routes) {
    std::vector<std::string> segments = split(route.pattern);
    entries_.push_back({std::move(route), std::move(segments)});
  }
}

Router::Found Router::find(std::string_view method, const std::vector<std::string>& segments) const {
  std::set<std::string> methods;
  for (const Entry& entry : entries_) {
    std::optional<Params> params = fit(entry.segments, segments);
    if (!params) continue;
    if (entry.route.method == method || (method == "HEAD" && entry.route.method == "GET")) {
      return {&entry.route, std::move(*params), {}};
    }
    methods.insert(entry.route.method);
    if (entry.route.method == "GET") methods.insert("HEAD");
  }
  Found found;
  for (const std::string& name : methods) found.allow += (found.allow.empty() ? "" : ", ") + name;
  return found;
}

}  // namespace waybill::http
