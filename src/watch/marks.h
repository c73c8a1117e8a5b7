#pragma once
// What in a sample made its rule hold, for people who look at it.

#include <cstdint>
#include <string_view>
#include <vector>

#include "watch/condition.h"

namespace waybill::watch {

inline constexpr size_t kMarksMax = 100;  ///< of one sample; the first ones

/// [from, to) in UTF-16 code units, as a browser counts.
struct Mark {
  int64_t from = 0;
  int64_t to = 0;
  bool operator==(const Mark&) const = default;
};

/// What the tests of a condition find in the text of a sample (UTF-8, masked and cut off as it is kept), but
/// not what must be absent. The value of a field is looked for behind its name, as JSON writes it; one that
/// is masked, cut off or written with escapes may stay unmarked. Immutable; any thread.
class Marker {
 public:
  /// REQUIRES: check_test() found nothing in any test of it.
  explicit Marker(const Condition& where);
  ~Marker();
  Marker(Marker&&) noexcept;

  /// Ascending, apart from each other, at most kMarksMax. Linear in the text for each test.
  std::vector<Mark> marks(std::string_view sample) const;

 private:
  struct Asked;
  void collect(const Condition& where);
  std::vector<Asked> asked_;
};

}  // namespace waybill::watch
