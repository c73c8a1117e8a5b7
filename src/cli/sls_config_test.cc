#include "cli/sls_config.h"

#include <gtest/gtest.h>

#include <map>

#include "cli/kafka_properties.h"
#include "cli/stream_job.h"

namespace waybill::cli {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kWatch = "watches: {errors: {text: ERROR, sources: [{sls: all, start: begin}]}}\n";
const Variables kGoodVariables = {
    {"SLS_ENDPOINTS", "cn-hangzhou.log.aliyuncs.com;cn-beijing-intranet.log.aliyuncs.com"},
    {"SLS_PROJECTS", "shop;pay"},
    {"SLS_LOGSTORES", "access,app;ledger"},
    {"SLS_AK_ID", "LTAI-id"},
    {"SLS_AK_KEY", "canary#key"},
    {"SLS_CG", "watchers"},
    {"SLS_CA_FILE", "/etc/ssl/sls.pem"}};

ConfigWorld world_of(Variables variables) {
  return {.variable = [variables](std::string_view name) -> std::optional<std::string> {
            auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
          },
          .read_file = [](const std::string& path) -> Result<std::string> {
            if (path == "/secret") return std::string("canary#key\n");
            return fail(Errc::kNotFound, "cannot read " + path);
          },
          .check_property = check_kafka_property};
}

/// All faults, one a line; "fine" when there are none.
std::string faults(std::string_view text, const Variables& variables) {
  auto config = parse_config(text, world_of(variables));
  if (config) return "fine";
  std::string lines;
  for (const Diagnostic& d : config.error()) lines += (lines.empty() ? "" : "\n") + d.str("").substr(1);
  EXPECT_EQ(lines.find("canary"), std::string::npos) << lines;
  return lines;
}

Config good(std::string_view text, const Variables& variables) {
  auto config = parse_config(text, world_of(variables));
  EXPECT_TRUE(config.has_value()) << faults(text, variables);
  return config ? *config : Config{};
}

Variables with(std::string_view name, std::string_view value) {
  Variables out = kGoodVariables;
  out[std::string(name)] = value;
  return out;
}

std::string property(const ClusterConfig& cluster, std::string_view name) {
  for (const auto& [key, value] : cluster.properties)
    if (key == name) return value;
  return "(not set)";
}

void expect_both_projects(const Config& config) {
  ASSERT_EQ(config.clusters.size(), 2u);
  const ClusterConfig& shop = config.clusters[0];
  EXPECT_EQ(shop.name, "shop");
  EXPECT_EQ(shop.sls->logstores, (std::vector<std::string>{"access", "app"}));
  EXPECT_EQ(property(shop, "bootstrap.servers"), "shop.cn-hangzhou.log.aliyuncs.com:10012");
  EXPECT_EQ(property(shop, "security.protocol"), "SASL_SSL");
  EXPECT_EQ(property(shop, "sasl.mechanism"), "PLAIN");
  EXPECT_EQ(property(shop, "sasl.username"), "shop");
  EXPECT_EQ(property(shop, "sasl.password"), "LTAI-id#canary#key");
  EXPECT_EQ(property(shop, "session.timeout.ms"), "120000");
  EXPECT_EQ(property(shop, "heartbeat.interval.ms"), "5000");
  EXPECT_EQ(property(shop, "max.poll.interval.ms"), "130000");
  EXPECT_EQ(property(shop, "ssl.ca.location"), "/etc/ssl/sls.pem");
  EXPECT_EQ(property(config.clusters[1], "bootstrap.servers"),
            "pay.cn-beijing-intranet.log.aliyuncs.com:10011");
  EXPECT_EQ(property(config.clusters[1], "sasl.username"), "pay");
  EXPECT_EQ(config.sls_group, "watchers");
  EXPECT_TRUE(config.sources.skipped.empty());
  const auto& sources = config.watch.definitions.at(0).sources;
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].cluster, "shop");
  EXPECT_EQ(sources[0].topics, (std::vector<std::string>{"access", "app"}));
  EXPECT_EQ(sources[1].cluster, "pay");
  EXPECT_EQ(sources[1].topics, std::vector<std::string>{"ledger"});
}

TEST(SlsConfig, VariablesBecomeAClusterPerProject) { expect_both_projects(good(kWatch, kGoodVariables)); }

TEST(SlsConfig, TheSameInYamlBecomesTheSame) {
  for (std::string_view sls :
       {"sls: {endpoints: [https://cn-hangzhou.log.aliyuncs.com/, cn-beijing-intranet.log.aliyuncs.com],\n"
        "      projects: [shop, pay], logstores: [[access, app], ledger], ak_id: LTAI-id, ak_key_file: "
        "/secret,\n"
        "      group: watchers, ca_file: /etc/ssl/sls.pem}\n",
        "sls: {endpoints: 'cn-hangzhou.log.aliyuncs.com; cn-beijing-intranet.log.aliyuncs.com', projects: "
        "shop;pay,\n"
        "      logstores: 'access, app; ledger', ak_id: LTAI-id, ak_key: \"${KEY}\", group: watchers,\n"
        "      ca_file: /etc/ssl/sls.pem}\n"}) {
    expect_both_projects(good(std::string(kWatch) + std::string(sls), {{"KEY", "canary#key"}}));
  }
}

TEST(SlsConfig, YamlGoesBeforeVariablesKeyByKey) {
  Config config = good(std::string(kWatch) + "sls: {group: others}\n", kGoodVariables);
  EXPECT_EQ(config.sls_group, "others");
  EXPECT_EQ(config.clusters.size(), 2u);
}

TEST(SlsConfig, OneProjectIsNamedByWatches) {
  Config config = good("watches: {a: {text: x, sources: [{sls: pay}, {cluster: shop, topics: [app]}]}}\n",
                       kGoodVariables);
  const auto& sources = config.watch.definitions.at(0).sources;
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[0].topics, std::vector<std::string>{"ledger"});
  EXPECT_EQ(sources[1].topics, std::vector<std::string>{"app"});
  EXPECT_EQ(
      faults("watches: {a: {text: x, sources: [{sls: other}]}}\n", kGoodVariables),
      "1:34: watches.a.sources: there is no project \"other\" in sls: (or SLS_PROJECTS); \"all\" stands for "
      "every one");
}

TEST(SlsConfig, IncompleteEntriesAreNamedAndTheOthersServed) {
  struct Case {
    std::string_view endpoints, projects, logstores;
    std::vector<std::string> skipped;
    std::vector<std::string> clusters;
  };
  for (const auto& [endpoints, projects, logstores, skipped, clusters] : std::initializer_list<Case>{
           {"a.b;",
            "p;q",
            "x;y",
            {"sls: entry 2 (endpoint \"\", project \"q\", logstores \"y\") is incomplete: it has no "
             "endpoint"},
            {"p"}},
           {"a.b;a.b",
            ";q",
            "x;y",
            {"sls: entry 1 (endpoint \"a.b\", project \"\", logstores \"x\") is incomplete: it has no "
             "project"},
            {"q"}},
           {"a.b;a.b",
            "p;q",
            ";y",
            {"sls: entry 1 (endpoint \"a.b\", project \"p\", logstores \"\") is incomplete: it has no "
             "logstore"},
            {"q"}},
           {"a.b;",
            "p;",
            "x;",
            {"sls: entry 2 (endpoint \"\", project \"\", logstores \"\") is empty"},
            {"p"}},
           {"a.b",
            "p",
            "x,,y",
            {"sls: entry 1 (endpoint \"a.b\", project \"p\", logstores \"x,,y\") has an empty logstore"},
            {"p"}},
       }) {
    Variables variables = kGoodVariables;
    variables["SLS_ENDPOINTS"] = endpoints;
    variables["SLS_PROJECTS"] = projects;
    variables["SLS_LOGSTORES"] = logstores;
    Config config = good(kWatch, variables);
    std::vector<std::string> found, names;
    for (const Diagnostic& d : config.sources.skipped) found.push_back(d.message);
    for (const ClusterConfig& c : config.clusters) names.push_back(c.name);
    EXPECT_EQ(found, skipped);
    EXPECT_EQ(names, clusters);
    EXPECT_EQ(faults(std::string(kWatch) + "sources: {strict: true}\n", variables), "1:1: " + skipped[0]);
  }
}

TEST(SlsConfig, AWatchOfAnEntryThatIsLeftOutReadsTheRest) {
  Config config =
      good("watches: {a: {text: x, sources: [{sls: pay}, {sls: shop}]}}\n", with("SLS_ENDPOINTS", "a.b;"));
  ASSERT_EQ(config.watch.definitions.at(0).sources.size(), 1u);
  EXPECT_EQ(config.watch.definitions[0].sources[0].cluster, "shop");
}

TEST(SlsConfig, WhatCannotBeServedIsAFault) {
  for (const auto& [name, value, wrong] : std::initializer_list<std::array<std::string_view, 3>>{
           {"SLS_ENDPOINTS", "http://cn-hangzhou.log.aliyuncs.com;a.b",
            "1:1: sls: endpoint \"http://cn-hangzhou.log.aliyuncs.com\": the Kafka endpoint speaks SASL_SSL "
            "only; "
            "leave out http:// or write https://"},
           {"SLS_ENDPOINTS", "a.b",
            "1:1: sls: the lists are paired by position and need the same length; there are 1 endpoints, 2 "
            "projects and 2 lists of logstores"},
           {"SLS_LOGSTORES", "x;y;z",
            "1:1: sls: the lists are paired by position and need the same length; there are 2 endpoints, 2 "
            "projects and 3 lists of logstores"},
           {"SLS_PROJECTS", "",
            "1:1: sls: projects (SLS_PROJECTS) is missing\n1:43: watches.errors.sources: there is no project "
            "\"all\" in sls: (or SLS_PROJECTS); \"all\" stands for every one"},
           {"SLS_ENDPOINTS", "a.b:9092;c.d",
            "1:1: sls: endpoint \"a.b:9092\" is no host name such as cn-hangzhou.log.aliyuncs.com; ports are "
            "added by Waybill"},
           {"SLS_PROJECTS", "a b;pay",
            "1:1: sls: entry 1 (endpoint \"cn-hangzhou.log.aliyuncs.com\", project \"a b\", logstores "
            "\"access,app\"): this is no name of a project"},
           {"SLS_AK_KEY", "", "1:1: sls: ak_key (SLS_AK_KEY) or ak_key_file is missing"},
           {"SLS_AK_ID", "", "1:1: sls: ak_id (SLS_AK_ID) is missing"},
       }) {
    std::string found = faults(kWatch, with(name, value));
    EXPECT_EQ(found.substr(0, wrong.size()), wrong) << name << "=" << value;
  }
}

TEST(SlsConfig, ProjectsAreNotAudited) {
  std::string both = std::string(kWatch) + "clusters: {main: {bootstrap.servers: \"b:1\"}}\n";
  EXPECT_EQ(good(both + "audit: {}\n", kGoodVariables).audit.clusters, std::vector<std::string>{"main"});
  EXPECT_EQ(
      faults(both + "audit: {clusters: [main, shop]}\n", kGoodVariables),
      "3:26: audit.clusters: shop is a project of SLS, whose offsets jump: it can be watched, not audited");
}

TEST(SlsConfig, OneProjectInTwoEntriesIsOneCluster) {
  Variables variables = with("SLS_PROJECTS", "shop;shop");
  EXPECT_NE(faults(kWatch, variables).find("the project has another endpoint in an earlier entry"),
            std::string::npos);
  variables["SLS_ENDPOINTS"] = "a.b;a.b";
  Config config = good(kWatch, variables);
  ASSERT_EQ(config.clusters.size(), 1u);
  EXPECT_EQ(config.clusters[0].sls->logstores, (std::vector<std::string>{"access", "app", "ledger"}));
}

TEST(SlsConfig, WithoutVariablesAndSectionThereIsNothing) {
  Config config = good("clusters: {main: {bootstrap.servers: \"b:1\"}}\naudit: {}\n", {{"SLS_CG", "x"}});
  EXPECT_EQ(config.clusters.size(), 1u);
  EXPECT_TRUE(config.sources.known.empty());
}

TEST(SlsConfig, ARefusedGroupNamesProjectLogstoreAndTheLimit) {
  source::KafkaCluster kafka = kafka_of(good(kWatch, kGoodVariables).clusters.at(0));
  EXPECT_TRUE(kafka.offsets_jump);
  EXPECT_EQ(
      kafka.group_note,
      "SLS project shop, logstores access, app: a logstore takes at most 30 consumer groups, 15 of them "
      "through Kafka; delete one or name one that exists as sls.group");
}

}  // namespace
}  // namespace waybill::cli
