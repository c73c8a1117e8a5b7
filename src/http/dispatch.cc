#include "http/dispatch.h"

#include <algorithm>
#include <exception>

#include "http/login.h"
#include "http/target.h"

namespace waybill::http {
namespace {

bool changes_something(std::string_view method) { return method != "GET" && method != "HEAD"; }

Response unauthorized(Role have) {
  if (have != Role::kAnyone)
    return problem(403, "this token's role is viewer; an operator's token is needed");
  Response response = problem(401, "a token is needed: Authorization: Bearer <token>, or log in on the page");
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
      "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("Cache-Control", "no-store");
}

Dispatcher::Dispatcher(std::vector<Route> routes, std::vector<Token> tokens, LogFn log)
    : router_(std::move(routes)), tokens_(std::move(tokens)), log_(std::move(log)) {}

bool Dispatcher::slow(std::string_view method, std::string_view target) const {
  auto parsed = parse_target(target);
  if (!parsed) return false;
  const Route* route = router_.find(method, parsed->segments).route;
  return route != nullptr && route->slow;
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
    } else if (Identity who = identify(tokens_, request);
               changes_something(request.method) && !same_origin(request, who.proof)) {
      response = problem(403, "this request comes from a page of another origin");
    } else if (who.role < found.route->role) {
      response = unauthorized(who.role);
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
