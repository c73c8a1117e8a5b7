#pragma once
// Names that come again and again to their numbers, without a hash map's cost.

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::ledger {

/// A direct-mapped cache in front of a resolver. Answers never change, so a lost entry costs time only. Fixed
/// size. The value is what the resolver said, and what it derived from the name.
template <class Value>
class NameCache {
 public:
  NameCache() : cells_(kCells) {}

  /// `resolve(name)` gives the value of a name that is not cached. `scope` tells equal names apart.
  template <class Resolve>
  const Value& find(uint32_t scope, std::string_view name, Resolve resolve) {
    Cell& cell = cells_[(mix(name) ^ scope * uint64_t{0x9e3779b97f4a7c15}) >> 20 & (kCells - 1)];
    if (cell.scope == scope && cell.name == name) [[likely]]
      return cell.value;
    cell.value = resolve(name);
    cell.scope = scope;
    cell.name = name;
    return cell.value;
  }

 private:
  static constexpr size_t kCells = 4096;
  struct Cell {
    std::string name;
    uint32_t scope = 0;
    Value value{};
  };

  static uint64_t load(const char* at) {
    uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  /// Not a good hash of anything, and good enough here: the ends of a name and its length.
  static uint64_t mix(std::string_view name) {
    uint64_t value = name.size();
    if (name.size() >= 8) {
      value ^= load(name.data()) * uint64_t{0xff51afd7ed558ccd};
      value += load(name.data() + name.size() - 8);
    } else {
      for (char c : name) value = value * 257 + static_cast<unsigned char>(c);
    }
    value *= uint64_t{0xc4ceb9fe1a85ec53};
    return value ^ value >> 29;
  }

  std::vector<Cell> cells_;
};

}  // namespace waybill::ledger
