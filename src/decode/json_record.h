#pragma once
// Named members of one JSON object per line, read plainly: the reference that decode/json_layout.h is
// compared with.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace waybill::decode {

/// Which fields are wanted. Immutable while readers and layouts use it.
struct JsonSchema {
  /// Names of members of the object. At most kJsonFieldsMax.
  std::vector<std::string> fields;
  /// Path of a string whose content is the object with the fields, such as {"_source", "message"}. Empty: the
  /// line itself always is that object. A line without a string there is taken as the object itself.
  std::vector<std::string> envelope = {};
  /// (index in `fields`, a value that it often has): such values become part of a learned layout, which tells
  /// kinds of lines apart at no cost. Changes no result.
  std::vector<std::pair<size_t, std::string>> pinned = {};
};

inline constexpr size_t kJsonFieldsMax = 16;

enum class JsonKind : uint8_t {
  kMissing,  ///< no such member
  kText,     ///< a string
  kInteger,  ///< a number without fraction and exponent that fits int64
  kOther,    ///< anything else: another number, true, false, null, an object, an array
};

/// A view: `data` lives as long as the line, or until the reader's next call where the reader made it.
struct JsonField {
  const char* data = nullptr;  ///< kText: the characters, escapes resolved, valid UTF-8
  uint32_t size = 0;           ///< kText: bytes
  JsonKind kind = JsonKind::kMissing;
  int64_t integer = 0;  ///< kInteger
  std::string_view text() const { return {data, size}; }
};

enum class JsonStatus : uint8_t {
  kObject,     ///< the fields are filled in
  kNotObject,  ///< the text (of the envelope, or the line) does not begin with '{'; no fields
  kBroken,     ///< begins with '{' and is no JSON, is not UTF-8, or holds a number beyond 64 bits; no fields
};

/// Reads lines one by one with simdjson's DOM, which checks every byte. Of a member that occurs twice the
/// last one counts. A line is at most 4 GiB and 1,024 levels deep; else it is kBroken. Keeps buffers as large
/// as the longest line so far up to 1 MiB; larger ones are freed at the next line. Not thread-safe; one per
/// thread.
class JsonReader {
 public:
  explicit JsonReader(const JsonSchema& schema);  ///< `schema` outlives the reader
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;

  /// `line` without its line end. `out` has room for all fields of the schema; all of them are set.
  JsonStatus read(std::string_view line, std::span<JsonField> out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::decode
