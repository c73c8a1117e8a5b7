#pragma once
// Hashes that are part of formats. Changing one changes the format.

#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace waybill {

/// Kafka's murmur2 (seed 0x9747b28c) over the bytes, as the Java client's default partitioner computes it.
uint32_t murmur2(std::string_view bytes);

/// Partition of the audit topic that holds all reports about `topic`: (murmur2(topic) & 0x7fffffff) mod count.
/// REQUIRES: count > 0.
inline PartitionId audit_partition(std::string_view topic, int32_t count) {
  return PartitionId(static_cast<int32_t>((murmur2(topic) & 0x7fffffffu) % static_cast<uint32_t>(count)));
}

}  // namespace waybill
