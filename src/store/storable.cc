#include "store/storable.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>

#include "base/utf8.h"

namespace waybill::store {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr size_t kHashDigits = 32;

/// Where a cut at or before `bytes` splits no character.
size_t cut_before(std::string_view text, size_t bytes) {
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return bytes;
}

std::string hash_text(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digits[kHashDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return {digits, kHashDigits};
}

template <bool (*Fine)(std::string_view)>
bool all_fine(const std::vector<flow::Value>& values) {
  return std::all_of(values.begin(), values.end(), [](const flow::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr || Fine(*text);
  });
}

template <std::string (*Make)(std::string_view)>
void make_fine(std::vector<flow::Value>& values) {
  for (flow::Value& value : values) {
    if (auto* text = std::get_if<std::string>(&value)) *text = Make(*text);
  }
}

}  // namespace

bool is_storable(std::string_view text) { return is_utf8(text) && text.find('\0') == text.npos; }

std::string to_storable(std::string_view text) {
  std::string out = to_utf8(text);
  for (size_t at = out.find('\0'); at != out.npos; at = out.find('\0', at)) out.replace(at, 1, kReplacement);
  return out;
}

bool is_storable_key(std::string_view text) { return text.size() <= kKeyTextBytesMax && is_storable(text); }

std::string to_storable_key(std::string_view text) {
  std::string out = to_storable(text);
  if (out.size() <= kKeyTextBytesMax) return out;
  const std::string hash = "~" + hash_text(text);
  out.resize(cut_before(out, kKeyTextBytesMax - hash.size()));
  return out + hash;
}

bool is_storable(const flow::RowChange& change) {
  return all_fine<is_storable_key>(change.key) && all_fine<is_storable>(change.values);
}

flow::RowChange to_storable(const flow::RowChange& change) {
  flow::RowChange out = change;
  make_fine<to_storable_key>(out.key);
  make_fine<to_storable>(out.values);
  return out;
}

}  // namespace waybill::store
