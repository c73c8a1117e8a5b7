#pragma once
// What the readers and writers of report.proto share. For the .cc files of this folder only: it brings in
// protozero.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/utf8.h"

namespace waybill::tally::wire {

/// Well-formed protobuf whose content cannot be. Thrown inside a parser, caught by guarded().
class Contradiction : public std::runtime_error {
 public:
  explicit Contradiction(const std::string& what, Errc code = Errc::kCorrupt)
      : std::runtime_error(what), code_(code) {}
  Errc code() const { return code_; }

 private:
  Errc code_;
};

/// Runs `parse`, which returns a Result, and turns protozero's exceptions and Contradiction into errors.
template <class Parse>
auto guarded(Parse parse) -> decltype(parse()) {
  try {
    return parse();
  } catch (const Contradiction& e) {
    return fail(e.code(), e.what());
  } catch (const protozero::end_of_buffer_exception&) {
    return fail(Errc::kTruncated, "the bytes end inside a field");
  } catch (const protozero::exception& e) {
    return fail(Errc::kCorrupt, std::string("not protobuf: ") + e.what());
  }
}

/// Each take_ reads the field that the reader stands on. A field of another wire type counts as unknown, as
/// in protobuf: it is skipped and `out` keeps its value.
inline void take(protozero::pbf_reader& in, uint64_t& out) {
  if (in.wire_type() == protozero::pbf_wire_type::varint) {
    out = in.get_uint64();
  } else {
    in.skip();
  }
}
/// Throws Contradiction above 2^32 - 1.
inline void take(protozero::pbf_reader& in, uint32_t& out) {
  uint64_t wide = out;
  take(in, wide);
  if (wide > std::numeric_limits<uint32_t>::max()) throw Contradiction("a number above 2^32 - 1");
  out = static_cast<uint32_t>(wide);
}
/// sint64.
inline void take_signed(protozero::pbf_reader& in, int64_t& out) {
  uint64_t wide = protozero::encode_zigzag64(out);
  take(in, wide);
  out = protozero::decode_zigzag64(wide);
}
/// A message as a view into the input. False when it was skipped.
inline bool take_message(protozero::pbf_reader& in, std::string_view& out) {
  if (in.wire_type() != protozero::pbf_wire_type::length_delimited) {
    in.skip();
    return false;
  }
  const auto view = in.get_view();
  out = {view.data(), view.size()};
  return true;
}
/// Bytes as a view into the input.
inline void take_bytes(protozero::pbf_reader& in, std::string_view& out) { take_message(in, out); }
/// A string, made UTF-8.
inline void take_text(protozero::pbf_reader& in, std::string& out) {
  std::string_view text;
  if (take_message(in, text)) out = is_utf8(text) ? std::string(text) : to_utf8(text);
}
/// Appends the values of a repeated uint64, packed or not (protobuf demands that readers accept both). Throws
/// Contradiction with kLimit above `values_max` in `out`.
inline void take_repeated(protozero::pbf_reader& in, size_t values_max, std::vector<uint64_t>& out) {
  const auto append = [&](uint64_t value) {
    if (out.size() == values_max) throw Contradiction("too many values in a repeated field", Errc::kLimit);
    out.push_back(value);
  };
  if (in.wire_type() == protozero::pbf_wire_type::length_delimited) {
    const auto packed = in.get_packed_uint64();
    for (auto it = packed.begin(); it != packed.end(); ++it) append(*it);
  } else if (in.wire_type() == protozero::pbf_wire_type::varint) {
    append(in.get_uint64());
  } else {
    in.skip();
  }
}

/// Throws Contradiction, saying `what`, when the value does not fit.
template <class Int>
Int narrow(uint64_t value, const char* what) {
  if (value > static_cast<uint64_t>(std::numeric_limits<Int>::max())) throw Contradiction(what);
  return static_cast<Int>(value);
}

/// The range `gap` behind `previous_end`. Throws Contradiction when it is empty or ends above 2^63 - 1.
/// REQUIRES: previous_end >= 0.
inline OffsetRange next_range(int64_t previous_end, uint64_t gap, uint64_t length) {
  const auto room = static_cast<uint64_t>(std::numeric_limits<int64_t>::max() - previous_end);
  if (length == 0) throw Contradiction("an empty range of offsets");
  if (gap > room || length > room - gap) throw Contradiction("an offset above 2^63 - 1");
  const int64_t begin = previous_end + static_cast<int64_t>(gap);
  return {Offset(begin), Offset(begin + static_cast<int64_t>(length))};
}

}  // namespace waybill::tally::wire
