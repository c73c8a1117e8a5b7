#include "http/dispatch.h"

#include <algorithm>
#include <exception>

#include "http/target.h"

namespace waybill::http {
namespace {

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The token of "Bearer x" (the scheme in any case, RFC 9110 section 11.1); empty when it is something else.
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    char c = value[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return {};
  }
  return trim(value.substr(kScheme.size()));
}

Response unauthorized(Role have) {
  if (have != Role::kAnyone)
    return problem(403, "this token's role is viewer; an operator's token is needed");
  Response response = problem(401, "a token is needed: Authorization: Bearer <token>");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"waybill\"");
  return response;
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    // An index into `b` that exists, whatever its length; with unequal lengths the answer is settled already.
    unsigned char other = b.empty() ? 0 : static_cast<unsigned char>(b[i % b.size()]);
    difference |= static_cast<unsigned char>(a[i]) ^ other;
  }
  return difference == 0;
}

void add_security_headers(Response& response) {
  auto add = [&response](std::string_view name, std::string_view value) {
    auto same = [name](const auto& header) { return header.first == name; };
    if (std::none_of(response.headers.begin(), response.headers.end(), same))
      response.headers.emplace_back(name, value);
  };
  add("Content-Security-Policy",
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("Cache-Control", "no-store");
}

Dispatcher::Dispatcher(std::vector<Route> routes, std::vector<Token> tokens, LogFn log)
    : router_(std::move(routes)), tokens_(std::move(tokens)), log_(std::move(log)) {}

Role Dispatcher::role_of(const Request& request) const {
  if (tokens_.empty()) return Role::kOperator;
  auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return Role::kAnyone;
  std::string_view given = bearer(header->second);
  Role role = Role::kAnyone;
  for (const Token& token : tokens_) {  // all of them, so that the time does not tell which one fits
    if (equal_in_constant_time(given, token.value) && !given.empty()) role = std::max(role, token.role);
  }
  return role;
}

Response Dispatcher::answer(Request request, std::string_view target) const {
  Response response;
  try {
    auto parsed = parse_target(target);
    if (!parsed) {
      response = problem(parsed.error().code == Errc::kLimit ? 414 : 400, parsed.error().message);
    } else if (Router::Found found = router_.find(request.method, parsed->segments); !found.route) {
      response = found.allow.empty() ? problem(404, "there is nothing at " + parsed->path)
                                     : problem(405, "this path answers " + found.allow + " only");
      if (!found.allow.empty()) response.headers.emplace_back("Allow", found.allow);
    } else if (Role have = role_of(request); have < found.route->role) {
      response = unauthorized(have);
    } else {
      request.path = std::move(parsed->path);
      request.query = std::move(parsed->query);
      request.path_params = std::move(found.path_params);
      response = found.route->handler(request);
    }
  } catch (const std::exception& e) {
    log_(LogLevel::kError, std::string("a request failed with an exception: ") + e.what());
    response = problem(500, "this request failed; the log of the server says why");
  } catch (...) {
    log_(LogLevel::kError, "a request failed with an unknown exception");
    response = problem(500, "this request failed; the log of the server says why");
  }
  add_security_headers(response);
  return response;
}

}  // namespace waybill::http
