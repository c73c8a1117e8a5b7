#include "decode/json_layout.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace waybill::decode {
namespace {

const JsonSchema kSchema{
    .fields = {"type", "uid", "t"}, .envelope = {"_source", "message"}, .pinned = {{0, "p"}, {0, "c"}}};

std::string shown(JsonStatus status, const JsonField* fields) {
  if (status == JsonStatus::kBroken) return "broken";
  if (status == JsonStatus::kNotObject) return "text";
  std::string out;
  for (size_t i = 0; i < kSchema.fields.size(); ++i) {
    const JsonField& f = fields[i];
    out += i ? " " : "";
    out += f.kind == JsonKind::kText      ? "'" + std::string(f.text()) + "'"
           : f.kind == JsonKind::kInteger ? std::to_string(f.integer)
           : f.kind == JsonKind::kMissing ? "-"
                                          : "?";
  }
  return out;
}

std::string read(std::string_view line) {
  JsonReader reader(kSchema);
  JsonField fields[3];
  JsonStatus status = reader.read(line, fields);
  return shown(status, fields);
}

/// What the scanner makes of `line` after it has learned `sample`; "-" when it leaves the line to the reader.
std::string scanned(std::string_view sample, std::string line, bool portable) {
  JsonReader reader(kSchema);
  JsonLayouts layouts(kSchema);
  if (portable) layouts.use_portable_scanner();
  JsonField fields[3];
  layouts.learn(sample, reader.read(sample, fields));
  const size_t size = line.size();
  line.resize(size + kScanPadding, '"');
  JsonRows rows(3, 4);
  const char* at = layouts.scan(line.data(), line.data() + size, rows);
  if (rows.size() != 1) return "-";
  EXPECT_EQ(at, line.data() + size);
  return shown(rows.status(0), rows.fields(0));
}

TEST(JsonReader, FieldsOfAnObjectByTheirKind) {
  EXPECT_EQ(read(R"({"t":12,"uid":"a\u00e9","type":"p"})"), "'p' 'a\xc3\xa9' 12");
  EXPECT_EQ(read(R"({"t":1.5,"uid":null,"type":["p"]})"), "? ? ?");
  EXPECT_EQ(read(R"({"uid":"a","uid":"b","x":{"t":1}})"), "- 'b' -");
  EXPECT_EQ(read(R"({"t":9223372036854775808})"), "- - ?");
}

TEST(JsonReader, WhatIsNoObjectAndWhatIsBroken) {
  EXPECT_EQ(read("GET /"), "text");
  EXPECT_EQ(read(""), "text");
  EXPECT_EQ(read("{"), "broken");
  EXPECT_EQ(read(R"({"t":1} x)"), "broken");
  EXPECT_EQ(read("{\"uid\":\"\xff\"}"), "broken");
  EXPECT_EQ(read(R"({"t":99999999999999999999999})"), "broken");
  EXPECT_EQ(read(std::string("{\"uid\":\"a\0\"}", 12)), "broken");
}

TEST(JsonReader, TheTextInTheEnvelopeIsTheObject) {
  EXPECT_EQ(read(R"({"_source":{"message":"{\"uid\":\"x\",\"t\":3}"},"uid":"outer"})"), "- 'x' 3");
  EXPECT_EQ(read(R"({"_source":{"message":"plain"},"uid":"outer"})"), "text");
  EXPECT_EQ(read(R"({"_source":{"message":"{\"uid\":"},"uid":"outer"})"), "broken");
  EXPECT_EQ(read(R"({"_source":{"message":7},"uid":"outer"})"), "- 'outer' -");
}

struct Case {
  const char* sample;
  const char* line;
  const char* expected;
};

class Scanner : public testing::TestWithParam<bool> {};

TEST_P(Scanner, ReadsLinesOfALearnedLayoutAndNoOthers) {
  const char* flat = R"({"type":"p","uid":"one","t":1,"more":[1,{"a":true}]})";
  const char* nested = R"({"_id":"1","_source":{"message":"{\"uid\":\"x\",\"t\":3}","n":1}})";
  const char* plain = R"({"_id":"1","_source":{"message":"GET /","n":1}})";
  const Case cases[] = {
      {flat,
       R"({"type":"p","uid":"two two two two two two two two two two two","t":1542902402155,"more":[22,{"a":true}]})",
       "'p' 'two two two two two two two two two two two' 1542902402155"},
      {flat, R"({"type":"p","uid":"","t":-5,"more":[0,{"a":true}]})", "'p' '' -5"},
      {flat, R"({"type":"p","uid":"","t":123456789012345678,"more":[0,{"a":true}]})",
       "'p' '' 123456789012345678"},
      {flat, R"({"type":"p","uid":"","t":0.25,"more":[0,{"a":true}]})", "'p' '' ?"},
      {flat, "{\"type\":\"p\",\"uid\":\"\xe6\x88\x90\",\"t\":1,\"more\":[0,{\"a\":true}]}\r\n",
       "'p' '\xe6\x88\x90' 1"},
      {flat, "{\"type\":\"p\",\"uid\":\"\xe6\x88\",\"t\":1,\"more\":[0,{\"a\":true}]}", "-"},
      {flat, R"({"type":"c","uid":"","t":1,"more":[0,{"a":true}]})", "-"},
      {flat, R"({"type":"p","uid":"a\n","t":1,"more":[0,{"a":true}]})", "-"},
      {flat, R"({"type":"p","uid":"","t":01,"more":[0,{"a":true}]})", "-"},
      {flat, R"({"type":"p","uid":"","t":1e3,"more":[0,{"a":true}]})", "-"},
      {flat, R"({"type":"p","uid":"","t":1234567890123456789,"more":[0,{"a":true}]})", "-"},
      {flat, R"({"type":"p","uid":"","t":1,"more":[0,{"a":true}]}x)", "-"},
      {flat, R"({"type":"p","uid":"","t":1,"more":[0,{"a":tru)", "-"},
      {flat, R"({"type":"p","uid":"cut)", "-"},
      {nested, R"({"_id":"22","_source":{"message":"{\"uid\":\"yy\",\"t\":44}","n":5}})", "- 'yy' 44"},
      {nested, R"({"_id":"22","_source":{"message":"{\"uid\":\"y\\\"\",\"t\":44}","n":5}})", "-"},
      {flat, "{\"type\":\"p\",\"uid\":\"\xe6\x88\x90\xed\xa0\x80\",\"t\":1,\"more\":[0,{\"a\":true}]}", "-"},
      {flat,
       "{\"type\":\"p\",\"uid\":\"\xe6\x88\x90\xc3\xa9\xe6\x88\x90\",\"t\":1,\"more\":[0,{\"a\":true}]}",
       "'p' '\xe6\x88\x90\xc3\xa9\xe6\x88\x90' 1"},
      {plain, R"({"_id":"2","_source":{"message":"POST /x","n":2}})", "text"},
      {plain, R"({"_id":"2","_source":{"message":"","n":2}})", "text"},
      {plain, R"({"_id":"2","_source":{"message":"{not it","n":2}})", "-"},
      {R"({"uid":"a","uid":"b"})", R"({"uid":"a","uid":"b"})", "-"},
      {R"({"t":1e5})", R"({"t":15})", "-"},
  };
  for (const Case& c : cases) EXPECT_EQ(scanned(c.sample, c.line, GetParam()), c.expected) << c.line;
}

TEST_P(Scanner, StopsWhereThereIsNoRoomAndGoesOnThere) {
  JsonReader reader(kSchema);
  JsonLayouts layouts(kSchema);
  if (GetParam()) layouts.use_portable_scanner();
  JsonField fields[3];
  for (const char* line : {R"({"uid":"a"})", R"({"t":1})"}) layouts.learn(line, reader.read(line, fields));
  std::string block;
  for (int i = 0; i < 10; ++i)
    block += i % 3 ? "{\"uid\":\"a" + std::to_string(i) + "\"}\n" : "{\"t\":" + std::to_string(i) + "}\n";
  const char* end = block.data() + block.size();
  block.resize(block.size() + kScanPadding);
  end = block.data() + block.size() - kScanPadding;
  JsonRows rows(3, 4);
  std::vector<std::string> seen;
  for (const char* at = block.data(); at != end;) {
    at = layouts.scan(at, end, rows);
    ASSERT_GT(rows.size(), 0u);
    for (size_t i = 0; i < rows.size(); ++i) seen.push_back(shown(rows.status(i), rows.fields(i)));
  }
  ASSERT_EQ(seen.size(), 10u);
  EXPECT_EQ(seen[4], "- 'a4' -");
  EXPECT_EQ(seen[9], "- - 9");
}

TEST_P(Scanner, ReadsLinesThatBeginAlikeInAnyOrderAndOfAnyLength) {
  JsonReader reader(kSchema);
  JsonLayouts layouts(kSchema);
  if (GetParam()) layouts.use_portable_scanner();
  std::minstd_rand random(7);
  auto text = [&random](size_t size) {
    std::string out;
    while (out.size() < size) out += random() % 9 ? "x" : "\xe6\x88\x90";
    return out;
  };
  // The last of them has a field at a place where the others have one that nobody wants.
  auto line_of = [&](unsigned kind, size_t size, int64_t number) {
    const std::string t = std::to_string(number), start = "{\"a\":\"" + text(size) + "\",\"b\":" + t;
    if (kind == 0) return start + R"(,"type":"p","uid":"u1","t":)" + t + "}";
    if (kind == 1) return start + R"(,"type":"c","uid":"u2"})";
    if (kind == 2) return start + R"(,"type":"other","t":)" + t + "}";
    if (kind == 3) return start + "}";
    return "{\"a\":\"" + text(size) + "\",\"t\":" + t + "}";
  };
  JsonField fields[3];
  for (unsigned kind = 0; kind < 5; ++kind) {
    const std::string line = line_of(kind, 3, 5);
    layouts.learn(line, reader.read(line, fields));
  }
  std::string block;
  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    const bool steady = i < 1000;  // then the guesses are wrong
    const std::string line = line_of(random() % 5, steady ? 33 : random() % 80,
                                     steady ? 1542902402155 : static_cast<int64_t>(random() % 5000) - 2500);
    expected.push_back(shown(reader.read(line, fields), fields));
    block += line + "\n";
  }
  const size_t size = block.size();
  block.resize(size + kScanPadding, '5');
  const char* end = block.data() + size;
  JsonRows rows(3, 64);
  std::vector<std::string> seen;
  for (const char* at = block.data(); at != end;) {
    at = layouts.scan(at, end, rows);
    ASSERT_GT(rows.size(), 0u);
    for (size_t i = 0; i < rows.size(); ++i) seen.push_back(shown(rows.status(i), rows.fields(i)));
  }
  EXPECT_EQ(seen, expected);
}

INSTANTIATE_TEST_SUITE_P(Both, Scanner, testing::Bool(), [](const auto& i) {
  return i.param ? std::string("portable") : std::string("best");
});

}  // namespace
}  // namespace waybill::decode
