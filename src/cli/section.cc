#include "cli/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/suggest.h"

namespace waybill::cli {

std::optional<std::string> scalar(ConfigFaults& faults, const YamlNode& node, std::string_view what) {
  if (node.kind != YamlNode::Kind::kScalar) {
    faults.add(node, fmt::format("{} must be a single value", what));
    return std::nullopt;
  }
  auto value = expand_variables(node.text, faults.variable);
  if (!value) {
    faults.add(node, fmt::format("{}: {}", what, value.error().message));
    return std::nullopt;
  }
  return *value;
}

Section::Section(ConfigFaults& faults, const YamlNode* node, std::string path)
    : faults_(faults), node_(node), path_(std::move(path)) {
  if (node_ && node_->kind == YamlNode::Kind::kNull) node_ = nullptr;
  if (node_ && node_->kind != YamlNode::Kind::kMap) {
    faults_.add(*node_,
                fmt::format("{} must be a map of keys and values", path_.empty() ? "the file" : path_));
    node_ = nullptr;
  }
}

const YamlNode* Section::child(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  if (!node_) return nullptr;
  for (const auto& [name, value] : node_->entries) {
    const YamlNode& node = faults_.document[value];
    if (faults_.document[name].text == key) return node.kind == YamlNode::Kind::kNull ? nullptr : &node;
  }
  return nullptr;
}

void Section::text(std::string_view key, std::string& out) {
  if (const YamlNode* node = child(key)) {
    if (auto value = scalar(faults_, *node, where(key))) out = std::move(*value);
  }
}

void Section::duration(std::string_view key, Millis& out, DurationRange allowed) {
  const YamlNode* node = child(key);
  if (!node) return;
  auto value = scalar(faults_, *node, where(key));
  if (!value) return;
  auto parsed = parse_duration(*value);
  if (!parsed) {
    faults_.add(*node, fmt::format("{}: {}", where(key), parsed.error().message));
  } else if (*parsed < allowed.min || *parsed > allowed.max) {
    faults_.add(*node, fmt::format("{}: {} is not allowed; from {} to {} is", where(key), *value,
                                   duration_text(allowed.min), duration_text(allowed.max)));
  } else {
    out = *parsed;
  }
}

void Section::size(std::string_view key, int64_t& out, IntRange allowed) {
  const YamlNode* node = child(key);
  if (!node) return;
  auto value = scalar(faults_, *node, where(key));
  if (!value) return;
  auto parsed = parse_size(*value);
  if (!parsed) {
    faults_.add(*node, fmt::format("{}: {}", where(key), parsed.error().message));
  } else if (*parsed < allowed.min || *parsed > allowed.max) {
    faults_.add(*node, fmt::format("{}: {} is not allowed; from {} to {} bytes are", where(key), *value,
                                   allowed.min, allowed.max));
  } else {
    out = *parsed;
  }
}

void Section::number_of(std::string_view key, int64_t& out, IntRange allowed) {
  const YamlNode* node = child(key);
  if (!node) return;
  auto value = scalar(faults_, *node, where(key));
  if (!value) return;
  int64_t number = 0;
  auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  bool whole = error == std::errc() && end == value->data() + value->size();
  if (!whole || number < allowed.min || number > allowed.max) {
    faults_.add(*node, fmt::format("{}: \"{}\" is not allowed; a whole number from {} to {} is", where(key),
                                   *value, allowed.min, allowed.max));
  } else {
    out = number;
  }
}

void Section::texts(std::string_view key, std::vector<std::string>& out) {
  const YamlNode* node = child(key);
  if (!node) return;
  if (node->kind != YamlNode::Kind::kSequence)
    return faults_.add(*node, fmt::format("{} must be a list, e.g. [a, b]", where(key)));
  out.clear();
  for (size_t item : node->items) {
    if (auto value = scalar(faults_, faults_.document[item], where(key))) out.push_back(std::move(*value));
  }
}

std::optional<size_t> Section::word(std::string_view key, std::initializer_list<std::string_view> words) {
  const YamlNode* node = child(key);
  if (!node) return std::nullopt;
  auto value = scalar(faults_, *node, where(key));
  if (!value) return std::nullopt;
  auto it = std::find(words.begin(), words.end(), *value);
  if (it != words.end()) return static_cast<size_t>(it - words.begin());
  faults_.add(*node,
              fmt::format("{}: \"{}\" is not allowed; {} is", where(key), *value, fmt::join(words, ", ")));
  return std::nullopt;
}

void Section::finish() {
  if (!node_) return;
  std::sort(known_.begin(), known_.end());
  for (const auto& [name, value] : node_->entries) {
    const YamlNode& key = faults_.document[name];
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
    faults_.add(key, fmt::format("unknown key \"{}\"{} Allowed {}: {}", where(key.text),
                                 suggestion(key.text, known_).empty() ? "." : suggestion(key.text, known_),
                                 path_.empty() ? "here" : "in " + path_, fmt::join(known_, ", ")));
  }
}

}  // namespace waybill::cli
