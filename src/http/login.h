#pragma once
// Tokens, where they come from in a request, and keeping one in a cookie that scripts cannot read.

#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace waybill::http {

/// Where the role of a request comes from.
enum class Proof : uint8_t { kNone, kHeader, kCookie };

struct Identity {
  Role role = Role::kAnyone;
  Proof proof = Proof::kNone;
};

/// The Authorization header (RFC 6750), else the cookie. Without tokens everyone is an operator.
Identity identify(const std::vector<Token>& tokens, const Request& request);

/// Whether a request that changes something may: its Origin (RFC 6454), when it has one, must be the host
/// that was asked, and one that is proved by a cookie must have one. What no browser sends passes. The host
/// is the Host header or, behind a proxy, X-Forwarded-Host, which no other origin's page can set unasked.
bool same_origin(const Request& request, Proof proof);

/// GET, POST and DELETE /api/v1/session: the caller's role; a token into the cookie; the cookie away. The
/// cookie is HttpOnly and SameSite=Strict, Secure behind TLS, for /api/v1 below whatever prefix was asked,
/// and goes when the browser is closed.
/// `parts`: what else this server answers, for the page.
std::vector<Route> session_routes(std::vector<Token> tokens, std::string version,
                                  std::vector<std::string> parts = {});

}  // namespace waybill::http
