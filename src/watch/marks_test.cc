#include "watch/marks.h"

#include <gtest/gtest.h>

#include <string>

namespace waybill::watch {
namespace {

using Op = Test::Op;

/// The sample with [ and ] around each mark; ASCII only.
std::string marked(const Condition& where, std::string text) {
  const std::vector<Mark> marks = Marker(where).marks(text);
  for (size_t i = marks.size(); i-- > 0;) {
    text.insert(static_cast<size_t>(marks[i].to), "]");
    text.insert(static_cast<size_t>(marks[i].from), "[");
  }
  return text;
}

TEST(Marks, EachTestOfTheWholeText) {
  struct Case {
    watch::Test test;
    std::string expected;
  };
  const std::string text = "cat concat cat";
  for (const Case& c :
       {Case{{Op::kPattern, "c.t"}, "[cat] con[cat] [cat]"}, Case{{Op::kPattern, "x*"}, text},
        Case{{Op::kContains, "cat"}, "[cat] con[cat] [cat]"}, Case{{Op::kWord, "cat"}, "[cat] concat [cat]"},
        Case{{Op::kPrefix, "cat c"}, "[cat c]oncat cat"}, Case{{Op::kSuffix, "cat"}, "cat concat [cat]"},
        Case{{Op::kEq, text}, "[" + text + "]"}, Case{{Op::kEq, "cat"}, text}, Case{{Op::kNe, "dog"}, text},
        Case{{Op::kExists, ""}, text}})
    EXPECT_EQ(marked(Condition::of_text(c.test), text), c.expected) << static_cast<int>(c.test.op);
}

TEST(Marks, FieldsBehindTheirNames) {
  const std::string line =
      R"({"status":"503","inner": {"status" : 502, "took":2.5},"status text":"503","s":"status"})";
  EXPECT_EQ(marked(Condition::of_field("status", {Op::kPattern, "5.3"}), line),
            R"({"status":"[503]","inner": {"status" : 502, "took":2.5},"status text":"503","s":"status"})");
  EXPECT_EQ(marked(Condition::all({Condition::of_field("inner.took", {Op::kGt, "2"}),
                                   Condition::of_field("inner.status", {Op::kEq, "502"})}),
                   line),
            R"({"status":"503","inner": {"status" : [502], "took":[2.5]},"status text":"503","s":"status"})");
  EXPECT_EQ(marked(Condition::of_field("status", {Op::kPattern, "5"}), R"({"a":"\"","status":"a\"5)"),
            R"({"a":"\"","status":"a\"[5])")
      << "cut off, with an escape";
  EXPECT_EQ(marked(Condition::of_field("gone", {Op::kExists, ""}), R"({"gone")"), R"({"gone")");
}

TEST(Marks, WhatMustBeAbsentIsNotMarkedAndOverlapsAreOne) {
  EXPECT_EQ(marked(Condition::all({Condition::of_text({Op::kContains, "abc"}),
                                   Condition::of_text({Op::kContains, "cd"}),
                                   Condition::negated(Condition::of_text({Op::kContains, "e"}))}),
                   "abcde"),
            "[abcd]e");
}

TEST(Marks, CountsAsABrowserDoes) {
  const Marker marker(Condition::of_text({Op::kContains, "x"}));
  EXPECT_EQ(marker.marks("\u00e9x\u4e22x\U0001F600x"), (std::vector<Mark>{{1, 2}, {3, 4}, {6, 7}}));
  EXPECT_TRUE(marker.marks("").empty());
  std::string many;
  for (int i = 0; i < 300; ++i) many += "x ";
  EXPECT_EQ(marker.marks(many).size(), kMarksMax);
}

}  // namespace
}  // namespace waybill::watch
