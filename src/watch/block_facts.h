#pragma once
// One quick look at a block.

#include <cstdint>
#include <string_view>

namespace waybill::watch {

struct BlockFacts {
  int64_t newlines = 0;
  bool backslash = false;     ///< somewhere
  bool beyond_ascii = false;  ///< a byte from 0x80 somewhere
};

/// About 20 GB/s in cache.
BlockFacts look_at(std::string_view block);

}  // namespace waybill::watch
