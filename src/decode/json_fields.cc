#include "decode/json_fields.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/utf8.h"

namespace waybill::decode {

namespace od = simdjson::ondemand;

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

namespace {

constexpr size_t kKeptBytesMax = 1 << 20;
constexpr size_t kNone = SIZE_MAX;

/// A key on the way to fields: its slot when a path ends here, and the keys below.
struct PathNode {
  std::string key;
  size_t slot = kNone;
  std::vector<PathNode> children;

  PathNode& child(std::string_view name) {
    for (auto& c : children) {
      if (c.key == name) return c;
    }
    children.push_back({std::string(name), kNone, {}});
    return children.back();
  }
  const PathNode* find(std::string_view name) const {
    for (const auto& c : children) {
      if (c.key.size() == name.size() && std::memcmp(c.key.data(), name.data(), name.size()) == 0) return &c;
    }
    return nullptr;
  }
};

/// RFC 8259's number; simdjson's on-demand parser checks only numbers that are asked for.
bool is_json_number(std::string_view t) {
  size_t i = 0;
  auto digits = [&] {
    size_t from = i;
    while (i < t.size() && t[i] >= '0' && t[i] <= '9') ++i;
    return i > from;
  };
  if (i < t.size() && t[i] == '-') ++i;
  if (i < t.size() && t[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < t.size() && t[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < t.size() && (t[i] == 'e' || t[i] == 'E')) {
    ++i;
    if (i < t.size() && (t[i] == '+' || t[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == t.size();
}

std::string_view without_blanks_behind(std::string_view t) {
  while (!t.empty() && (t.back() == ' ' || t.back() == '\t' || t.back() == '\r' || t.back() == '\n'))
    t.remove_suffix(1);
  return t;
}

}  // namespace

struct JsonFields::Impl {
  od::parser parser{kJsonLineBytesMax};
  PathNode root;
  std::vector<std::pair<size_t, size_t>>
      slots;                       ///< per path: of the whole path as a key, and of the nested keys
  std::vector<FieldValue> values;  ///< per slot
  std::vector<char> padded;
  bool filled = false;

  size_t slot_of(PathNode& node) {
    if (node.slot == kNone) {
      node.slot = values.size();
      values.emplace_back();
    }
    return node.slot;
  }

  void forget(const PathNode& node) {
    if (node.slot != kNone) values[node.slot] = {};
    for (const auto& child : node.children) forget(child);
  }

  void put(const PathNode* node, FieldValue::Kind kind, std::string_view text) {
    if (node && node->slot != kNone) values[node->slot] = {kind, text};
  }

  /// A key or a value; `raw` begins behind its opening quote and ends at its closing one. Views when nothing
  /// is escaped.
  static bool plain(std::string_view raw) { return std::memchr(raw.data(), '\\', raw.size()) == nullptr; }

  bool walk_text(od::value value, const PathNode* node) {
    std::string_view raw = without_blanks_behind(value.raw_json_token());
    if (raw.size() < 2 || raw.back() != '"') return false;
    raw = raw.substr(1, raw.size() - 2);
    std::string_view text;
    if (value.get_string().get(text)) return false;
    if (plain(raw)) {
      text = raw;
    } else if (!is_utf8(text)) {
      return false;  // a half of a surrogate pair
    }
    put(node, FieldValue::Kind::kText, text);
    return true;
  }

  bool walk_token(od::value value, const PathNode* node) {
    std::string_view raw = without_blanks_behind(value.raw_json_token());
    auto kind = FieldValue::Kind::kNumber;
    if (raw == "true" || raw == "false") {
      kind = FieldValue::Kind::kBool;
      bool out;
      if (value.get_bool().get(out)) return false;
    } else if (raw == "null") {
      put(node, FieldValue::Kind::kNull, {});
      return value.is_null();
    } else if (!is_json_number(raw)) {
      return false;
    }
    put(node, kind, raw);
    return true;
  }

  bool walk(od::value value, const PathNode* node, int depth) {
    od::json_type type;
    if (value.type().get(type)) return false;
    switch (type) {
      case od::json_type::object: {
        od::object object;
        if (depth >= kJsonDepthMax || value.get_object().get(object)) return false;
        put(node, FieldValue::Kind::kObject, {});
        return walk_object(object, node, depth + 1);
      }
      case od::json_type::array: {
        od::array array;
        if (depth >= kJsonDepthMax || value.get_array().get(array)) return false;
        put(node, FieldValue::Kind::kArray, {});
        return walk_array(array, depth + 1);
      }
      case od::json_type::string:
        return walk_text(value, node);
      default:
        return walk_token(value, node);
    }
  }

  bool walk_array(od::array array, int depth) {
    for (auto&& item : array) {
      od::value value;
      if (std::move(item).get(value) || !walk(value, nullptr, depth)) return false;
    }
    return true;
  }

  bool walk_object(od::object object, const PathNode* node, int depth) {
    for (auto&& item : object) {
      od::field field;
      if (std::move(item).get(field)) return false;
      std::string_view key;
      if (field.unescaped_key().get(key) || !is_utf8(key)) return false;
      const PathNode* below = node ? node->find(key) : nullptr;
      if (below) forget(*below);
      if (!walk(field.value(), below, depth)) return false;
    }
    return true;
  }

  LineState parse(std::string_view line, size_t capacity) {
    od::document document;
    if (parser.iterate(simdjson::padded_string_view(line.data(), line.size(), capacity)).get(document)) {
      return LineState::kMalformed;
    }
    od::json_type type;
    if (document.type().get(type)) return LineState::kMalformed;
    if (type != od::json_type::object) return LineState::kNotObject;
    od::object object;
    if (document.get_object().get(object) || !walk_object(object, &root, 1)) return LineState::kMalformed;
    bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    return at_end ? LineState::kObject : LineState::kMalformed;
  }
};

JsonFields::JsonFields(std::span<const std::string> paths) : impl_(std::make_unique<Impl>()) {
  for (const auto& path : paths) {
    PathNode* node = &impl_->root;
    for (size_t at = 0;;) {
      size_t dot = path.find('.', at);
      node = &node->child(std::string_view(path).substr(at, dot - at));
      if (dot == std::string::npos) break;
      at = dot + 1;
    }
    size_t nested = impl_->slot_of(*node);
    impl_->slots.emplace_back(impl_->slot_of(impl_->root.child(path)), nested);
  }
}

JsonFields::~JsonFields() = default;
JsonFields::JsonFields(JsonFields&&) noexcept = default;
JsonFields& JsonFields::operator=(JsonFields&&) noexcept = default;

LineState JsonFields::parse(std::string_view line, size_t readable_after) {
  Impl& impl = *impl_;
  impl.filled = false;
  if (line.size() > kJsonLineBytesMax) return LineState::kTooLong;
  std::fill(impl.values.begin(), impl.values.end(), FieldValue{});
  if (impl.parser.capacity() > kKeptBytesMax && line.size() <= kKeptBytesMax) {
    impl.parser = od::parser{kJsonLineBytesMax};
    impl.padded = {};
  }
  size_t capacity = line.size() + readable_after;
  if (readable_after < kJsonPadding) {
    capacity = line.size() + kJsonPadding;
    if (impl.padded.size() < capacity) impl.padded.resize(capacity);
    if (!line.empty()) std::memcpy(impl.padded.data(), line.data(), line.size());
    line = {impl.padded.data(), line.size()};
  }
  LineState state = impl.parse(line, capacity);
  impl.filled = state == LineState::kObject;
  return state;
}

FieldValue JsonFields::value(size_t index) const {
  ASSERT(index < impl_->slots.size());
  if (!impl_->filled) return {};
  auto [whole, nested] = impl_->slots[index];
  return impl_->values[whole].kind != FieldValue::Kind::kAbsent ? impl_->values[whole]
                                                                : impl_->values[nested];
}

}  // namespace waybill::decode
