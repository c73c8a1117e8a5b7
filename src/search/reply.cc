// What the server says when it refuses.
#include <nlohmann/json.hpp>

#include "base/http_status.h"
#include "base/percent.h"
#include "base/utf8.h"
#include "search/connection.h"

namespace waybill::search {
namespace {

constexpr size_t kShownBytes = 300;

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

Error reply_error(const Reply& reply) { return {errc_of_http(reply.status), reply_text(reply)}; }

std::string path_segment(std::string_view text) {
  std::string out;
  append_percent_encoded(out, text, [](char c) { return is_unreserved(c) || c == '*' || c == ','; });
  return out;
}

}  // namespace waybill::search
