#include "store/row_parameters.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace waybill::store {
namespace {

using Tuple = std::vector<flow::Value>;

std::string text_of(const RowParameters& parameters) {
  std::string out;
  for (const flow::Value* value : parameters.list()) {
    if (const auto* text = std::get_if<std::string>(value)) out += *text;
    if (const auto* number = std::get_if<int64_t>(value)) out += std::to_string(*number);
    out += '\n';
  }
  return out;
}

Words words_of(Words::Rows rows) {
  Words words{};
  words.rows = rows;
  return words;
}

const Words kParameters = words_of(Words::Rows::kParameters);
const Words kArrays = words_of(Words::Rows::kArrays);

TEST(RowParameters, BindsEachValueRowByRow) {
  const Tuple keys[] = {{std::string("a"), int64_t{1}}, {std::string("b"), int64_t{2}}};
  const Tuple values[] = {{int64_t{3}}, {int64_t{4}}};
  const RowParameters rows(kParameters, {&keys[0], &keys[1]}, {&values[0], &values[1]});
  EXPECT_EQ(text_of(rows), "a\n1\n3\nb\n2\n4\n");
  EXPECT_EQ(rows.list()[2], &values[0][0]) << "values are not copied";
}

TEST(RowParameters, BindsAnArrayForEachColumn) {
  constexpr auto kLeast = std::numeric_limits<int64_t>::min();
  const Tuple keys[] = {{std::string("a"), kLeast}, {std::string(""), int64_t{2}}};
  const Tuple values[] = {{0.1, std::string("x,y")}, {-1e300, std::string("NULL")}};
  const RowParameters rows(kArrays, {&keys[0], &keys[1]}, {&values[0], &values[1]});
  EXPECT_EQ(text_of(rows), "{\"a\",\"\"}\n{-9223372036854775808,2}\n{0.1,-1e+300}\n{\"x,y\",\"NULL\"}\n");
}

TEST(RowParameters, EscapesWhatWouldEndAnElement) {
  const Tuple key{std::string(R"(\"},{ 'a\\)")};
  EXPECT_EQ(text_of({kArrays, {&key}}), R"({"\\\"},{ 'a\\\\"})"
                                        "\n");
}

TEST(RowParameters, TakesRowsWithoutColumns) {
  const Tuple whole_table;
  EXPECT_TRUE(RowParameters(kArrays, {&whole_table}).list().empty());
  EXPECT_TRUE(RowParameters(kParameters, {&whole_table}).list().empty());
}

}  // namespace
}  // namespace waybill::store
