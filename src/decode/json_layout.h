#pragma once
// Lines of JSON at memory speed: layouts are learned from lines that were read plainly, later lines are
// compared with them byte by byte, and whatever does not match exactly is left to the plain reader.
//
// How to use it, for blocks of whole lines:
//
//   JsonSchema schema{.fields = {"type", "uid", "ptime"}};
//   JsonReader reader(schema);                   // the reference
//   JsonLayouts layouts(schema);
//   JsonRows rows(schema.fields.size(), 256);    // room for a batch
//   for (const char* at = block.begin; at != block.end;) {
//     at = layouts.scan(at, block.end, rows);    // as many lines as match, up to rows.capacity()
//     for (size_t i = 0; i < rows.size(); ++i) use(rows.line(i), rows.status(i), rows.fields(i));
//     if (at == block.end || rows.full()) continue;
//     std::string_view line = first_line(at, block.end);         // one that no layout fits
//     JsonStatus status = reader.read(line, fields);
//     use(line, status, fields);
//     layouts.learn(line, status);                               // cheap, and does nothing when it cannot
//     help at = behind the end of that line;
//   }
//
// What scan() says of a line is exactly what JsonReader::read() says of it (json_layout_fuzz.cc compares
// them); the only difference is `data` of texts: it points into the block.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "decode/json_record.h"

namespace waybill::decode {

/// Bytes behind the end of a block that must be readable (their content does not matter).
inline constexpr size_t kScanPadding = 64;

/// A batch of scanned lines. Views live as long as the block.
class JsonRows {
 public:
  JsonRows(size_t fields, size_t capacity) : fields_(fields), values_(fields * capacity), lines_(capacity) {}
  size_t size() const { return size_; }
  size_t capacity() const { return lines_.size(); }
  bool full() const { return size_ == lines_.size(); }
  /// Where the line begins.
  const char* line(size_t row) const { return lines_[row].begin; }
  /// kObject or kNotObject.
  JsonStatus status(size_t row) const { return lines_[row].status; }
  /// Which layout it has: a number that is stable while the JsonLayouts live, below kLayoutsMax. Two lines of
  /// one layout have the same members, of the same kinds and with the same pinned values.
  uint16_t layout(size_t row) const { return lines_[row].layout; }
  const JsonField* fields(size_t row) const { return &values_[row * fields_]; }

 private:
  friend class JsonLayouts;
  friend struct JsonScan;
  struct Line {
    const char* begin;
    JsonStatus status;
    uint16_t layout;
  };
  size_t fields_;
  size_t size_ = 0;
  std::vector<JsonField> values_;
  std::vector<Line> lines_;
};

/// The layouts learned so far; the one that followed the last line's layout before is tried first. A layout
/// is the bytes between the scalar values; texts (UTF-8 without escapes) and numbers (up to 18 digits)
/// between them may vary. Lines with escapes, duplicate members or numbers with exponents fit none. Not
/// thread-safe; one per thread.
class JsonLayouts {
 public:
  static constexpr size_t kLayoutsMax = 32;
  static constexpr size_t kStepsMax = 128;
  static constexpr size_t kLearnBytesMax = 8192;  ///< longer lines are not learned
  static constexpr size_t kLearnTriesMax = 4096;  ///< lines looked at in vain, then no more

  explicit JsonLayouts(const JsonSchema& schema);  ///< `schema` outlives this
  ~JsonLayouts();
  JsonLayouts(JsonLayouts&&) noexcept;
  /// Fills `rows` anew with lines from `at` on and returns where it stopped: the start of the first line that
  /// fits no layout, or of the one that has no room, or `end`. Blocks hold whole lines; a line ends with "\n"
  /// or "\r\n", the last one may end with the block. [end, end + kScanPadding) must be readable.
  const char* scan(const char* at, const char* end, JsonRows& rows);
  /// Looks at a line that scan() stopped at, without its line end; `status` is what JsonReader says of it.
  void learn(std::string_view line, JsonStatus status);
  size_t size() const;

  /// For tests: the portable scanner also where the machine has AVX2.
  void use_portable_scanner();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::decode
