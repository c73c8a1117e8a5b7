#pragma once
// What the readers and writers of report.proto share. For the .cc files of this folder only: it brings in
// protozero.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace waybill::tally::wire {

/// Well-formed protobuf whose content cannot be. Thrown inside a parser, caught by guarded(). `what` is a
/// literal.
class Contradiction : public std::exception {
 public:
  explicit Contradiction(const char* what, Errc code = Errc::kCorrupt) : what_(what), code_(code) {}
  const char* what() const noexcept override { return what_; }
  Errc code() const { return code_; }

 private:
  const char* what_;
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

/// Appends the values of a repeated uint64 field, packed or not (protobuf demands that readers accept both).
/// Throws Contradiction with kLimit above `values_max` in `out`. The reader stands on the field.
inline void read_repeated(protozero::pbf_reader& in, size_t values_max, std::vector<uint64_t>& out) {
  if (in.wire_type() == protozero::pbf_wire_type::length_delimited) {
    const auto packed = in.get_packed_uint64();
    for (auto it = packed.begin(); it != packed.end(); ++it) {
      if (out.size() == values_max) throw Contradiction("too many values in a repeated field", Errc::kLimit);
      out.push_back(*it);
    }
  } else if (in.wire_type() == protozero::pbf_wire_type::varint) {
    if (out.size() == values_max) throw Contradiction("too many values in a repeated field", Errc::kLimit);
    out.push_back(in.get_uint64());
  } else {
    in.skip();
  }
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
