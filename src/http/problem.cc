// RFC 9457 problem bodies, and Request::param.

#include <fmt/format.h>

#include "http/json.h"
#include "http/server.h"

namespace waybill::http {
namespace {

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

int status_of(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return 400;
    case Errc::kDenied:
      return 403;
    case Errc::kNotFound:
      return 404;
    case Errc::kConflict:
      return 409;
    case Errc::kLimit:
      return 413;
    case Errc::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

std::optional<std::string> Request::param(std::string_view name) const {
  auto it = query.find(std::string(name));
  if (it == query.end()) return std::nullopt;
  return it->second;
}

Response problem(int status, std::string_view detail) {
  return {.status = status,
          .content_type = "application/problem+json",
          .body = fmt::format(R"({{"type":"about:blank","title":{},"status":{},"detail":{}}})",
                              json_string(title_of(status)), status, json_string(detail)),
          .headers = {}};
}

Response problem(const Error& error) { return problem(status_of(error.code), error.message); }

}  // namespace waybill::http
