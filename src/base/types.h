#pragma once
// The identifiers that every folder shares.

#include <array>
#include <cstdint>
#include <string>

#include "base/named_type.h"

namespace waybill {

/// Position of a record in a partition (Kafka's offset, or a byte position in a file). Never negative in valid data.
using Offset = NamedType<int64_t, struct OffsetTag>;
/// Number of a partition in its topic, from 0.
using PartitionId = NamedType<int32_t, struct PartitionIdTag>;
/// Start of a bucket, epoch ms, a multiple of the bucket's width.
using BucketStart = NamedType<int64_t, struct BucketStartTag>;
/// Number of a report, from 1, without gaps per (reporter, cluster, audit partition).
using ReportNumber = NamedType<uint64_t, struct ReportNumberTag>;

/// Offsets [begin, end). Empty when begin >= end.
struct OffsetRange {
  Offset begin;
  Offset end;
  constexpr int64_t size() const { return end.value > begin.value ? end.value - begin.value : 0; }
  constexpr bool empty() const { return end <= begin; }
  constexpr auto operator<=>(const OffsetRange&) const = default;
};

/// A random 128-bit id: reporters, processes, stores.
struct Id128 {
  std::array<uint8_t, 16> bytes{};
  constexpr auto operator<=>(const Id128&) const = default;
  /// 32 lower-case hexadecimal digits.
  std::string hex() const;
  /// From the operating system's generator. Not for pure folders. Never fails: aborts when the system has no randomness.
  static Id128 random();
  template <class H>
  friend H AbslHashValue(H h, const Id128& id) {
    return H::combine(std::move(h), id.bytes);
  }
};

}  // namespace waybill
