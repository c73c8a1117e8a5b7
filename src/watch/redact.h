#pragma once
// What must not be stored of a message: samples pass through here first.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace waybill::watch {

struct RedactRules {
  std::vector<std::string> fields = {};    ///< keys of JSON, at any depth; their values become "***"
  std::vector<std::string> patterns = {};  ///< RE2; what they match becomes "***"
  /// card: 13 to 19 digits with a right check digit (Luhn), blanks or '-' between them; the last four stay.
  /// phone: +country code, or Chinese mobile numbers. email. id_card: 18 characters with a right check
  /// character (GB 11643).
  enum class Masker : uint8_t { kCard, kPhone, kEmail, kIdCard };
  std::vector<Masker> maskers = {};
  bool any() const { return !fields.empty() || !patterns.empty() || !maskers.empty(); }
};

/// "card", "phone", "email", "id_card".
std::optional<RedactRules::Masker> masker_named(std::string_view name);

/// Immutable; any thread. Linear in the text.
class Redactor {
 public:
  /// REQUIRES: RE2 accepts the patterns (check_test).
  explicit Redactor(const RedactRules& rules);
  ~Redactor();
  Redactor(Redactor&&) noexcept;
  Redactor& operator=(Redactor&&) noexcept;

  /// A message, JSON or not, also cut off. Never longer than three bytes more per masked place.
  std::string text(std::string_view message) const;
  /// The value of one field.
  std::string value(std::string_view path, std::string_view value) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace waybill::watch
