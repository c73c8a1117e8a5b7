#include "http/login.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "http/dispatch.h"

namespace waybill::http {
namespace {

constexpr std::string_view kCookie = "waybill_token";
constexpr size_t kTokenBytesMax = 4096;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view header(const Request& request, const char* name) {
  auto it = request.headers.find(name);
  return it == request.headers.end() ? std::string_view() : std::string_view(it->second);
}

/// The token of "Bearer x" (the scheme in any case, RFC 9110 section 11.1); empty when it is something else.
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size() || !same_text(value.substr(0, kScheme.size()), kScheme)) return {};
  return trim(value.substr(kScheme.size()));
}

/// The decoded token of the cookie; empty when there is none.
std::string cookie_token(std::string_view cookies) {
  while (!cookies.empty()) {
    const size_t end = cookies.find(';');
    const std::string_view pair = trim(cookies.substr(0, end));
    if (pair.size() > kCookie.size() && pair.starts_with(kCookie) && pair[kCookie.size()] == '=') {
      return base64_decode(pair.substr(kCookie.size() + 1)).value_or(std::string());
    }
    cookies.remove_prefix(end == std::string_view::npos ? cookies.size() : end + 1);
  }
  return {};
}

Role role_of(const std::vector<Token>& tokens, std::string_view given) {
  Role role = Role::kAnyone;
  for (const Token& token : tokens) {  // all of them, so that the time does not tell which one fits
    if (equal_in_constant_time(given, token.value) && !given.empty()) role = std::max(role, token.role);
  }
  return role;
}

/// Host and port of "https://host:port" or "host:port", without the port that the scheme implies.
std::string_view authority(std::string_view origin) {
  std::string_view port = ":80";
  if (origin.starts_with("https://")) {
    port = ":443";
    origin.remove_prefix(8);
  } else if (origin.starts_with("http://")) {
    origin.remove_prefix(7);
  }
  if (origin.ends_with(port)) origin.remove_suffix(port.size());
  return origin;
}

/// What every answer about a session says.
struct Served {
  std::vector<Token> tokens;
  std::string version;
  std::vector<std::string> parts;
};

Response session(const Served& served, Role role) {
  const char* name = role == Role::kOperator ? "operator" : role == Role::kViewer ? "viewer" : "none";
  return {.body = nlohmann::json{{"auth", !served.tokens.empty()},
                                 {"role", name},
                                 {"version", served.version},
                                 {"parts", served.parts}}
                      .dump()};
}

std::string set_cookie(const Request& request, const std::string& value) {
  std::string cookie = std::string(kCookie) + "=" + value + "; HttpOnly; SameSite=Strict";
  if (same_text(header(request, "x-forwarded-proto"), "https")) cookie += "; Secure";
  return cookie;
}

Response login(const Served& served, const Request& request) {
  const std::vector<Token>& tokens = served.tokens;
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  auto token = body.is_object() ? body.find("token") : body.end();
  if (!body.is_object() || token == body.end() || !token->is_string())
    return problem(400, R"(the body must be {"token": "..."})");
  const std::string value = token->get<std::string>();
  const Role role = tokens.empty() ? Role::kOperator : role_of(tokens, value);
  if (role == Role::kAnyone || value.size() > kTokenBytesMax)
    return problem(401, "this token is not one of the server's");
  Response response = session(served, role);
  if (!tokens.empty()) response.headers.emplace_back("Set-Cookie", set_cookie(request, base64_encode(value)));
  return response;
}

}  // namespace

Identity identify(const std::vector<Token>& tokens, const Request& request) {
  if (tokens.empty()) return {Role::kOperator, Proof::kNone};
  if (const std::string_view given = header(request, "authorization"); !given.empty())
    return {role_of(tokens, bearer(given)), Proof::kHeader};
  const std::string token = cookie_token(header(request, "cookie"));
  if (token.empty()) return {};
  return {role_of(tokens, token), Proof::kCookie};
}

bool same_origin(const Request& request, Proof proof) {
  const std::string_view origin = header(request, "origin");
  if (origin.empty())
    return proof != Proof::kCookie && !same_text(header(request, "sec-fetch-site"), "cross-site");
  const std::string_view asked = authority(origin);
  if (!origin.starts_with("http://") && !origin.starts_with("https://")) return false;
  const auto matches = [&](std::string_view host) {
    // The scheme that the browser used stands in the Origin only: its own port may be left out of both.
    const std::string with_scheme =
        std::string(origin.starts_with("https://") ? "https://" : "http://") + std::string(host);
    return !host.empty() && same_text(asked, authority(with_scheme));
  };
  return matches(header(request, "host")) || matches(header(request, "x-forwarded-host"));
}

std::vector<Route> session_routes(std::vector<Token> tokens, std::string version,
                                  std::vector<std::string> parts) {
  const std::string path = "/api/v1/session";
  const Served served{std::move(tokens), std::move(version), std::move(parts)};
  return {
      {"GET", path, Role::kAnyone,
       [served](const Request& request) { return session(served, identify(served.tokens, request).role); }},
      {"POST", path, Role::kAnyone, [served](const Request& request) { return login(served, request); }},
      {"DELETE", path, Role::kAnyone, [served](const Request& request) {
         Response response = session(served, served.tokens.empty() ? Role::kOperator : Role::kAnyone);
         response.headers.emplace_back("Set-Cookie", set_cookie(request, "") + "; Max-Age=0");
         return response;
       }}};
}

}  // namespace waybill::http
