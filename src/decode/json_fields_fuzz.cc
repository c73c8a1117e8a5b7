// Any line: JsonFields and nlohmann's parser agree on what an object is, and on its last "a" and "b.c".
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/assert.h"
#include "decode/json_fields.h"

using waybill::decode::FieldValue;
using waybill::decode::JsonFields;
using waybill::decode::LineState;

namespace {

int depth_of(std::string_view text) {
  int deepest = 0, depth = 0;
  for (char c : text) {
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return deepest;
}

const nlohmann::json* find(const nlohmann::json& object, const char* key) {
  auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

void expect(const nlohmann::json* want, FieldValue got) {
  bool is_text = want && want->is_string();
  ASSERT((got.kind == FieldValue::Kind::kAbsent) == (want == nullptr));
  ASSERT((got.kind == FieldValue::Kind::kText) == is_text);
  if (is_text) ASSERT(got.text == want->get_ref<const std::string&>());
  ASSERT(got.has_text() == (want && (want->is_primitive() && !want->is_null())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view line(reinterpret_cast<const char*>(data), size);
  if (depth_of(line) >= waybill::decode::kJsonDepthMax)
    return 0;                                      // brackets inside texts counted too: simply fewer inputs
  if (line.find('\0') != std::string_view::npos) return 0;  // nlohmann stops there
  if (line.starts_with("\xef\xbb\xbf")) return 0;  // nlohmann passes over a byte order mark
  const std::string paths[] = {"a", "b.c"};
  JsonFields fields(paths);
  LineState state = fields.parse(line);
  // Numbers beyond double's range are numbers to us, and an error to nlohmann.
  auto json = nlohmann::json::parse(line, nullptr, false);
  if (json.is_discarded()) {
    if (state == LineState::kObject) ASSERT(line.find_first_of("0123456789") != std::string_view::npos);
    return 0;
  }
  ASSERT((state == LineState::kObject) == json.is_object());
  if (!json.is_object()) return 0;
  expect(find(json, "a"), fields.value(0));
  const auto* whole = find(json, "b.c");
  const auto* outer = find(json, "b");
  expect(whole ? whole : (outer && outer->is_object() ? find(*outer, "c") : nullptr), fields.value(1));
  return 0;
}
