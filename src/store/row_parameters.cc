#include "store/row_parameters.h"

#include <charconv>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace waybill::store {
namespace {

constexpr size_t kNumberBytesMax = 32;  ///< of an int64, and of a double in its shortest exact form

template <class Number>
void append(std::string& array, Number number) {
  char text[kNumberBytesMax];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  array.append(text, end);
}

/// In quotes, so that commas, braces, blanks and the word NULL are text.
void append(std::string& array, std::string_view text) {
  array += '"';
  for (;;) {
    const size_t plain = text.find_first_of("\"\\");
    array += text.substr(0, plain);
    if (plain == text.npos) break;
    array += '\\';
    array += text[plain];
    text.remove_prefix(plain + 1);
  }
  array += '"';
}

void append(std::string& array, const std::string& text) { append(array, std::string_view(text)); }

/// "{1,2,3}": one column of the rows as PostgreSQL reads an array.
std::string array_of(const Tuples& rows, size_t column) {
  std::string array = "{";
  for (const auto* row : rows) {
    if (array.size() > 1) array += ',';
    std::visit([&](const auto& value) { append(array, value); }, (*row)[column]);
  }
  array += '}';
  return array;
}

}  // namespace

void RowParameters::add_arrays(const Tuples& rows) {
  if (rows.empty()) return;
  for (size_t column = 0; column < rows.front()->size(); ++column)
    list_.push_back(&arrays_.emplace_back(array_of(rows, column)));
}

RowParameters::RowParameters(const Words& words, const Tuples& keys, const Tuples& values) {
  ASSERT(!keys.empty() && (values.empty() || values.size() == keys.size()));
  if (words.rows == Words::Rows::kArrays) {
    add_arrays(keys);
    add_arrays(values);
    return;
  }
  for (size_t row = 0; row < keys.size(); ++row) {
    for (const auto& value : *keys[row]) list_.push_back(&value);
    if (values.empty()) continue;
    for (const auto& value : *values[row]) list_.push_back(&value);
  }
}

}  // namespace waybill::store
