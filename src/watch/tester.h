#pragma once
// A Test that is ready to run: the second stage's verdict on one text.

#include <functional>
#include <memory>
#include <string_view>

#include "decode/json_fields.h"
#include "watch/condition.h"

namespace re2 {
class RE2;
}

namespace waybill::watch {

/// Immutable; any thread.
class Tester {
 public:
  /// REQUIRES: check_test(test) found nothing.
  explicit Tester(const Test& test);
  ~Tester();
  Tester(Tester&&) noexcept;
  Tester& operator=(Tester&&) noexcept;

  /// Linear in the text's size, whatever the pattern.
  bool text(std::string_view text) const;
  bool field(const decode::FieldValue& value) const;
  /// Hands out what makes text() true, as [from, to) in bytes, ascending: each match of a pattern or of a
  /// text, the whole text for a comparison that holds. Nothing for kNe and kExists, which ask for nothing of
  /// a text.
  void each_match(std::string_view text, const std::function<void(size_t from, size_t to)>& take) const;
  const Test& test() const { return test_; }

 private:
  Test test_;
  double number_ = 0;
  bool is_number_ = false;
  std::unique_ptr<re2::RE2> pattern_;
};

}  // namespace waybill::watch
