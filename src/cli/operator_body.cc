#include "cli/operator_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/base64.h"
#include "base/utf8.h"

namespace waybill::cli {
namespace {

void put_bytes(Json& out, const std::string& name, const std::optional<std::string>& bytes) {
  if (!bytes) {
    out[name] = nullptr;
  } else if (is_utf8(*bytes)) {
    out[name] = *bytes;
  } else {
    out[name + "_base64"] = base64_encode(*bytes);
  }
}

}  // namespace

Result<std::map<std::string, std::string>> body_members(const std::string& body,
                                                        const std::vector<std::string_view>& allowed) {
  Json json = Json::parse(body.empty() ? "{}" : body, nullptr, false);
  if (!json.is_object()) return fail(Errc::kInvalid, "the body is no JSON object");
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : json.items()) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      return fail(Errc::kInvalid, fmt::format("\"{}\": no such member; there are {}", to_utf8(name),
                                              fmt::join(allowed, ", ")));
    }
    if (value.is_structured()) return fail(Errc::kInvalid, fmt::format("\"{}\" is no simple value", name));
    if (value.is_null()) continue;
    out[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

Json ranges_json(const std::vector<tally::DecidedPartition>& partitions) {
  Json out = Json::array();
  for (const tally::DecidedPartition& p : partitions) {
    for (const OffsetRange& r : p.ranges) {
      out.push_back({{"partition", p.partition.value},
                     {"first_offset", r.begin.value},
                     {"last_offset", r.end.value - 1}});
    }
  }
  return out;
}

Json message_json(int32_t partition, const source::WholeMessage& m) {
  Json out{{"partition", partition},
           {"offset", m.offset.value},
           {"timestamp", m.time_ms < 0 ? Json() : Json(m.time_ms)}};
  put_bytes(out, "key", m.key);
  put_bytes(out, "value", m.value);
  Json headers = Json::array();
  for (const auto& [name, value] : m.headers) {
    Json header;
    put_bytes(header, "name", name);
    put_bytes(header, "value", value);
    headers.push_back(std::move(header));
  }
  out["headers"] = std::move(headers);
  return out;
}

}  // namespace waybill::cli
