#include "cli/yaml.h"

#include <gtest/gtest.h>

#include "cli/suggest.h"

namespace waybill::cli {
namespace {

std::string fault(std::string_view text) {
  auto document = parse_yaml(text);
  return document ? "none" : document.error().str("f");
}

TEST(Yaml, PlacesCountFromOne) {
  auto document = parse_yaml("a: 1\nb:\n  c: [x, y]\n");
  ASSERT_TRUE(document.has_value());
  const YamlNode& root = (*document)[document->root];
  ASSERT_EQ(root.entries.size(), 2u);
  const YamlNode& one = (*document)[root.entries[0].second];
  EXPECT_EQ(one.text, "1");
  EXPECT_EQ(std::pair(one.line, one.column), std::pair(1, 4));
  const YamlNode& list = (*document)[(*document)[root.entries[1].second].entries[0].second];
  ASSERT_EQ(list.items.size(), 2u);
  const YamlNode& y = (*document)[list.items[1]];
  EXPECT_EQ(std::pair(y.line, y.column), std::pair(3, 10));
}

TEST(Yaml, AnEmptyFileIsAnEmptyMap) {
  for (const char* text : {"", "# only a comment\n", "---\n", "~\n"}) {
    auto document = parse_yaml(text);
    ASSERT_TRUE(document.has_value()) << text;
    EXPECT_EQ((*document)[document->root].kind, YamlNode::Kind::kMap) << text;
  }
}

TEST(Yaml, NullIsNullOnlyWhenPlain) {
  auto document = parse_yaml("[~, null, 'null', \"~\", ]");
  ASSERT_TRUE(document.has_value());
  std::vector<YamlNode::Kind> kinds;
  for (size_t item : (*document)[document->root].items) kinds.push_back((*document)[item].kind);
  using enum YamlNode::Kind;
  EXPECT_EQ(kinds, (std::vector{kNull, kNull, kScalar, kScalar}));
}

TEST(Yaml, AnAliasIsWhatItStandsFor) {
  auto document = parse_yaml("a: &x {b: 1}\nc: *x\n");
  ASSERT_TRUE(document.has_value());
  const YamlNode& root = (*document)[document->root];
  EXPECT_EQ(root.entries[0].second, root.entries[1].second);
}

TEST(Yaml, FaultsHaveTheirPlace) {
  EXPECT_EQ(fault("a: 1\na: 2\n"), "f:2:1: \"a\" is set already in line 1; a key may be set once");
  EXPECT_EQ(fault("a: [\n"), "f:2:1: not YAML: end of sequence flow not found");
  EXPECT_EQ(fault("a: 1\n b: 2\n"), "f:2:3: not YAML: illegal map value");
  EXPECT_EQ(fault("? [a]\n: 1\n"), "f:1:3: a key must be a plain word");
  EXPECT_EQ(fault("a: *b\n"), "f:1:4: not YAML: the referenced anchor is not defined");
  EXPECT_EQ(fault("a: &x [*x]\n"), "f:1:8: an alias inside of what it stands for; write the value out");
  EXPECT_EQ(fault("a: 1\n---\nb: 1\n"), "f:3:1: a second document; one is allowed");
}

TEST(Yaml, DepthAliasesAndSizeAreLimited) {
  EXPECT_EQ(fault(std::string(kYamlDepthMax, '[') + std::string(kYamlDepthMax, ']')), "none");
  EXPECT_NE(fault(std::string(kYamlDepthMax + 1, '[') + std::string(kYamlDepthMax + 1, ']'))
                .find("nested too deeply"),
            std::string::npos);
  EXPECT_NE(fault(std::string(100'000, '[')), "none");
  std::string aliases = "a: &a x\nb: [";
  for (size_t i = 0; i <= kYamlAliasesMax; ++i) aliases += "*a, ";
  EXPECT_NE(fault(aliases + "]").find("too many aliases"), std::string::npos);
  std::string many = "[";
  for (size_t i = 0; i < kYamlNodesMax; ++i) many += "1,";
  EXPECT_NE(fault(many + "]").find("too large"), std::string::npos);
  EXPECT_EQ(fault(std::string(kYamlBytesMax + 1, '#')), "f:1:1: the file is larger than 8388608 bytes");
}

TEST(Suggest, TheNearestKnownName) {
  constexpr std::string_view kKnown[] = {"listen", "store", "clusters", "audit", "log"};
  EXPECT_EQ(nearest("clutsers", kKnown), "clusters");
  EXPECT_EQ(nearest("stor", kKnown), "store");
  EXPECT_EQ(nearest("lgo", kKnown), "log");
  EXPECT_EQ(nearest("Listen", kKnown), "listen");
  EXPECT_EQ(nearest("bootstrap", kKnown), "");
  EXPECT_EQ(nearest("", kKnown), "");
  EXPECT_EQ(nearest(std::string(1000, 'a'), kKnown), "");
  EXPECT_EQ(suggestion("stor", kKnown), "; did you mean \"store\"?");
  EXPECT_EQ(suggestion("xxxxxx", kKnown), "");
}

}  // namespace
}  // namespace waybill::cli
