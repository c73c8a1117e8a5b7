#include "decode/json_record.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "base/assert.h"

namespace waybill::decode {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kKeepBytesMax = 1 << 20;

/// The member of that name that counts: the last one.
std::optional<dom::element> member(dom::object object, std::string_view name) {
  std::optional<dom::element> found;
  for (dom::key_value_pair pair : object) {
    if (pair.key == name) found = pair.value;
  }
  return found;
}

void set_field(JsonField& out, dom::element value) {
  if (value.type() == dom::element_type::STRING) {
    const std::string_view text = value.get_string().value_unsafe();
    out = {text.data(), static_cast<uint32_t>(text.size()), JsonKind::kText, 0};
  } else if (value.type() == dom::element_type::INT64) {
    out = {nullptr, 0, JsonKind::kInteger, value.get_int64().value_unsafe()};
  } else {
    out = {nullptr, 0, JsonKind::kOther, 0};
  }
}

/// `text` begins with '{'.
std::optional<dom::object> parse(dom::parser& parser, std::string_view text) {
  dom::element root;
  if (parser.parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS) return std::nullopt;
  return root.get_object().value_unsafe();
}

}  // namespace

struct JsonReader::Impl {
  const JsonSchema& schema;
  dom::parser outer{};
  dom::parser inner{};

  /// The text at the envelope's path, if there is one.
  std::optional<std::string_view> envelope_text(dom::object object) const {
    if (schema.envelope.empty()) return std::nullopt;
    for (size_t i = 0; i + 1 < schema.envelope.size(); ++i) {
      auto child = member(object, schema.envelope[i]);
      if (!child || child->type() != dom::element_type::OBJECT) return std::nullopt;
      object = child->get_object().value_unsafe();
    }
    auto leaf = member(object, schema.envelope.back());
    if (!leaf || leaf->type() != dom::element_type::STRING) return std::nullopt;
    return leaf->get_string().value_unsafe();
  }

  void fill(dom::object object, std::span<JsonField> out) const {
    for (dom::key_value_pair pair : object) {
      auto it = std::find(schema.fields.begin(), schema.fields.end(), pair.key);
      if (it != schema.fields.end())
        set_field(out[static_cast<size_t>(it - schema.fields.begin())], pair.value);
    }
  }

  JsonStatus read(std::string_view line, std::span<JsonField> out) {
    if (!line.starts_with('{')) return JsonStatus::kNotObject;
    auto object = parse(outer, line);
    if (!object) return JsonStatus::kBroken;
    if (auto text = envelope_text(*object)) {
      if (!text->starts_with('{')) return JsonStatus::kNotObject;
      object = parse(inner, *text);
      if (!object) return JsonStatus::kBroken;
    }
    fill(*object, out);
    return JsonStatus::kObject;
  }
};

JsonReader::JsonReader(const JsonSchema& schema) : impl_(new Impl{schema}) {
  ASSERT(schema.fields.size() <= kJsonFieldsMax);
}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;

JsonStatus JsonReader::read(std::string_view line, std::span<JsonField> out) {
  if (std::max(impl_->outer.capacity(), impl_->inner.capacity()) > kKeepBytesMax) {
    impl_->outer = dom::parser();
    impl_->inner = dom::parser();
  }
  std::fill(out.begin(), out.end(), JsonField{});
  return impl_->read(line, out);
}

}  // namespace waybill::decode
