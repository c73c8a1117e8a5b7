#include "cli/config.h"

#include <gtest/gtest.h>

#include <map>

#include "cli/kafka_properties.h"

namespace waybill::cli {
namespace {

constexpr std::string_view kSecret = "canary-0123456789abcdef";

ConfigWorld test_world() {
  return {.variable = [](std::string_view name) -> std::optional<std::string> {
            if (name == "BROKER") return "broker:9092";
            if (name == "SECRET") return std::string(kSecret);
            if (name == "CLUSTER") return "main";
            return std::nullopt;
          },
          .read_file = [](const std::string& path) -> Result<std::string> {
            if (path == "/secret") return std::string(kSecret) + "\r\n";
            if (path == "/empty") return std::string("\n");
            if (path == "/short") return std::string("short\n");
            return fail(Errc::kNotFound, "cannot read " + path + ": No such file or directory");
          },
          .check_property = check_kafka_property};
}

constexpr std::string_view kGood = "clusters: {main: {bootstrap.servers: \"b:1\"}}\naudit: {}\n";

/// All faults, one a line, without the file's name; "fine" when there are none.
std::string faults(std::string_view text) {
  auto config = parse_config(text, test_world());
  if (config) return "fine";
  std::string lines;
  for (const Diagnostic& d : config.error()) lines += (lines.empty() ? "" : "\n") + d.str("").substr(1);
  EXPECT_EQ(lines.find(kSecret), std::string::npos) << lines;
  return lines;
}

Config good(std::string_view text) {
  auto config = parse_config(text, test_world());
  EXPECT_TRUE(config.has_value()) << faults(text);
  return config ? *config : Config{};
}

TEST(Config, TheShortestOneHasDefaults) {
  Config config = good(kGood);
  EXPECT_EQ(config.listen.host, "127.0.0.1");
  EXPECT_EQ(config.listen.port, 8420);
  EXPECT_TRUE(config.tokens.empty());
  EXPECT_EQ(config.store, "sqlite:waybill.db");
  EXPECT_EQ(config.audit.clusters, std::vector<std::string>{"main"});
  EXPECT_EQ(config.audit.group, "waybill");
  EXPECT_EQ(config.audit.topic, "waybill-reports");
  EXPECT_EQ(config.audit.partitions, 16);
  EXPECT_EQ(config.retention.minutes_ms, 48LL * 3'600'000);
}

TEST(Config, EveryKeyIsRead) {
  Config config = good(R"(
listen: "[::]:80"
auth: {tokens: [{role: viewer, token_file: /secret}, {role: operator, token: "${SECRET}2"}]}
store: "sqlite:${NONE:-/var/lib/waybill}/w.db"
retention: {minutes: 24h, hours: 30d, findings: 7d}
clusters:
  main:
    bootstrap.servers: ${BROKER}
    security.protocol: sasl_ssl
    sasl.mechanism: PLAIN
    sasl.username: u
    sasl.password_file: /secret
  other: {bootstrap.servers: "o:1", socket.keepalive.enable: true}
audit:
  clusters: ["${CLUSTER}"]
  group: collectors
  topic: reports
  partitions: 8
  bucket: 30s
  grace: 5s
  vanished: 20s
  commit: {every: 500ms, bytes: 16MiB}
  groups: {include: [a, b], exclude: [c], owes: 2h}
  verify: {mode: sample, max_bytes_per_second: 2MiB, max_messages: 20000}
  caps: {topics: 10, groups: 11, reporters: 12, ranges: 1300}
log: {level: debug, format: json}
)");
  EXPECT_EQ(config.listen.host, "::");
  EXPECT_EQ(config.listen.port, 80);
  ASSERT_EQ(config.tokens.size(), 2u);
  EXPECT_EQ(config.tokens[0].role, http::Role::kViewer);
  EXPECT_EQ(config.tokens[0].value, kSecret);
  EXPECT_EQ(config.tokens[1].role, http::Role::kOperator);
  EXPECT_EQ(config.tokens[1].value, std::string(kSecret) + "2");
  EXPECT_EQ(config.store, "sqlite:/var/lib/waybill/w.db");
  EXPECT_EQ(config.retention.minutes_ms, 24LL * 3'600'000);
  EXPECT_EQ(config.retention.hours_ms, 30LL * 86'400'000);
  EXPECT_EQ(config.retention.findings_ms, 7LL * 86'400'000);
  std::map<std::string, std::string> properties(config.cluster("main").properties.begin(),
                                                config.cluster("main").properties.end());
  EXPECT_EQ(properties["bootstrap.servers"], "broker:9092");
  EXPECT_EQ(properties["sasl.password"], kSecret);
  EXPECT_EQ(properties.count("sasl.password_file"), 0u);
  EXPECT_EQ(config.audit.clusters, std::vector<std::string>{"main"});
  EXPECT_EQ(config.audit.group, "collectors");
  EXPECT_EQ(config.audit.topic, "reports");
  EXPECT_EQ(config.audit.partitions, 8);
  EXPECT_EQ(config.audit.bucket, Millis(30'000));
  EXPECT_EQ(config.audit.grace, Millis(5'000));
  EXPECT_EQ(config.audit.vanished, Millis(20'000));
  EXPECT_EQ(config.audit.commit_every, Millis(500));
  EXPECT_EQ(config.audit.commit_bytes, 16 << 20);
  EXPECT_EQ(config.audit.include_groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.audit.exclude_groups, std::vector<std::string>{"c"});
  EXPECT_EQ(config.audit.owes, Millis(7'200'000));
  EXPECT_EQ(config.audit.topics_max, 10);
  EXPECT_EQ(config.audit.groups_max, 11);
  EXPECT_EQ(config.audit.reporters_max, 12);
  EXPECT_EQ(config.audit.ranges_max, 1300);
  EXPECT_EQ(config.audit.verify.mode, audit::VerifyOptions::Mode::kSample);
  EXPECT_EQ(config.audit.verify.bytes_per_second_max, 2 << 20);
  EXPECT_EQ(config.audit.verify.messages_max, 20'000);
  EXPECT_EQ(config.log.level, LogLevel::kDebug);
  EXPECT_EQ(config.log.format, LogConfig::Format::kJson);
}

TEST(Config, TheStoreMayBeInAFile) {
  EXPECT_EQ(good(std::string(kGood) + "store_file: /secret\n").store, kSecret);
}

TEST(Config, LoopbackNeedsNoAuthAndAuthNoneOpensTheRest) {
  for (const char* listen :
       {"listen: 127.0.0.1:1", "listen: \"[::1]:1\"", "listen: localhost:0", "listen: 0.0.0.0:1\nauth: none",
        "listen: 0.0.0.0:1\nauth: {tokens: [{role: viewer, token_file: /secret}]}"}) {
    EXPECT_EQ(faults(std::string(kGood) + listen + "\n"), "fine") << listen;
  }
}

TEST(Config, FaultsOfTheWholeFile) {
  EXPECT_EQ(
      faults(""),
      "1:1: the key \"clusters\" is missing; e.g. clusters: {main: {bootstrap.servers: \"127.0.0.1:9092\"}}\n"
      "1:1: the key \"audit\" is missing; e.g. audit: {clusters: [main]}");
  EXPECT_EQ(faults("- a\n"), "1:1: the file must be a map of keys and values");
  EXPECT_EQ(faults("a: {"), "1:1: not YAML: end of map flow not found");
}

TEST(Config, AtMostTwentyFaultsAreShown) {
  std::string text(kGood);
  for (int i = 0; i < 50; ++i) text += "unknown" + std::to_string(i) + ": 1\n";
  auto config = parse_config(text, test_world());
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().size(), kDiagnosticsMax);
}

struct Bad {
  std::string_view
      text;  ///< added to a good file as its third line and on, or in its place when it has clusters
  std::string_view faults;  ///< all of them
};

TEST(Config, ScalarsThatAreNotAllowed) {
  for (const Bad& bad : std::vector<Bad>{
           {"listen: 8420",
            "3:9: listen: \"8420\" has no port; ADDRESS:PORT is needed, e.g. 127.0.0.1:8420 or [::1]:8420"},
           {"listen: 127.0.0.1:99999",
            "3:9: listen: \"127.0.0.1:99999\" has no port from 0 to 65535; ADDRESS:PORT is needed, e.g. "
            "127.0.0.1:8420 or [::1]:8420"},
           {"listen: [a]", "3:9: listen must be a single value"},
           {"listen: 0.0.0.0:8420",
            "3:9: listen: 0.0.0.0:8420 is open to other machines; add auth: {tokens: [{role: viewer, "
            "token_file: PATH}]}, or auth: "
            "none if something in front of it asks who is there, or listen on 127.0.0.1"},
           {"store: {a: b}", "3:8: store must be a single value"},
           {"store: sqlite:${NOT_SET}",
            "3:8: store: the variable NOT_SET is not set; set it or write ${NOT_SET:-default}"},
           {"store: ${BROKER", "3:8: store: \"${\" without \"}\"; write $${ for the characters themselves"},
           {"store: a\nstore_file: /secret",
            "4:13: both store and store_file are set; one of them is allowed"},
           {"store_file: /none", "3:13: store_file: cannot read /none: No such file or directory"},
           {"retention: {minutes: soon}",
            "3:22: retention.minutes: \"soon\" is no duration; a number with ms, s, m, h or d is, e.g. 10s"},
           {"retention: {minutes: 1s}", "3:22: retention.minutes: 1s is not allowed; from 1h to 3650d is"},
           {"retention: 5", "3:12: retention must be a map of keys and values"},
           {"log: {level: loud}", "3:14: log.level: \"loud\" is not allowed; debug, info, warn, error is"},
           {"log: {format: xml}", "3:15: log.format: \"xml\" is not allowed; text, json is"},
           {"log: {levle: info}",
            "3:7: unknown key \"log.levle\"; did you mean \"level\"? Allowed in log: format, level"},
           {"stor: x",
            "3:1: unknown key \"stor\"; did you mean \"store\"? Allowed here: agent, alerts, audit, "
            "auth, clusters, external_url, kpis, ledgers, listen, locale, log, notifiers, redact, redis, "
            "retention, search, sls, sources, store, store_file, watch, watches"},
           {"frobnicate: x",
            "3:1: unknown key \"frobnicate\". Allowed here: agent, alerts, audit, auth, clusters, "
            "external_url, "
            "kpis, ledgers, listen, locale, log, notifiers, redact, redis, retention, search, sls, sources, "
            "store, store_file, watch, watches"},
       }) {
    EXPECT_EQ(faults(std::string(kGood) + std::string(bad.text) + "\n"), bad.faults) << bad.text;
  }
}

TEST(Config, TokensThatAreNotAllowed) {
  for (const Bad& bad : std::vector<Bad>{
           {"auth: open", "3:7: auth: \"open\" is not allowed; none or {tokens: [...]} is"},
           {"auth: {}", "3:7: auth.tokens must be a list such as [{role: viewer, token_file: PATH}]"},
           {"auth: {tokens: []}",
            "3:16: auth.tokens must be a list such as [{role: viewer, token_file: PATH}]"},
           {"auth: {tokens: [{token: 0123456789abcdef}]}",
            "3:17: auth.tokens: the key \"role\" is missing; viewer or operator is allowed"},
           {"auth: {tokens: [{role: admin, token: 0123456789abcdef}]}",
            "3:24: auth.tokens.role: \"admin\" is not allowed; viewer, operator is"},
           {"auth: {tokens: [{role: viewer}]}",
            "3:17: auth.tokens.token is missing; token or token_file is needed"},
           {"auth: {tokens: [{role: viewer, token: short}]}",
            "3:17: auth.tokens: the token is too short; at least 16 characters are needed, e.g. from openssl "
            "rand -hex 32"},
           {"auth: {tokens: [{role: viewer, token_file: /short}]}",
            "3:17: auth.tokens: the token is too short; at least 16 characters are needed, e.g. from openssl "
            "rand -hex 32"},
           {"auth: {tokens: [{role: viewer, token_file: /none}]}",
            "3:44: auth.tokens.token_file: cannot read /none: No such file or directory"},
           {"auth: {tokens: [{role: viewer, token_file: /empty}]}",
            "3:44: auth.tokens.token_file: /empty holds no text; one secret is needed"},
           {"auth: {tokens: [{role: viewer, token: \"${SECRET}\", token_file: /secret}]}",
            "3:64: both auth.tokens.token and auth.tokens.token_file are set; one of them is allowed"},
           {"auth: {tokens: [viewer]}", "3:17: auth.tokens must be a map of keys and values"},
       }) {
    EXPECT_EQ(faults(std::string(kGood) + std::string(bad.text) + "\n"), bad.faults) << bad.text;
  }
}

TEST(Config, ClustersThatAreNotAllowed) {
  for (const Bad& bad : std::vector<Bad>{
           {"clusters: 1\naudit: {}",
            "1:11: clusters must be a map such as {main: {bootstrap.servers: \"127.0.0.1:9092\"}}"},
           {"clusters: {}\naudit: {}",
            "1:11: clusters must be a map such as {main: {bootstrap.servers: \"127.0.0.1:9092\"}}"},
           {"clusters: {main: x}\naudit: {}",
            "1:18: clusters.main must be a map of librdkafka properties, at least bootstrap.servers"},
           {"clusters: {main: {acks: 1}}\naudit: {}",
            "1:12: clusters.main: the key \"bootstrap.servers\" is missing; e.g. \"127.0.0.1:9092\""},
           {"clusters: {\"a b\": {bootstrap.servers: x}}\naudit: {clusters: []}",
            "1:12: clusters: \"a b\" is no name; letters, digits, '.', '_' and '-' are allowed, at most 64\n"
            "2:19: audit.clusters: at least one cluster is needed"},
           {"clusters: {main: {bootstrap.servers: x, group.id: g}}\naudit: {}",
            "1:41: clusters.main: group.id is set by Waybill itself; leave it out"},
           {"clusters: {main: {bootstrap.servers: x, plugin.library.paths: g}}\naudit: {}",
            "1:41: clusters.main: plugin.library.paths belongs into the clients that are counted, not here"},
           {"clusters: {main: {bootstrap.servers: x, client.id_file: g}}\naudit: {}",
            "1:41: unknown key \"clusters.main.client.id_file\". Files are allowed for secrets: "
            "sasl.password_file, "
            "ssl.key.password_file, ssl.key.pem_file, ssl.keystore.password_file, ssl_key_password_file, "
            "sasl.oauthbearer.config_file, sasl.oauthbearer.client.secret_file"},
           {"clusters: {main: {bootstrap.servers: x, sasl.password: a, sasl.password_file: /secret}}\naudit: "
            "{}",
            "1:59: both clusters.main.sasl.password and its _file twin are set; one of them is allowed"},
           {"clusters: {main: {bootstrap.servers: x, acks: {a: b}}}\naudit: {}",
            "1:47: clusters.main.acks must be a single value"},
           {"clusters: {main: {bootstrap.servers: x, security.protocol: \"${SECRET}\"}}\naudit: {}",
            "1:60: clusters.main: security.protocol: librdkafka does not take this value"},
       }) {
    EXPECT_EQ(faults(bad.text), bad.faults) << bad.text;
  }
}

TEST(Config, LibrdkafkaSaysWhatItRefuses) {
  std::string unknown = faults("clusters: {main: {bootstrap.servers: x, security.protocl: ssl}}\naudit: {}");
  EXPECT_NE(unknown.find("1:41: clusters.main: librdkafka "), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("has no property \"security.protocl\"; did you mean \"security.protocol\"?"),
            std::string::npos)
      << unknown;
  std::string refused =
      faults("clusters: {main: {bootstrap.servers: x, security.protocol: maybe}}\naudit: {}");
  EXPECT_NE(refused.find("1:41: clusters.main: security.protocol: Invalid value \"maybe\""),
            std::string::npos)
      << refused;
}

TEST(Config, AuditSectionsThatAreNotAllowed) {
  constexpr std::string_view kClusters = "clusters: {main: {bootstrap.servers: \"b:1\"}}\n";
  for (const Bad& bad : std::vector<Bad>{
           {"audit: {clusters: [nain]}",
            "2:20: audit.clusters: there is no cluster \"nain\"; did you mean \"main\"? Configured: main"},
           {"audit: {clusters: [x]}", "2:20: audit.clusters: there is no cluster \"x\". Configured: main"},
           {"audit: {clusters: main}", "2:19: audit.clusters must be a list, e.g. [a, b]"},
           {"audit: {clusters: [main, main]}",
            "2:19: audit.clusters: a cluster is named twice; once is allowed"},
           {"audit: {group: a/b}",
            "2:16: audit.group: \"a/b\" is no name; letters, digits, '.', '_' and '-' are allowed, at most "
            "249"},
           {"audit: {partitions: 0}",
            "2:21: audit.partitions: \"0\" is not allowed; a whole number from 1 to 1000 is"},
           {"audit: {partitions: many}",
            "2:21: audit.partitions: \"many\" is not allowed; a whole number from 1 to 1000 is"},
           {"audit: {bucket: 7s}",
            "2:17: audit.bucket: an hour must be a multiple of it; e.g. 10s, 30s, 1m or 5m"},
           {"audit: {grace: 2h}", "2:16: audit.grace: 2h is not allowed; from 0s to 1h is"},
           {"audit: {vanished: 1s}", "2:19: audit.vanished: 1s is not allowed; from 3s to 1h is"},
           {"audit: {commit: {bytes: 5}}",
            "2:25: audit.commit.bytes: 5 is not allowed; from 1048576 to 1073741824 bytes are"},
           {"audit: {commit: {bytes: big}}",
            "2:25: audit.commit.bytes: \"big\" is no size; a number with KiB, MiB or GiB is, e.g. 16MiB"},
           {"audit: {groups: {include: g}}", "2:27: audit.groups.include must be a list, e.g. [a, b]"},
           {"audit: {caps: {topic: 1}}",
            "2:16: unknown key \"audit.caps.topic\"; did you mean \"topics\"? Allowed in audit.caps: groups, "
            "ranges, reporters, topics"},
           {"audit: {bucket: soon, grace: later}",
            "2:17: audit.bucket: \"soon\" is no duration; a number with ms, s, m, h or d is, e.g. 10s\n"
            "2:30: audit.grace: \"later\" is no duration; a number with ms, s, m, h or d is, e.g. 10s"},
       }) {
    EXPECT_EQ(faults(std::string(kClusters) + std::string(bad.text) + "\n"), bad.faults) << bad.text;
  }
}

TEST(Config, AFileThatCannotBeReadIsNamed) {
  auto loaded = load_config("/nonexistent/waybill.yaml", test_world());
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error(), "cannot read /nonexistent/waybill.yaml: No such file or directory\n");
  loaded = load_config("/", test_world());
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error(), "cannot read /: Is a directory\n");
}

}  // namespace
}  // namespace waybill::cli
