#include "http/web.h"

#include <cstdlib>
#include <optional>

namespace waybill::http {
namespace {

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Calls `take` with each element of a comma-separated header.
template <class F>
void each_element(std::string_view list, F take) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    take(trim(list.substr(0, comma)));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
}

std::string_view header(const Request& request, const char* name) {
  auto it = request.headers.find(name);
  return it == request.headers.end() ? std::string_view() : std::string_view(it->second);
}

bool is_current(std::string_view if_none_match, std::string_view etag) {
  bool found = false;
  each_element(if_none_match, [&](std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    found = found || tag == etag || tag == "*";
  });
  return found;
}

Response answer(const WebFile& file, const Request& request) {
  Response response{
      .content_type = std::string(file.content_type),
      .headers = {{"Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
                  {"ETag", std::string(file.etag)},
                  {"Vary", "Accept-Encoding"}}};
  if (is_current(header(request, "if-none-match"), file.etag)) {
    response.status = 304;
  } else if (accepts_gzip(header(request, "accept-encoding"))) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = std::string(file.gzip);
  } else {
    response.body = std::string(file.bytes);
  }
  return response;
}

Route route_of(std::string pattern, const WebFile& file) {
  return {.method = "GET",
          .pattern = std::move(pattern),
          .role = Role::kAnyone,
          .handler = [file](const Request& request) { return answer(file, request); }};
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> named, any;
  each_element(accept_encoding, [&](std::string_view element) {
    const size_t semicolon = element.find(';');
    const std::string_view name = trim(element.substr(0, semicolon));
    if (name != "gzip" && name != "x-gzip" && name != "*") return;
    bool allowed = true;
    if (semicolon != std::string_view::npos) {
      std::string weight(trim(element.substr(semicolon + 1)));
      if (weight.starts_with("q=")) allowed = std::strtod(weight.c_str() + 2, nullptr) > 0;
    }
    (name == "*" ? any : named) = allowed;
  });
  return named.value_or(any.value_or(false));
}

std::vector<Route> web_routes() {
  std::vector<Route> routes;
  for (const WebFile& file : web_files()) {
    routes.push_back(route_of("/" + std::string(file.name), file));
    if (file.name == "index.html") routes.push_back(route_of("/", file));
  }
  return routes;
}

}  // namespace waybill::http
