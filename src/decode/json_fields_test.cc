#include "decode/json_fields.h"

#include <gtest/gtest.h>

namespace waybill::decode {
namespace {

using Kind = FieldValue::Kind;

struct Got {
  LineState state;
  Kind kind;
  std::string text;
  bool operator==(const Got&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Got& got) {
  return out << "{state " << int(got.state) << ", kind " << int(got.kind) << ", \"" << got.text << "\"}";
}

Got read(std::string_view line, const std::string& path) {
  JsonFields fields(std::span(&path, 1));
  LineState state = fields.parse(line);
  FieldValue value = fields.value(0);
  return {state, value.kind, std::string(value.text)};
}

Got text(std::string value) { return {LineState::kObject, Kind::kText, std::move(value)}; }
Got number(std::string value) { return {LineState::kObject, Kind::kNumber, std::move(value)}; }
Got of(Kind kind) { return {LineState::kObject, kind, ""}; }
const Got kAbsent = of(Kind::kAbsent);
const Got kBad{LineState::kMalformed, Kind::kAbsent, ""};

TEST(JsonFields, ReadsTextNumbersAndBoolsAsTheyAreWritten) {
  EXPECT_EQ(read(R"({"a":"x"})", "a"), text("x"));
  EXPECT_EQ(read(R"( { "a" : "x" , "b":1 } )", "a"), text("x"));
  EXPECT_EQ(read(R"({"a":1.50})", "a"), number("1.50"));
  EXPECT_EQ(read(R"({"a":-0 })", "a"), number("-0"));
  EXPECT_EQ(read(R"({"a":1E+3})", "a"), number("1E+3"));
  EXPECT_EQ(read(R"({"a":123456789012345678901234567890})", "a"), number("123456789012345678901234567890"));
  EXPECT_EQ(read(R"({"a":true})", "a"), (Got{LineState::kObject, Kind::kBool, "true"}));
  EXPECT_EQ(read(R"({"a":""})", "a"), text(""));
  EXPECT_EQ(read(R"({"":"x"})", ""), text("x"));
}

TEST(JsonFields, NullObjectsArraysAndAbsentFieldsHaveNoText) {
  EXPECT_EQ(read(R"({"a":null})", "a"), of(Kind::kNull));
  EXPECT_EQ(read(R"({"a":{"b":1}})", "a"), of(Kind::kObject));
  EXPECT_EQ(read(R"({"a":[1,"x"]})", "a"), of(Kind::kArray));
  EXPECT_EQ(read(R"({"b":1})", "a"), kAbsent);
  EXPECT_EQ(read("{}", "a"), kAbsent);
}

TEST(JsonFields, EscapesAreUndoneInKeysAndValues) {
  EXPECT_EQ(read(R"({"a":"\u0035\/\n\"\\"})", "a"), text("5/\n\"\\"));
  EXPECT_EQ(read(R"({"\u0061":"x"})", "a"), text("x"));
  EXPECT_EQ(read(R"({"a":"\ud83d\ude00"})", "a"), text("\xf0\x9f\x98\x80"));
  EXPECT_EQ(read(R"({"a":"x\"a\":\"y"})", "a"), text("x\"a\":\"y"));
  EXPECT_EQ(read(R"({"b":"\"a\":\"y\""})", "a"), kAbsent);
}

TEST(JsonFields, PathsNameNestedKeysAndAKeyWithDotsGoesFirst) {
  EXPECT_EQ(read(R"({"a":{"b":{"c":"x"}}})", "a.b.c"), text("x"));
  EXPECT_EQ(read(R"({"a":{"c":"y"},"b":"x"})", "a.b"), kAbsent);
  EXPECT_EQ(read(R"({"a.b":"x","a":{"b":"y"}})", "a.b"), text("x"));
  EXPECT_EQ(read(R"({"a":{"b":"y"},"a.b":"x"})", "a.b"), text("x"));
  EXPECT_EQ(read(R"({"a":[{"b":"y"}]})", "a.b"), kAbsent);
}

TEST(JsonFields, OfARepeatedKeyTheLastCounts) {
  EXPECT_EQ(read(R"({"a":"x","a":"y"})", "a"), text("y"));
  EXPECT_EQ(read(R"({"a":"x","\u0061":7})", "a"), number("7"));
  EXPECT_EQ(read(R"({"a":{"b":"x"},"a":{"c":"y"}})", "a.b"), kAbsent);
  EXPECT_EQ(read(R"({"a":{"b":"x"},"a":7})", "a.b"), kAbsent);
}

TEST(JsonFields, WhatIsNoJsonObjectIsSaidAndHasNoFields) {
  const std::string bad[] = {"",
                             " ",
                             "x",
                             "{",
                             R"({"a":"x")",
                             R"({"a":"x)",
                             R"({"a":"x"}})",
                             R"({"a":"x"}{"a":"y"})",
                             R"({"a":"x",})",
                             R"({"a":x})",
                             R"({"a" "x"})",
                             R"({"a":"x" "b":1})",
                             R"({"a":"\q"})",
                             R"({"a":"\ud83d"})",
                             R"({"a":"\ude00"})",
                             R"({"a":01})",
                             R"({"a":1.})",
                             R"({"a":+1})",
                             R"({"a":nulls})",
                             "{\"a\":\"x\xff\"}",
                             "{\"a\":\"x\ty\"}",
                             R"({"a":[1,]})",
                             R"({"a":[1}])",
                             R"({a:1})",
                             std::string("{\"a\":\"x\0\"}", 10),
                             R"({"b":tru,"a":1})",
                             R"({"b":"\x","a":1})",
                             std::string(100, '{'),
                             "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"};
  for (const auto& line : bad) EXPECT_EQ(read(line, "a"), kBad) << line;
  for (std::string line : {"[1]", "\"a\"", "17", "null"}) {
    EXPECT_EQ(read(line, "a"), (Got{LineState::kNotObject, Kind::kAbsent, ""})) << line;
  }
}

TEST(JsonFields, ALineInsideABlockIsReadWithoutACopy) {
  std::string block = "{\"a\":\"x\"}\n{\"a\":\"y\"}\n" + std::string(kJsonPadding, ' ');
  std::string path = "a";
  JsonFields fields(std::span(&path, 1));
  EXPECT_EQ(fields.parse(std::string_view(block).substr(0, 9), block.size() - 9), LineState::kObject);
  EXPECT_EQ(fields.value(0).text.data(), block.data() + 6);
  EXPECT_EQ(fields.parse(std::string_view(block).substr(10, 9), block.size() - 19), LineState::kObject);
  EXPECT_EQ(fields.value(0).text, "y");
}

TEST(JsonFields, AVeryLongLineIsRefusedAndTheNextIsRead) {
  std::string path = "a";
  JsonFields fields(std::span(&path, 1));
  std::string line = "{\"a\":\"" + std::string(kJsonLineBytesMax, 'x') + "\"}";
  EXPECT_EQ(fields.parse(line), LineState::kTooLong);
  EXPECT_EQ(fields.parse(line.replace(6, 9 << 20, "")), LineState::kObject);
  EXPECT_EQ(fields.value(0).text.size(), size_t{7 << 20});
  EXPECT_EQ(fields.parse(R"({"a":"z"})"), LineState::kObject);
  EXPECT_EQ(fields.value(0).text, "z");
}

}  // namespace
}  // namespace waybill::decode
