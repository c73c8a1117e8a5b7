#pragma once
// Distinct integer types: an Offset cannot be passed where a PartitionId is wanted. Costs nothing at run time.

#include <compare>
#include <cstddef>
#include <functional>

namespace waybill {

/// An integer with a meaning. `Tag` is never defined. Ordered, hashable, explicitly constructed.
template <class Rep, class Tag>
struct NamedType {
  using rep = Rep;
  constexpr NamedType() = default;
  constexpr explicit NamedType(Rep v) : value(v) {}
  constexpr auto operator<=>(const NamedType&) const = default;
  constexpr NamedType operator+(Rep n) const { return NamedType(value + n); }
  constexpr NamedType operator-(Rep n) const { return NamedType(value - n); }
  /// Distance between two values, in the unit of the type.
  constexpr Rep operator-(NamedType other) const { return value - other.value; }
  constexpr NamedType& operator++() {
    ++value;
    return *this;
  }
  template <class H>
  friend H AbslHashValue(H h, const NamedType& n) {
    return H::combine(std::move(h), n.value);
  }
  Rep value{};
};

}  // namespace waybill

template <class Rep, class Tag>
struct std::hash<waybill::NamedType<Rep, Tag>> {
  std::size_t operator()(const waybill::NamedType<Rep, Tag>& n) const noexcept { return std::hash<Rep>{}(n.value); }
};
