#include "decode/json_layout.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/utf8.h"
#include "decode/json_layout_steps.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace waybill::decode {

/// Writes rows for the scanner's loops.
struct JsonScan {
  using Line = JsonRows::Line;
  static void reset(JsonRows& rows) { rows.size_ = 0; }
  static void finish(JsonRows& rows, size_t size) { rows.size_ = size; }
  static Line* lines(JsonRows& rows) { return rows.lines_.data(); }
  static JsonField* values(JsonRows& rows) { return rows.values_.data(); }
};

namespace {

struct ScanState {
  struct Layout {
    JsonStep* first;
    const JsonStep* last;
    JsonStatus status;
  };
  /// Before which step of a layout, and where in the line.
  struct Place {
    unsigned step;
    const char* at;
  };
  const Layout* layouts;
  unsigned layout_count;
  const uint8_t* alike;  ///< [a * layout_count + b]: how many steps the two have in common from the start
  uint16_t* after;
  uint16_t last;
  JsonField* fields;
  size_t field_count;
  JsonScan::Line* lines;
  size_t row;
  size_t rows_max;

  void note(const char* begin, unsigned layout) {
    lines[row++] = {begin, layouts[layout].status, static_cast<uint16_t>(layout)};
  }
};

bool same_step(const JsonStep& a, const JsonStep& b) {
  return a.op == b.op && a.bytes == b.bytes && a.size == b.size && a.field == b.field &&
         a.constant.kind == b.constant.kind && a.constant.integer == b.constant.integer &&
         a.constant.text() == b.constant.text();
}

using ScanLines = const char* (*)(ScanState& state, const char* at, const char* end);

/// Behind the UTF-8 sequence at `at`, or null.
const char* behind_sequence(const char* at, const char* end) {
  if (at >= end) return nullptr;
  const size_t length = utf8_sequence_length({at, std::min<size_t>(4, static_cast<size_t>(end - at))});
  return length == 0 ? nullptr : at + length;
}

namespace portable {

/// Bit i: byte i ends a plain run (a quote, a backslash, a control character, or no ASCII).
inline uint32_t special(const char* at) {
#if defined(__SSE2__)
  uint32_t mask = 0;
  for (int half = 0; half < 2; ++half) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * half));
    const __m128i hit = _mm_or_si128(
        _mm_cmpgt_epi8(_mm_set1_epi8(0x20), v),
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
    mask |= static_cast<uint32_t>(_mm_movemask_epi8(hit)) << (16 * half);
  }
  return mask;
#else
  uint32_t mask = 0;
  for (int i = 0; i < 32; ++i) {
    const auto c = static_cast<signed char>(at[i]);
    mask |= uint32_t{c < 0x20 || c == '"' || c == '\\'} << i;
  }
  return mask;
#endif
}

/// Bit i: byte i of the two differs.
inline uint32_t differs(const char* a, const char* b) {
#if defined(__SSE2__)
  uint32_t mask = 0;
  for (int half = 0; half < 2; ++half) {
    const __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + 16 * half)),
                                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 16 * half)));
    mask |= static_cast<uint32_t>(_mm_movemask_epi8(equal)) << (16 * half);
  }
  return ~mask;
#else
  uint32_t mask = 0;
  for (int i = 0; i < 32; ++i) mask |= uint32_t{a[i] != b[i]} << i;
  return mask;
#endif
}

/// How many digits are at `at` (19 for more than 18) and their value.
inline unsigned digits(const char* at, int64_t& value) {
  unsigned count = 0;
  for (; count < 19 && at[count] >= '0' && at[count] <= '9'; ++count) {
    if (count < 18) value = value * 10 + (at[count] - '0');
  }
  return count;
}

#include "decode/json_layout_scan.inc"

}  // namespace portable

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi")
#endif
namespace avx2 {

/// 32 times each.
constexpr std::array<char, 96> spaces_quotes_backslashes() {
  std::array<char, 96> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = " \"\\"[i / 32];
  return bytes;
}
alignas(32) constexpr std::array<char, 96> kCompared = spaces_quotes_backslashes();

inline uint32_t special(const char* at) {
  const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const auto* compared = reinterpret_cast<const __m256i*>(kCompared.data());
  __asm__("" : "+r"(compared));  // else each is built anew for each text
  const __m256i hit =
      _mm256_or_si256(_mm256_cmpgt_epi8(compared[0], v),
                      _mm256_or_si256(_mm256_cmpeq_epi8(v, compared[1]), _mm256_cmpeq_epi8(v, compared[2])));
  return static_cast<uint32_t>(_mm256_movemask_epi8(hit));
}

inline uint32_t differs(const char* a, const char* b) {
  const __m256i equal = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a)),
                                          _mm256_load_si256(reinterpret_cast<const __m256i*>(b)));
  return ~static_cast<uint32_t>(_mm256_movemask_epi8(equal));
}

/// Shuffles that move the first n bytes to the end: kShift[16 - n ...].
alignas(32) constexpr signed char kShift[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                -1, -1, -1, -1, -1, 0,  1,  2,  3,  4,  5,
                                                6,  7,  8,  9,  10, 11, 12, 13, 14, 15};

inline unsigned digits(const char* at, int64_t& value) {
  const __m128i v = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), _mm_set1_epi8('0'));
  const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
  const unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(is_digit));
  if (mask == 0xffff) [[unlikely]]
    return portable::digits(at, value);
  const unsigned count = static_cast<unsigned>(__builtin_ctz(~mask));
  const __m128i shift = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kShift + count));
  const __m128i right = _mm_shuffle_epi8(v, shift);
  const __m128i twos = _mm_maddubs_epi16(right, _mm_set1_epi16(0x010a));
  const __m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(0x00010064));
  const __m128i packed = _mm_packus_epi32(fours, fours);
  const __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710));
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  value = static_cast<int64_t>((both & 0xffffffff) * 100'000'000 + (both >> 32));
  return count;
}

#include "decode/json_layout_scan.inc"

}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

ScanLines best_scanner() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) return avx2::scan_lines;
#endif
  return portable::scan_lines;
}

}  // namespace

struct JsonLayouts::Impl {
  explicit Impl(const JsonSchema& wanted) : schema(wanted) {}
  const JsonSchema& schema;
  std::vector<JsonLayout> layouts{};
  std::vector<ScanState::Layout> ranges{};
  std::vector<uint8_t> alike{};
  std::vector<uint16_t> after{0};
  uint16_t last = 0;
  size_t tries = 0;
  ScanLines scan_lines = best_scanner();

  const char* scan(const char* at, const char* end, JsonRows& rows) {
    JsonScan::reset(rows);
    ScanState state{ranges.data(),
                    static_cast<unsigned>(ranges.size()),
                    alike.data(),
                    after.data(),
                    last,
                    JsonScan::values(rows),
                    schema.fields.size(),
                    JsonScan::lines(rows),
                    0,
                    rows.capacity()};
    at = scan_lines(state, at, end);
    last = state.last;
    JsonScan::finish(rows, state.row);
    return at;
  }

  void learn(std::string_view line, JsonStatus status) {
    const bool full = layouts.size() >= kLayoutsMax || tries >= kLearnTriesMax;
    if (full || status == JsonStatus::kBroken || line.size() > kLearnBytesMax || !line.starts_with('{'))
      return;
    ++tries;
    auto layout = layout_of(line, status, schema, kStepsMax);
    if (!layout) return;
    add(std::move(*layout));
    std::string padded(line);
    padded.resize(line.size() + kScanPadding);
    JsonRows row(schema.fields.size(), 1);
    // A line that its own layout does not fit has, say, a number with an exponent.
    if (scan(padded.data(), padded.data() + line.size(), row) != padded.data() + line.size()) drop();
  }

  void add(JsonLayout layout) {
    layouts.push_back(std::move(layout));
    JsonLayout& added = layouts.back();
    ranges.push_back({added.steps.data(), added.steps.data() + added.steps.size(), added.status});
    after.resize(layouts.size());
    compare_layouts();
  }
  void compare_layouts() {
    alike.clear();
    for (const JsonLayout& a : layouts) {
      for (const JsonLayout& b : layouts) {
        const auto ends =
            std::mismatch(a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end(), same_step);
        alike.push_back(static_cast<uint8_t>(ends.first - a.steps.begin()));
      }
    }
  }
  void drop() {
    layouts.pop_back();
    ranges.pop_back();
    after.resize(std::max<size_t>(1, layouts.size()));
    last = 0;
    std::fill(after.begin(), after.end(), 0);
    compare_layouts();
  }
};

JsonLayouts::JsonLayouts(const JsonSchema& schema) : impl_(std::make_unique<Impl>(schema)) {
  ASSERT(schema.fields.size() <= kJsonFieldsMax);
}
JsonLayouts::~JsonLayouts() = default;
JsonLayouts::JsonLayouts(JsonLayouts&&) noexcept = default;

const char* JsonLayouts::scan(const char* at, const char* end, JsonRows& rows) {
  return impl_->scan(at, end, rows);
}
void JsonLayouts::learn(std::string_view line, JsonStatus status) { impl_->learn(line, status); }
size_t JsonLayouts::size() const { return impl_->layouts.size(); }
void JsonLayouts::use_portable_scanner() { impl_->scan_lines = portable::scan_lines; }

}  // namespace waybill::decode
