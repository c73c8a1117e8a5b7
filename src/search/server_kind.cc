#include "search/server_kind.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace waybill::search {
namespace {

/// "2.19.4" to 2 and 19.
bool read_version(std::string_view text, ServerKind& out) {
  auto [dot, fault] = std::from_chars(text.data(), text.data() + text.size(), out.major);
  if (fault != std::errc() || dot == text.data() + text.size() || *dot != '.') return false;
  return std::from_chars(dot + 1, text.data() + text.size(), out.minor).ec == std::errc();
}

std::string text_at(const nlohmann::json& object, const char* key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string ServerKind::text() const { return (opensearch() ? "OpenSearch " : "Elasticsearch ") + number; }

Result<ServerKind> parse_server_kind(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("version") || !json["version"].is_object())
    return fail(Errc::kUnsupported, "this is no Elasticsearch or OpenSearch: GET / tells no version");
  const auto& version = json["version"];
  ServerKind kind;
  kind.number = text_at(version, "number");
  // With compatibility.override_main_response_version OpenSearch calls itself 7.10.2; its tagline does not.
  const bool renamed = text_at(json, "tagline").find("OpenSearch") != std::string::npos;
  if (text_at(version, "distribution") == "opensearch" || renamed)
    kind.product = ServerKind::Product::kOpenSearch;
  if (!read_version(kind.number, kind))
    return fail(Errc::kUnsupported, "the server tells a version that cannot be read: " + kind.number);
  if (kind.opensearch() && kind.at_least(7, 0)) {
    kind.major = 1;  // the compatible answer hides which; what 1.0 has, all have
    kind.minor = 0;
  }
  if (!kind.opensearch() && !kind.at_least(6, 4))
    return fail(Errc::kUnsupported, kind.text() + " is too old; 6.4 and later are spoken to");
  return kind;
}

}  // namespace waybill::search
