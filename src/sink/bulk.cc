#include "sink/bulk.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace waybill::sink {
namespace {

using Json = nlohmann::json;

constexpr size_t kHashDigits = 32;
constexpr const char* kBrokenAnswer = "the answer to a bulk ends early or is none";

std::string text_at(const Json& object, const char* key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

BulkOutcome outcome_of(const Json& item) {
  const int status = item.value("status", 0);
  if (status >= 200 && status < 300) return {BulkOutcome::Kind::kDone, {}};
  if (status == 409) return {BulkOutcome::Kind::kDone, {}};
  const Json error = item.value("error", Json::object());
  const std::string type = error.is_object() ? text_at(error, "type") : std::string();
  BulkOutcome outcome{BulkOutcome::Kind::kAgain, "status " + std::to_string(status)};
  if (error.is_object()) outcome.why += ", " + type + ": " + text_at(error, "reason");
  // What is said of the index or the cluster is not the document's fault.
  const bool of_index = type.starts_with("validation_") || type.starts_with("invalid_") ||
                        type.find("index_") != std::string::npos || type.find("alias") != std::string::npos;
  if ((status == 400 && !of_index) || status == 413) outcome.kind = BulkOutcome::Kind::kRefused;
  return outcome;
}

}  // namespace

void append_bulk(std::string& out, const BulkAction& action) {
  out += R"({"index":{"_index":)";
  append_json_string(out, action.index);
  if (action.typed) out += R"(,"_type":"_doc")";
  out += R"(,"_id":)";
  append_json_string(out, action.id);
  out += R"(,"version":)" + std::to_string(action.version) + R"(,"version_type":"external_gte"}})";
  out += '\n';
  const size_t from = out.size();
  out += action.document;
  std::replace(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), '\n', ' ');
  out += '\n';
}

std::string bounded_id(std::string id) {
  if (id.size() <= kIdBytesMax) return id;
  const XXH128_hash_t hash = XXH3_128bits(id.data(), id.size());
  size_t kept = kIdBytesMax - kHashDigits - 1;
  while (kept > 0 && (static_cast<unsigned char>(id[kept]) & 0xc0) == 0x80) --kept;  // whole characters
  id.resize(kept);
  id += '~';
  for (const uint64_t half : {hash.high64, hash.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) id += "0123456789abcdef"[(half >> shift) & 15];
  }
  return id;
}

Result<bool> bulk_has_errors(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  const bool whole = json.is_object() && json.contains("errors") && json["errors"].is_boolean();
  if (!whole) return fail(Errc::kCorrupt, kBrokenAnswer);
  return json["errors"].get<bool>();
}

Result<std::vector<BulkOutcome>> parse_bulk(std::string_view body, size_t actions) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("errors") || !json["errors"].is_boolean())
    return fail(Errc::kCorrupt, kBrokenAnswer);
  const bool errors = json["errors"].get<bool>();
  auto items = json.find("items");
  if (items == json.end() || !items->is_array() || items->size() != actions)
    return fail(Errc::kCorrupt, "the answer to a bulk is not about every document");
  std::vector<BulkOutcome> out(actions, {BulkOutcome::Kind::kDone, {}});
  for (size_t i = 0; errors && i < actions; ++i) {
    const Json& item = (*items)[i];
    if (!item.is_object() || item.empty() || !item.begin()->is_object())
      return fail(Errc::kCorrupt, "the answer to a bulk is about something else");
    out[i] = outcome_of(*item.begin());
  }
  return out;
}

}  // namespace waybill::sink
