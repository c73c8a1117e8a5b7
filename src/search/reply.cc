// What the server says when it refuses.
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "search/connection.h"

namespace waybill::search {
namespace {

constexpr size_t kShownBytes = 300;

Errc code_of(long status) {
  switch (status) {
    case 400:
      return Errc::kInvalid;
    case 401:
    case 403:
      return Errc::kDenied;
    case 404:
      return Errc::kNotFound;
    case 409:
      return Errc::kConflict;
    case 413:
      return Errc::kLimit;
    default:
      return Errc::kUnavailable;
  }
}

std::string cause_text(const nlohmann::json& cause) {
  if (cause.is_string()) return cause.get<std::string>();
  if (!cause.is_object()) return {};
  std::string out;
  for (const char* key : {"type", "reason"}) {
    auto it = cause.find(key);
    if (it == cause.end() || !it->is_string()) continue;
    out += (out.empty() ? "" : ": ") + it->get<std::string>();
  }
  if (auto inner = cause.find("caused_by"); inner != cause.end() && inner->is_object()) {
    if (auto reason = inner->find("reason"); reason != inner->end() && reason->is_string())
      out += " (" + reason->get<std::string>() + ")";
  }
  return out;
}

}  // namespace

std::string reply_text(const Reply& reply) {
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  std::string text;
  if (json.is_object() && json.contains("error")) {
    const auto& error = json["error"];
    if (error.is_object() && error.contains("root_cause") && error["root_cause"].is_array() &&
        !error["root_cause"].empty())
      text = cause_text(error["root_cause"][0]);
    if (text.empty()) text = cause_text(error);
  }
  if (text.empty()) text = to_utf8(std::string_view(reply.body).substr(0, kShownBytes));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return "status " + std::to_string(reply.status) + (text.empty() ? "" : ", ") + text;
}

Error reply_error(const Reply& reply) { return {code_of(reply.status), reply_text(reply)}; }

std::string path_segment(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == '*' || c == ',';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      ((out += '%') += kHex[byte >> 4]) += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace waybill::search
