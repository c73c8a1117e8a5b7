#pragma once
// JSON written by hand, where a document is built on the way.

#include <cstdint>
#include <string>
#include <string_view>

namespace waybill {

/// Appends the text as a JSON string with its quotes (RFC 8259). Always valid JSON: bytes that are not UTF-8
/// become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
void append_json_number(std::string& out, int64_t value);
/// The shortest text that reads back as the same double, with a point or an exponent. null for what is no
/// number.
void append_json_number(std::string& out, double value);

/// The members of one JSON object, appended to `out`, which outlives it: "{" when it begins to live, "}" when
/// it ends. No allocation beyond `out`. A member that is an object or an array itself is appended to what
/// key() returns, before the next member.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  ~JsonObject() { out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  std::string& key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    return out_ += ':';
  }
  void number(std::string_view name, int64_t value) { append_json_number(key(name), value); }
  void number(std::string_view name, double value) { append_json_number(key(name), value); }
  void flag(std::string_view name, bool value) { key(name) += value ? "true" : "false"; }
  void null(std::string_view name) { key(name) += "null"; }
  void text(std::string_view name, std::string_view value) { append_json_string(key(name), value); }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace waybill
