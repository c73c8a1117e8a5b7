#pragma once
// The one door to Hyperscan: many expressions over the bytes of a block.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::watch {

/// Working memory of scans: one per thread. Made by Prefilter::scratch.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;

 private:
  friend class Prefilter;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Compiled expressions. Immutable; any thread.
class Prefilter {
 public:
  /// `id` is what a scan reports; ids may repeat.
  struct Expression {
    std::string text;
    uint32_t id = 0;
  };
  /// Expressions that Hyperscan refuses are left out (see `refused`). A set that is too large for one
  /// database is split into several. Cost: about 0.2 ms an expression.
  explicit Prefilter(std::span<const Expression> expressions);
  ~Prefilter();
  Prefilter(Prefilter&&) noexcept;
  Prefilter& operator=(Prefilter&&) noexcept;

  struct Refused {
    uint32_t id = 0;
    std::string reason;
  };
  const std::vector<Refused>& refused() const { return refused_; }
  bool empty() const;
  size_t databases() const;
  size_t bytes() const;  ///< of the databases

  Scratch scratch() const;

  /// Calls `found(to, id)` for each end of a match: `to` is one past its last byte. Ends of one expression
  /// ascend, those of several may come in any order. REQUIRES: block.size() < 4 GiB; `scratch` was made by
  /// this.
  template <class Found>
  void scan(std::string_view block, Scratch& scratch, Found found) const {
    scan_with(
        block, scratch,
        [](void* to_found, uint64_t to, uint32_t id) { (*static_cast<Found*>(to_found))(to, id); }, &found);
  }

 private:
  using Callback = void (*)(void* context, uint64_t to, uint32_t id);
  void scan_with(std::string_view block, Scratch& scratch, Callback found, void* context) const;
  void compile(std::span<const Expression* const> expressions);
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::vector<Refused> refused_;
};

}  // namespace waybill::watch
