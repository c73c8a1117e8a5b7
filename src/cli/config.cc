#include "cli/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>

#include "base/assert.h"
#include "cli/agent_config.h"
#include "cli/alert_config.h"
#include "cli/kafka_properties.h"
#include "cli/kpi_config.h"
#include "cli/ledger_config.h"
#include "cli/redis_config.h"
#include "cli/search_config.h"
#include "cli/section.h"
#include "cli/sls_config.h"
#include "cli/suggest.h"
#include "cli/watch_config.h"

namespace waybill::cli {
namespace {

constexpr size_t kTokenBytesMin = 16;
constexpr size_t kNameBytesMax = 249;  ///< of topics and groups, Kafka's own limit
constexpr Millis kHour{3'600'000};
constexpr Millis kDay{86'400'000};
constexpr std::string_view kFileTwin = "_file";

bool is_name(std::string_view text, size_t max) {
  auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= max && std::all_of(text.begin(), text.end(), good) && text != "." &&
         text != "..";
}

/// One pass over the file. Members are in the order of the file's keys.
class Reader {
 public:
  Reader(const YamlDocument& document, const ConfigWorld& world)
      : world_(world), faults_{document, world.variable} {}

  tl::expected<Config, std::vector<Diagnostic>> read() {
    const YamlDocument& document = faults_.document;
    Section file(faults_, &document[document.root], "");
    const YamlNode* listen = file.child("listen");
    const YamlNode* auth = file.child("auth");
    read_listen(listen, auth);
    read_store(file);
    read_retention(file.child("retention"));
    const YamlNode* clusters = file.child("clusters");
    read_clusters(clusters);
    read_sources(file);
    config_.search = read_search(
        faults_, file.child("search"),
        [this](Section& section, std::string_view key, const YamlNode& at) { return secret(section, key, at); });
    const YamlNode* audit = file.child("audit");
    const bool other_engine = read_engines(file);
    config_.redis = read_redis(faults_, file.child("redis"), config_.kpi,
                               [this](Section& section, std::string_view key, const YamlNode& at) {
                                 return secret(section, key, at);
                               });
    if (file.present() && !clusters && (audit || !other_engine))
      missing("clusters", "clusters: {main: {bootstrap.servers: \"127.0.0.1:9092\"}}");
    if (file.present() && !audit && !other_engine) missing("audit", "audit: {clusters: [main]}");
    if (audit) read_audit(audit);
    read_log(file.child("log"));
    file.finish();
    if (faults_.found.empty()) return std::move(config_);
    std::stable_sort(faults_.found.begin(), faults_.found.end(),
                     [](const Diagnostic& a, const Diagnostic& b) {
                       return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                     });
    if (faults_.found.size() > kDiagnosticsMax) faults_.found.resize(kDiagnosticsMax);
    return tl::make_unexpected(std::move(faults_.found));
  }

 private:
  /// The sections of engines beside the audit, each of which may stand alone. True when there is one.
  bool read_engines(Section& file) {
    const YamlNode* ledgers = file.child("ledgers");
    read_ledgers(faults_, ledgers, &cluster_names_, config_.search, config_.ledgers);
    const YamlNode* kpis = file.child("kpis");
    read_kpis(faults_, kpis, world_, &cluster_names_, config_.kpi);
    const YamlNode* agent = file.child("agent");
    read_agent(faults_, agent, audited_, config_.agent);
    WatchSections watch{file.child("watches"), file.child("watch"), file.child("redact")};
    const WatchPlaces places{cluster_names_, config_.clusters, config_.sources.known};
    read_watches(faults_, watch, &places, config_.watch);
    auto secret_of = [this](Section& s, std::string_view key, const YamlNode& at) {
      return secret(s, key, at);
    };
    read_alerts(faults_, file, {config_.watch, config_.kpi, secret_of}, config_.alerts);
    return ledgers != nullptr || kpis != nullptr || agent != nullptr || watch.watches != nullptr;
  }

  void missing(std::string_view key, std::string_view example) {
    faults_.found.push_back({1, 1, fmt::format("the key \"{}\" is missing; e.g. {}", key, example)});
  }

  void read_listen(const YamlNode* listen, const YamlNode* auth) {
    bool open_to_all = read_auth(auth);
    if (!listen) return;
    auto text = scalar(faults_, *listen, "listen");
    if (!text) return;
    auto address = parse_address(*text);
    if (!address) return faults_.add(*listen, "listen: " + address.error().message);
    config_.listen = *address;
    if (!address->loopback && !auth && !open_to_all) {
      faults_.add(
          *listen,
          fmt::format(
              "listen: {} is open to other machines; add auth: {{tokens: [{{role: viewer, token_file: "
              "PATH}}]}}, or auth: none if something in front of it asks who is there, or listen on "
              "127.0.0.1",
              *text));
    }
  }

  /// True when the file says that everyone may do everything.
  bool read_auth(const YamlNode* auth) {
    if (!auth) return false;
    if (auth->kind == YamlNode::Kind::kScalar) {
      auto text = scalar(faults_, *auth, "auth");
      if (text && *text == "none") return true;
      if (text)
        faults_.add(*auth, fmt::format("auth: \"{}\" is not allowed; none or {{tokens: [...]}} is", *text));
      return false;
    }
    Section section(faults_, auth, "auth");
    const YamlNode* tokens = section.child("tokens");
    section.finish();
    if (!section.present()) return false;
    if (!tokens || tokens->kind != YamlNode::Kind::kSequence || tokens->items.empty()) {
      faults_.add(tokens ? *tokens : *auth,
                  "auth.tokens must be a list such as [{role: viewer, token_file: PATH}]");
      return false;
    }
    for (size_t item : tokens->items) read_token(faults_.document[item]);
    return false;
  }

  void read_token(const YamlNode& node) {
    Section section(faults_, &node, "auth.tokens");
    http::Token token;
    auto role = section.word("role", {"viewer", "operator"});
    bool has_role = section.child("role") != nullptr;
    auto value = secret(section, "token", node);
    section.finish();
    if (!section.present()) return;
    if (!has_role)
      faults_.add(node, "auth.tokens: the key \"role\" is missing; viewer or operator is allowed");
    if (value && value->size() < kTokenBytesMin) {
      faults_.add(
          node,
          fmt::format("auth.tokens: the token is too short; at least {} characters are needed, e.g. from "
                      "openssl rand -hex 32",
                      kTokenBytesMin));
      return;
    }
    if (!role || !value) return;
    token.role = *role == 0 ? http::Role::kViewer : http::Role::kOperator;
    token.value = std::move(*value);
    config_.tokens.push_back(std::move(token));
  }

  /// `key` or `key`_file of a section; a fault when there is none or both.
  std::optional<std::string> secret(Section& section, std::string_view key, const YamlNode& at) {
    const YamlNode* direct = section.child(key);
    // The twin's name lives as long as the section's list of known keys.
    const YamlNode* file = section.child(kept_.emplace_back(std::string(key) + std::string(kFileTwin)));
    if (!section.present()) return std::nullopt;
    if (direct && file) {
      faults_.add(*file, fmt::format("both {} and {} are set; one of them is allowed", section.where(key),
                                     section.where(key) + "_file"));
      return std::nullopt;
    }
    if (!direct && !file) {
      faults_.add(at, fmt::format("{} is missing; {} or {}_file is needed", section.where(key), key, key));
      return std::nullopt;
    }
    if (direct) return scalar(faults_, *direct, section.where(key));
    return secret_file(*file, section.where(key) + "_file");
  }

  std::optional<std::string> secret_file(const YamlNode& node, std::string_view what) {
    auto path = scalar(faults_, node, what);
    if (!path) return std::nullopt;
    auto content = world_.read_file(*path);
    if (!content) {
      faults_.add(node, fmt::format("{}: {}", what, content.error().message));
      return std::nullopt;
    }
    while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) content->pop_back();
    if (content->empty() || content->find('\0') != std::string::npos) {
      faults_.add(node, fmt::format("{}: {} holds no text; one secret is needed", what, *path));
      return std::nullopt;
    }
    return *content;
  }

  void read_store(Section& file) {
    const YamlNode* store = file.child("store");
    const YamlNode* twin = file.child("store_file");
    if (store && twin) return faults_.add(*twin, "both store and store_file are set; one of them is allowed");
    file.text("store", config_.store);
    if (!twin) return;
    if (auto url = secret_file(*twin, "store_file")) config_.store = std::move(*url);
  }

  void read_retention(const YamlNode* node) {
    Section section(faults_, node, "retention");
    auto duration = [&section](std::string_view key, int64_t& out, DurationRange allowed) {
      Millis value(out);
      section.duration(key, value, allowed);
      out = value.count();
    };
    duration("minutes", config_.retention.minutes_ms, {kHour, 3650 * kDay});
    duration("hours", config_.retention.hours_ms, {kDay, 3650 * kDay});
    duration("findings", config_.retention.findings_ms, {kHour, 3650 * kDay});
    section.finish();
  }

  void read_clusters(const YamlNode* node) {
    if (!node) return;
    if (node->kind != YamlNode::Kind::kMap || node->entries.empty()) {
      return faults_.add(*node,
                         "clusters must be a map such as {main: {bootstrap.servers: \"127.0.0.1:9092\"}}");
    }
    for (const auto& [key, value] : node->entries) {
      const YamlNode& name = faults_.document[key];
      if (!is_name(name.text, 64)) {
        faults_.add(
            name,
            fmt::format(
                "clusters: \"{}\" is no name; letters, digits, '.', '_' and '-' are allowed, at most 64",
                name.text));
      } else {
        read_cluster(name, faults_.document[value]);
      }
    }
  }

  void read_cluster(const YamlNode& name, const YamlNode& node) {
    ClusterConfig cluster{name.text, {}};
    std::string path = "clusters." + name.text;
    if (node.kind != YamlNode::Kind::kMap) {
      cluster_names_.push_back(name.text);
      return faults_.add(node.kind == YamlNode::Kind::kNull ? name : node,
                         path + " must be a map of librdkafka properties, at least bootstrap.servers");
    }
    for (const auto& [key, value] : node.entries) {
      read_property(path, faults_.document[key], faults_.document[value], cluster);
    }
    auto is_bootstrap = [](const auto& p) {
      return p.first == "bootstrap.servers" || p.first == "metadata.broker.list";
    };
    bool bootstrap = std::any_of(cluster.properties.begin(), cluster.properties.end(), is_bootstrap);
    bool tried = std::any_of(node.entries.begin(), node.entries.end(), [&](const auto& e) {
      return faults_.document[e.first].text == "bootstrap.servers";
    });
    if (!bootstrap && !tried) {
      faults_.add(name, path + ": the key \"bootstrap.servers\" is missing; e.g. \"127.0.0.1:9092\"");
    }
    cluster_names_.push_back(name.text);
    config_.clusters.push_back(std::move(cluster));
  }

  void read_property(const std::string& path, const YamlNode& key, const YamlNode& node,
                     ClusterConfig& cluster) {
    std::string name = key.text;
    std::string what = path + "." + name;
    std::optional<std::string> value;
    if (name.ends_with(kFileTwin)) {
      name.resize(name.size() - kFileTwin.size());
      if (!is_secret_property(name)) {
        return faults_.add(key, fmt::format("unknown key \"{}\". Files are allowed for secrets: {}_file",
                                            what, fmt::join(secret_properties(), "_file, ")));
      }
      value = secret_file(node, what);
    } else {
      value = scalar(faults_, node, what);
    }
    if (!value) return;
    auto same = [&name](const auto& property) { return property.first == name; };
    if (std::any_of(cluster.properties.begin(), cluster.properties.end(), same)) {
      return faults_.add(
          key, fmt::format("both {}.{} and its _file twin are set; one of them is allowed", path, name));
    }
    if (auto checked = world_.check_property(name, *value); !checked) {
      bool from_outside = is_secret_property(name) || *value != node.text;
      bool shows_value =
          from_outside && !value->empty() && checked.error().message.find(*value) != std::string::npos;
      return faults_.add(
          shows_value ? node : key,
          path + ": " +
              (shows_value ? name + ": librdkafka does not take this value" : checked.error().message));
    }
    cluster.properties.emplace_back(std::move(name), std::move(*value));
  }

  /// Projects of SLS as clusters, and what becomes of those that are incomplete.
  void read_sources(Section& file) {
    const SecretOf secret_of = [this](Section& section, std::string_view key, const YamlNode& at) {
      return secret(section, key, at);
    };
    audited_ = cluster_names_;
    read_sls(faults_, file.child("sls"), world_, secret_of, config_);
    for (const ClusterConfig& cluster : config_.clusters)
      if (cluster.sls) cluster_names_.push_back(cluster.name);
    Section section(faults_, file.child("sources"), "sources");
    bool strict = section.word("strict", {"false", "true"}) == 1u;
    section.finish();
    if (!strict) return;
    for (Diagnostic& left_out : config_.sources.skipped) faults_.found.push_back(std::move(left_out));
    config_.sources.skipped.clear();
  }

  void read_audit(const YamlNode* node) {
    AuditConfig& audit = config_.audit;
    Section section(faults_, node, "audit");
    read_audit_clusters(section);
    kafka_name(section, "group", audit.group, kNameBytesMax);
    kafka_name(section, "topic", audit.topic, kNameBytesMax);
    section.number("partitions", audit.partitions, {1, 1000});
    section.duration("bucket", audit.bucket, {Millis(1000), kHour});
    if (kHour.count() % audit.bucket.count() != 0) {
      faults_.add(*section.child("bucket"),
                  "audit.bucket: an hour must be a multiple of it; e.g. 10s, 30s, 1m or 5m");
    }
    section.duration("grace", audit.grace, {Millis(0), kHour});
    section.duration("vanished", audit.vanished, {Millis(3000), kHour});
    Section commit(faults_, section.child("commit"), "audit.commit");
    commit.duration("every", audit.commit_every, {Millis(10), Millis(60'000)});
    commit.size("bytes", audit.commit_bytes, {1 << 20, 1LL << 30});
    commit.finish();
    Section groups(faults_, section.child("groups"), "audit.groups");
    groups.texts("include", audit.include_groups);
    groups.texts("exclude", audit.exclude_groups);
    groups.duration("owes", audit.owes, {Millis(60'000), 24 * 365 * kHour});
    groups.finish();
    Section verify(faults_, section.child("verify"), "audit.verify");
    if (auto mode = verify.word("mode", {"full", "sample", "off"}))
      audit.verify.mode = static_cast<audit::VerifyOptions::Mode>(*mode);
    verify.size("max_bytes_per_second", audit.verify.bytes_per_second_max, {1024, 1LL << 40});
    verify.number("max_messages", audit.verify.messages_max, {10'000, 1'000'000'000});
    verify.finish();
    read_index(faults_, section.child("index"), "audit.index", config_.search, "waybill-hops", audit.index);
    Section caps(faults_, section.child("caps"), "audit.caps");
    caps.number("topics", audit.topics_max, {1, 1'000'000});
    caps.number("groups", audit.groups_max, {1, 100'000});
    caps.number("reporters", audit.reporters_max, {1, 1'000'000});
    caps.number("ranges", audit.ranges_max, {1000, 1'000'000'000});
    caps.finish();
    section.finish();
  }

  void read_audit_clusters(Section& section) {
    AuditConfig& audit = config_.audit;
    const YamlNode* node = section.child("clusters");
    if (!node) {
      audit.clusters = audited_;
      return;
    }
    section.texts("clusters", audit.clusters);
    if (node->kind != YamlNode::Kind::kSequence) return;
    if (node->items.empty()) return faults_.add(*node, "audit.clusters: at least one cluster is needed");
    for (size_t i = 0; i < node->items.size(); ++i) {
      const YamlNode& item = faults_.document[node->items[i]];
      auto text = item.kind == YamlNode::Kind::kScalar ? expand_variables(item.text, world_.variable)
                                                       : Result<std::string>("");
      if (item.kind != YamlNode::Kind::kScalar || !text) continue;  // said by texts()
      std::vector<std::string_view> names(audited_.begin(), audited_.end());
      if (std::find(cluster_names_.begin(), cluster_names_.end(), *text) != cluster_names_.end() &&
          std::find(names.begin(), names.end(), *text) == names.end()) {
        faults_.add(item, fmt::format("audit.clusters: {} is a project of SLS, whose offsets jump: it can be "
                                      "watched, not audited",
                                      *text));
      } else if (std::find(names.begin(), names.end(), *text) == names.end()) {
        std::string near = suggestion(*text, names);
        faults_.add(item, fmt::format("audit.clusters: there is no cluster \"{}\"{} Configured: {}", *text,
                                      near.empty() ? "." : near,
                                      names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
      }
    }
    std::vector<std::string> sorted = audit.clusters;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      faults_.add(*node, "audit.clusters: a cluster is named twice; once is allowed");
    }
  }

  void kafka_name(Section& section, std::string_view key, std::string& out, size_t max) {
    section.text(key, out);
    const YamlNode* node = section.child(key);
    if (node && node->kind == YamlNode::Kind::kScalar && !is_name(out, max)) {
      faults_.add(
          *node,
          fmt::format("{}: \"{}\" is no name; letters, digits, '.', '_' and '-' are allowed, at most {}",
                      section.where(key), out, max));
    }
  }

  void read_log(const YamlNode* node) {
    Section section(faults_, node, "log");
    if (auto level = section.word("level", {"debug", "info", "warn", "error"})) {
      config_.log.level =
          std::array{LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}[*level];
    }
    if (auto format = section.word("format", {"text", "json"})) {
      config_.log.format = *format == 0 ? LogConfig::Format::kText : LogConfig::Format::kJson;
    }
    section.finish();
  }

  const ConfigWorld& world_;
  ConfigFaults faults_;
  Config config_;
  std::vector<std::string> cluster_names_;  ///< as written, those with faults too
  std::vector<std::string> audited_;        ///< those that can be audited: without projects of SLS
  std::deque<std::string> kept_;
};

}  // namespace

const ClusterConfig& Config::cluster(std::string_view name) const {
  auto it = std::find_if(clusters.begin(), clusters.end(),
                         [name](const ClusterConfig& c) { return c.name == name; });
  ASSERT(it != clusters.end());
  return *it;
}

tl::expected<Config, std::vector<Diagnostic>> parse_config(std::string_view text, const ConfigWorld& world) {
  auto document = parse_yaml(text);
  if (!document) return tl::make_unexpected(std::vector{document.error()});
  return Reader(*document, world).read();
}

}  // namespace waybill::cli
