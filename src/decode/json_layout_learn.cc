// From a line that is known to be good JSON to its layout.
#include <algorithm>
#include <string>

#include "decode/json_layout_steps.h"

namespace waybill::decode {
namespace {

/// Walks valid JSON and notes what is fixed and what varies. Gives up (ok() is false) at escapes.
class Walk {
 public:
  Walk(std::string_view line, const JsonSchema& schema, bool enveloped)
      : at_(line.data()), end_(line.data() + line.size()), schema_(schema), enveloped_(enveloped) {}

  void run() {
    object(0, !enveloped_);
    while (ok_ && at_ != end_) space_or_give_up();
    flush();
    for (size_t i = 0; i < schema_.fields.size(); ++i) {
      if (!((seen_ >> i) & 1)) constant(static_cast<int>(i), {});
    }
  }
  bool ok() const { return ok_; }
  bool found_envelope() const { return found_envelope_; }
  bool plain_envelope() const { return plain_envelope_; }
  std::vector<JsonStep> take() { return std::move(steps_); }

 private:
  static constexpr int kNotOnPath = -1;
  static constexpr int kDepthMax = 32;

  char peek() const { return at_ == end_ ? '\0' : *at_; }
  void keep(size_t bytes) {
    bytes = std::min(bytes, static_cast<size_t>(end_ - at_));
    literal_.append(at_, bytes);
    at_ += bytes;
  }
  void spaces() {
    while (peek() == ' ' || peek() == '\t') keep(1);
  }
  void space_or_give_up() {
    const char* before = at_;
    spaces();
    if (at_ == before) ok_ = false;
  }
  /// Keeps exactly this character, or gives up.
  void expect(char wanted) {
    if (peek() != wanted) {
      ok_ = false;
      return;
    }
    keep(1);
  }
  /// The quote of this level: \" inside an envelope.
  void quote() {
    if (inside_) expect('\\');
    expect('"');
  }

  /// The plain characters up to the closing quote, not yet kept.
  std::string_view characters() {
    const char* to = at_;
    while (to != end_ && *to != '"' && *to != '\\' && static_cast<unsigned char>(*to) >= 0x20) ++to;
    std::string_view text(at_, static_cast<size_t>(to - at_));
    const bool closed = inside_ ? text.data() + text.size() + 1 < end_ && *to == '\\' && to[1] == '"'
                                : to != end_ && *to == '"';
    if (!closed) ok_ = false;
    return text;
  }

  void flush() {
    for (size_t i = 0; i < literal_.size(); i += 32) {
      JsonStep step;
      step.size = static_cast<uint8_t>(std::min<size_t>(32, literal_.size() - i));
      step.mask = step.size == 32 ? ~uint32_t{0} : (uint32_t{1} << step.size) - 1;
      std::copy_n(literal_.data() + i, step.size, step.bytes.begin());
      steps_.push_back(step);
    }
    literal_.clear();
  }
  /// What comes behind the literal so far.
  JsonStep& then(JsonStep::Op op, int field) {
    flush();
    if (steps_.empty() || steps_.back().op != JsonStep::Op::kNothing) steps_.emplace_back();
    steps_.back().op = op;
    steps_.back().field = static_cast<int8_t>(field);
    return steps_.back();
  }
  void constant(int field, JsonField value) { then(JsonStep::Op::kConstant, field).constant = value; }

  void object(int path, bool wanted) {
    std::vector<std::string_view> keys;
    expect('{');
    spaces();
    if (peek() == '}') return keep(1);
    while (ok_) {
      quote();
      std::string_view key = characters();
      const bool matters = wanted || path != kNotOnPath;
      if (matters && std::find(keys.begin(), keys.end(), key) != keys.end()) ok_ = false;
      if (matters) keys.push_back(key);
      keep(key.size());
      quote();
      spaces();
      expect(':');
      spaces();
      member(key, path, wanted);
      spaces();
      if (peek() == '}') return keep(1);
      expect(',');
      spaces();
    }
  }

  void member(std::string_view key, int path, bool wanted) {
    int field = -1;
    if (wanted) {
      auto it = std::find(schema_.fields.begin(), schema_.fields.end(), key);
      if (it != schema_.fields.end()) field = static_cast<int>(it - schema_.fields.begin());
    }
    if (field >= 0) seen_ |= uint64_t{1} << field;
    const bool on_path = path != kNotOnPath && static_cast<size_t>(path) < schema_.envelope.size() &&
                         schema_.envelope[static_cast<size_t>(path)] == key;
    const bool leaf = on_path && static_cast<size_t>(path) + 1 == schema_.envelope.size();
    if (leaf && peek() == '"') {
      found_envelope_ = true;
      if (enveloped_) return envelope();
    }
    value(field, on_path && !leaf ? path + 1 : kNotOnPath);
  }

  void envelope() {
    keep(1);
    if (peek() != '{') {
      plain_envelope_ = true;
      std::string_view text = characters();
      then(JsonStep::Op::kPlain, -1);
      at_ += text.size();
    } else {
      inside_ = true;
      object(kNotOnPath, true);
      spaces();
      inside_ = false;
    }
    expect('"');
  }

  void value(int field, int path) {
    if (++depth_ > kDepthMax) ok_ = false;
    if (!ok_) return;
    const char first = peek();
    if (first == '{') {
      object(path, false);
    } else if (first == '[') {
      array();
    } else if (first == '"' || first == '\\') {
      text(field);
      field = -1;
    } else if (first == '-' || (first >= '0' && first <= '9')) {
      number(field);
      field = -1;
    } else {
      while (ok_ && peek() >= 'a' && peek() <= 'z') keep(1);
    }
    if (field >= 0) constant(field, {nullptr, 0, JsonKind::kOther, 0});
    --depth_;
  }

  void array() {
    expect('[');
    spaces();
    if (peek() == ']') return keep(1);
    while (ok_) {
      value(-1, kNotOnPath);
      spaces();
      if (peek() == ']') return keep(1);
      expect(',');
      spaces();
    }
  }

  void text(int field) {
    quote();
    std::string_view content = characters();
    if (!ok_) return;
    for (const auto& [index, wanted] : schema_.pinned) {
      if (static_cast<int>(index) != field || wanted != content) continue;
      keep(content.size());
      quote();
      constant(field, {wanted.data(), static_cast<uint32_t>(wanted.size()), JsonKind::kText, 0});
      return;
    }
    then(JsonStep::Op::kText, field);
    at_ += content.size();
    quote();
  }

  void number(int field) {
    then(JsonStep::Op::kNumber, field);
    while (peek() == '-' || peek() == '+' || peek() == '.' || peek() == 'e' || peek() == 'E' ||
           (peek() >= '0' && peek() <= '9'))
      ++at_;
  }

  const char* at_;
  const char* end_;
  const JsonSchema& schema_;
  bool enveloped_;
  bool ok_ = true;
  bool inside_ = false;
  bool found_envelope_ = false;
  bool plain_envelope_ = false;
  int depth_ = 0;
  uint64_t seen_ = 0;
  std::string literal_;
  std::vector<JsonStep> steps_;
};

}  // namespace

std::optional<JsonLayout> layout_of(std::string_view line, JsonStatus status, const JsonSchema& schema,
                                    size_t steps_max) {
  for (bool enveloped : {!schema.envelope.empty(), false}) {
    Walk walk(line, schema, enveloped);
    walk.run();
    if (!walk.ok()) return std::nullopt;
    if (walk.found_envelope() != enveloped) continue;
    const bool plain = status == JsonStatus::kNotObject;
    std::vector<JsonStep> steps = walk.take();
    if (walk.plain_envelope() != plain || steps.size() > steps_max) return std::nullopt;
    return JsonLayout{std::move(steps), status};
  }
  return std::nullopt;
}

}  // namespace waybill::decode
