#include "store/cursor.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/base64.h"

namespace waybill::store {
namespace {

/// Base64 with '-', '_' and '.' for '+', '/' and '=': needs no escaping in a URL.
std::string swapped(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  for (char& c : out) {
    if (const size_t at = from.find(c); at != std::string_view::npos) c = to[at];
  }
  return out;
}

constexpr std::string_view kPlain = "+/=";
constexpr std::string_view kUrlSafe = "-_.";

std::optional<int64_t> take_number(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const size_t length = static_cast<size_t>(end - text.data());
  if (error != std::errc() || length == text.size() || text[length] != ':') return std::nullopt;
  text.remove_prefix(length + 1);
  return number;
}

}  // namespace

std::string encode_cursor(const std::vector<flow::Value>& key) {
  std::string bytes;
  for (const auto& value : key) {
    if (const auto* number = std::get_if<int64_t>(&value)) {
      bytes += std::to_string(*number) + ":";
    } else {
      const auto& text = std::get<std::string>(value);
      bytes += std::to_string(text.size()) + ":" + text;
    }
  }
  return swapped(base64_encode(bytes), kPlain, kUrlSafe);
}

Result<std::vector<flow::Value>> decode_cursor(const flow::TableSpec& table, std::string_view cursor) {
  auto invalid = [] { return fail(Errc::kInvalid, "cursor: not one that an earlier page gave"); };
  auto bytes = base64_decode(swapped(cursor, kUrlSafe, kPlain));
  if (!bytes) return invalid();
  std::string_view rest = *bytes;
  std::vector<flow::Value> key;
  for (const auto& column : table.keys) {
    const auto number = take_number(rest);
    if (!number) return invalid();
    if (column.type == flow::ColumnType::kInt64) {
      key.emplace_back(*number);
      continue;
    }
    if (*number < 0 || static_cast<uint64_t>(*number) > rest.size()) return invalid();
    key.emplace_back(std::string(rest.substr(0, static_cast<size_t>(*number))));
    rest.remove_prefix(static_cast<size_t>(*number));
  }
  if (!rest.empty()) return invalid();
  return key;
}

}  // namespace waybill::store
