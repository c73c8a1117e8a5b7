#pragma once
// Values of chosen fields of one JSON line, by simdjson's on-demand parser, with the whole line checked.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::decode {

/// More bytes than this in one line are kTooLong: simdjson needs five times its size as working memory.
inline constexpr size_t kJsonLineBytesMax = 16 << 20;
/// Deeper objects and arrays are kMalformed.
inline constexpr int kJsonDepthMax = 64;
/// Bytes that simdjson may read (not use) behind a line.
inline constexpr size_t kJsonPadding = 64;

/// What a line is. Bad input is data: never an Error.
enum class LineState : uint8_t {
  kObject,     ///< a well-formed JSON object
  kMalformed,  ///< not JSON (RFC 8259), cut off, bad UTF-8, too deep, or something behind the object
  kNotObject,  ///< begins like JSON, but is no object: a list, text, number
  kTooLong,
};

struct FieldValue {
  enum class Kind : uint8_t { kAbsent, kText, kNumber, kBool, kNull, kObject, kArray };
  Kind kind = Kind::kAbsent;
  /// kText: unescaped. kNumber: as written ("1.50", "1e3", of any size). kBool: "true" or "false". Else
  /// empty.
  std::string_view text;
  /// Text, numbers and bools have a text to compare; null, objects, arrays and absent fields have none.
  bool has_text() const { return kind == Kind::kText || kind == Kind::kNumber || kind == Kind::kBool; }
};

/// Reads a fixed list of fields from lines. Field paths: "status" is a key of the line's object; "a.b" is the
/// key b of the object at a, or the key "a.b" of the line itself, which goes first. Elements of arrays have
/// no path. Of a key that is repeated in one object the last counts, as in RFC 8259's note and in Python,
/// JavaScript, Go and jq; what an earlier one held is forgotten, nested fields too.
///
/// Cost: about 1.5 GB/s for a line of 420 B. Memory: five times the longest line up to 1 MiB; what a longer
/// line took is freed at the next short one. No allocation per line otherwise. Single-threaded; movable.
class JsonFields {
 public:
  /// `paths` may repeat; an empty path is the key "". Any number of them.
  explicit JsonFields(std::span<const std::string> paths);
  ~JsonFields();
  JsonFields(JsonFields&&) noexcept;
  JsonFields& operator=(JsonFields&&) noexcept;

  /// Parses one line (without its newline; blanks around the object are fine). `readable_after`: how many
  /// bytes behind the line are readable memory; below kJsonPadding the line is copied first. Views in values
  /// live until the next parse, and as long as the line.
  LineState parse(std::string_view line, size_t readable_after = 0);

  /// Of the last parse; kAbsent when that did not return kObject. REQUIRES: index < paths.size().
  FieldValue value(size_t index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::decode
