#include "cli/search_config.h"

#include <gtest/gtest.h>

#include "cli/config.h"
#include "cli/kafka_properties.h"

namespace waybill::cli {
namespace {

ConfigWorld search_world() {
  return {.variable = [](std::string_view) -> std::optional<std::string> { return std::nullopt; },
          .read_file = [](const std::string& path) -> Result<std::string> {
            if (path == "/secret") return std::string("canary#key\n");
            return fail(Errc::kNotFound, "cannot read " + path);
          },
          .check_property = check_kafka_property};
}

/// All faults, one a line; "fine" when there are none.
std::string search_faults(std::string_view text) {
  auto config = parse_config(text, search_world());
  if (config) return "fine";
  std::string lines;
  for (const Diagnostic& d : config.error()) lines += (lines.empty() ? "" : "\n") + d.str("").substr(1);
  EXPECT_EQ(lines.find("canary"), std::string::npos) << lines;
  return lines;
}

constexpr const char* kBoth = R"(
search:
  logs: {urls: ["https://es-1:9200", "https://es-2:9200"], user: waybill, password_file: /secret, ca_file: /ca.pem, timeout: 5s}
  out: {urls: ["http://127.0.0.1:9200"]}
ledgers:
  orders:
    discover: true
    source: {search: logs, index: "log4j-*", query: 'level:"WARN"', time_field: at, zone: Asia/Shanghai, since: 1h, late: 2m, every: 3s, reread: 9s}
    index: {search: out, alias: audit-orders, keep_days: 0}
)";

TEST(SearchConfigTest, ReadsServersSourcesAndIndices) {
  auto config = parse_config(kBoth, search_world());
  ASSERT_TRUE(config.has_value()) << search_faults(kBoth);
  ASSERT_EQ(config->search.size(), 2u);
  const search::Server& logs = config->search[0];
  EXPECT_EQ(logs.name, "logs");
  EXPECT_EQ(logs.urls, (std::vector<std::string>{"https://es-1:9200", "https://es-2:9200"}));
  EXPECT_EQ(logs.user, "waybill");
  EXPECT_EQ(logs.password, "canary#key");
  EXPECT_EQ(logs.ca_file, "/ca.pem");
  EXPECT_EQ(logs.timeout, Millis(5'000));
  EXPECT_EQ(config->search[1].timeout, Millis(30'000));
  ASSERT_EQ(config->ledgers.size(), 1u);
  const IndexSettings& index = config->ledgers[0].index;
  EXPECT_EQ(index.server, "out");
  EXPECT_EQ(index.alias, "audit-orders");
  EXPECT_EQ(index.keep_days, 0);
}

TEST(SearchConfigTest, TheOnlyServerNeedsNoName) {
  auto config = parse_config(
      "search: {one: {urls: [\"http://n:1\"]}}\nledgers: {a: {discover: true, source: {index: x}, index: "
      "true}}",
      search_world());
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->ledgers[0].index.server, "one");
  EXPECT_EQ(config->ledgers[0].index.alias, "audit-tmm");
  EXPECT_EQ(config->ledgers[0].index.keep_days, 30);
}

TEST(SearchConfigTest, FaultsSayTheirPlaceAndWhatIsAllowed) {
  struct Case {
    const char* text;
    const char* fault;
  };
  const Case cases[] = {
      {"search: 5", "search must be a map"},
      {"search: {a: {urls: []}}", "search.a.urls: at least one is needed"},
      {"search: {a: {urls: [\"n:9200\"]}}", "\"n:9200\" is no address"},
      {"search: {a: {urls: [\"http://u:p@n:1\"]}}", "names and passwords have keys of their own"},
      {"search: {a: {urls: [\"http://n:1\"], password: canary}}", "search.a.user is missing"},
      {"search: {a: {urls: [\"http://n:1\"], user: u, password_file: /none}}", "cannot read /none"},
      {"search: {a: {urls: [\"http://n:1\"], timeout: 0s}}", "search.a.timeout"},
      {"search: {a: {urls: [\"http://n:1\"], adress: x}}", "adress"},
      {"search: {a: {urls: [\"http://n:1\"]}}\nledgers: {l: {discover: true, source: {search: b, index: x}}}",
       "there is no server \"b\""},
      {"search: {a: {urls: [\"http://n:1\"]}, b: {urls: [\"http://n:2\"]}}\n"
       "ledgers: {l: {discover: true, source: {index: x}}}",
       "source.search is missing: the name of a server under search. Configured: a, b"},
      {"search: {a: {urls: [\"http://n:1\"]}}\nledgers: {l: {discover: true, source: {search: a}}}",
       "source.index: a name or a pattern is needed"},
      {"search: {a: {urls: [\"http://n:1\"]}}\n"
       "ledgers: {l: {discover: true, source: {index: x, zone: Mars/Base}}}",
       "there is no zone \"Mars/Base\""},
      {"search: {a: {urls: [\"http://n:1\"]}}\nledgers: {l: {discover: true, source: {index: x}, index: "
       "Upper}}",
       "\"Upper\" is no name of an index"},
  };
  for (const Case& c : cases)
    EXPECT_NE(search_faults(c.text).find(c.fault), std::string::npos) << c.text << "\n"
                                                                      << search_faults(c.text);
}

}  // namespace
}  // namespace waybill::cli
