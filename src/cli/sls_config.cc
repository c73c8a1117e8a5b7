#include "cli/sls_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace waybill::cli {
namespace {

constexpr size_t kEntriesMax = 1'000;
constexpr size_t kProjectMax = 63, kLogstoreMax = 63;
constexpr int kPublicPort = 10'012, kIntranetPort = 10'011;

/// One element of a list, with where it stands.
struct Item {
  std::string text;
  const YamlNode* at = nullptr;
};

bool is_sls_name(std::string_view text, size_t max) {
  auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return text.size() <= max && std::all_of(text.begin(), text.end(), good);
}

bool is_host(std::string_view text) {
  return text.find('.') != std::string_view::npos && text.front() != '.' && text.back() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '.';
         });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Pieces between separators, without blanks around them; an empty text has none.
std::vector<Item> pieces(std::string_view text, char separator, const YamlNode* at) {
  std::vector<Item> out;
  if (trimmed(text).empty()) return out;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(separator, begin), text.size());
    out.push_back({std::string(trimmed(text.substr(begin, end - begin))), at});
    begin = end + 1;
  }
  return out;
}

class SlsReader {
 public:
  SlsReader(ConfigFaults& faults, const YamlNode* node, const ConfigWorld& world, const SecretOf& secret,
            Config& config)
      : faults_(faults),
        world_(world),
        secret_(secret),
        config_(config),
        section_(faults, node, "sls"),
        here_(node ? *node : YamlNode{}) {}

  void read() {
    auto endpoints = list("endpoints", "SLS_ENDPOINTS");
    auto projects = list("projects", "SLS_PROJECTS");
    auto logstores = list("logstores", "SLS_LOGSTORES");
    std::vector<Item> bootstrap = list("bootstrap", "");
    read_access();
    config_.sls_group = text("group", "SLS_CG");
    ca_file_ = text("ca_file", "SLS_CA_FILE");
    section_.finish();
    for (const auto& [what, count] : {std::pair{"endpoints (SLS_ENDPOINTS)", endpoints.size()},
                                      {"projects (SLS_PROJECTS)", projects.size()},
                                      {"logstores (SLS_LOGSTORES)", logstores.size()}}) {
      if (count == 0) return faults_.add(here_, fmt::format("sls: {} is missing", what));
    }
    size_t count = projects.size();
    bool paired = endpoints.size() == count && logstores.size() == count &&
                  (bootstrap.empty() || bootstrap.size() == count);
    if (!paired) {
      return faults_.add(
          here_, fmt::format("sls: the lists are paired by position and need the same length; there are {} "
                             "endpoints, {} projects and {} lists of logstores{}",
                             endpoints.size(), count, logstores.size(),
                             bootstrap.empty() ? "" : fmt::format(", {} bootstrap", bootstrap.size())));
    }
    if (count > kEntriesMax)
      return faults_.add(here_, fmt::format("sls: {} projects are too many; at most {}", count, kEntriesMax));
    for (size_t i = 0; i < count; ++i) {
      entry(i + 1, endpoints[i], projects[i], logstores[i],
            bootstrap.empty() ? std::string() : bootstrap[i].text);
    }
  }

 private:
  /// The key's value, else the variable's, else "".
  std::string text(std::string_view key, std::string_view variable) {
    std::string value;
    if (section_.child(key)) {
      section_.text(key, value);
    } else if (!variable.empty()) {
      value = world_.variable(variable).value_or("");
    }
    return std::string(trimmed(value));
  }

  /// A text with ';' between its elements, or a list. An element that is itself a list is joined by ','.
  std::vector<Item> list(std::string_view key, std::string_view variable) {
    const YamlNode* node = section_.child(key);
    if (!node || node->kind != YamlNode::Kind::kSequence) return pieces(text(key, variable), ';', node);
    std::vector<Item> out;
    for (size_t item : node->items) {
      const YamlNode& element = faults_.document[item];
      std::string joined;
      if (element.kind == YamlNode::Kind::kSequence) {
        for (size_t inner : element.items)
          joined += (inner == element.items.front() ? "" : ",") + one(faults_.document[inner], key);
      } else {
        joined = one(element, key);
      }
      out.push_back({std::move(joined), &element});
    }
    return out;
  }

  std::string one(const YamlNode& node, std::string_view key) {
    if (node.kind == YamlNode::Kind::kNull) return "";
    return std::string(trimmed(scalar(faults_, node, section_.where(key)).value_or("")));
  }

  void read_access() {
    id_ = text("ak_id", "SLS_AK_ID");
    if (id_.empty()) faults_.add(here_, "sls: ak_id (SLS_AK_ID) is missing");
    bool named = section_.child("ak_key") || section_.child("ak_key_file");
    key_ =
        named ? secret_(section_, "ak_key", here_).value_or("") : world_.variable("SLS_AK_KEY").value_or("");
    if (!named && key_.empty()) faults_.add(here_, "sls: ak_key (SLS_AK_KEY) or ak_key_file is missing");
  }

  /// Left out in `waybill run`, a fault in `waybill check`.
  void skip(const YamlNode& at, std::string message) {
    config_.sources.skipped.push_back({at.line, at.column, std::move(message)});
  }

  void entry(size_t number, const Item& endpoint, const Item& project, const Item& logstores,
             const std::string& bootstrap) {
    const YamlNode& at = project.at ? *project.at : here_;
    std::string what = fmt::format("sls: entry {} (endpoint \"{}\", project \"{}\", logstores \"{}\")",
                                   number, endpoint.text, project.text, logstores.text);
    std::string host = host_of(endpoint);
    std::vector<Item> names = pieces(logstores.text, ',', logstores.at);
    if (endpoint.text.empty() && project.text.empty() && names.empty()) return skip(at, what + " is empty");
    if (!project.text.empty()) config_.sources.known.push_back(project.text);
    std::string missing = endpoint.text.empty()  ? "endpoint"
                          : project.text.empty() ? "project"
                          : names.empty()        ? "logstore"
                                                 : "";
    if (!missing.empty()) return skip(at, fmt::format("{} is incomplete: it has no {}", what, missing));
    if (!is_sls_name(project.text, kProjectMax))
      return faults_.add(at, what + ": this is no name of a project");
    std::vector<std::string> topics;
    for (const Item& name : names) {
      if (name.text.empty()) {
        skip(at, what + " has an empty logstore");
      } else if (!is_sls_name(name.text, kLogstoreMax)) {
        faults_.add(at, fmt::format("{}: \"{}\" is no name of a logstore", what, name.text));
      } else {
        topics.push_back(name.text);
      }
    }
    if (topics.empty() || host.empty()) return;
    add(at, what, project.text, host, bootstrap, std::move(topics));
  }

  /// The host alone; "" and a fault when there is none.
  std::string host_of(const Item& endpoint) {
    const YamlNode& at = endpoint.at ? *endpoint.at : here_;
    std::string_view host = endpoint.text;
    if (host.empty()) return "";
    if (host.starts_with("http://")) {
      faults_.add(at, fmt::format("sls: endpoint \"{}\": the Kafka endpoint speaks SASL_SSL only; leave out "
                                  "http:// or write https://",
                                  endpoint.text));
      return "";
    }
    constexpr std::string_view kSecure = "https://";
    if (host.starts_with(kSecure)) host.remove_prefix(kSecure.size());
    while (host.ends_with('/')) host.remove_suffix(1);
    if (!host.empty() && is_host(host)) return std::string(host);
    faults_.add(at, fmt::format("sls: endpoint \"{}\" is no host name such as cn-hangzhou.log.aliyuncs.com; "
                                "ports are added by Waybill",
                                endpoint.text));
    return "";
  }

  void add(const YamlNode& at, const std::string& what, const std::string& project, const std::string& host,
           const std::string& bootstrap, std::vector<std::string> topics) {
    bool intranet =
        host.find("-intranet.") != std::string::npos || host.find("-internal.") != std::string::npos;
    std::string servers = bootstrap.empty()
                              ? fmt::format("{}.{}:{}", project, host, intranet ? kIntranetPort : kPublicPort)
                              : bootstrap;
    auto known = std::find_if(config_.clusters.begin(), config_.clusters.end(),
                              [&](const ClusterConfig& c) { return c.name == project; });
    if (known != config_.clusters.end() && !known->sls)
      return faults_.add(at, fmt::format("{}: a cluster has the name of this project", what));
    if (known == config_.clusters.end()) {
      config_.clusters.push_back({project, properties(project, servers), SlsPlace{project, {}}});
      known = std::prev(config_.clusters.end());
    } else if (known->properties.front().second != servers) {
      return faults_.add(at, fmt::format("{}: the project has another endpoint in an earlier entry", what));
    }
    auto& logstores = known->sls->logstores;
    for (auto& topic : topics) {
      if (std::find(logstores.begin(), logstores.end(), topic) == logstores.end())
        logstores.push_back(std::move(topic));
    }
  }

  std::vector<std::pair<std::string, std::string>> properties(const std::string& project,
                                                              const std::string& servers) const {
    std::vector<std::pair<std::string, std::string>> out = {
        {"bootstrap.servers", servers},
        {"security.protocol", "SASL_SSL"},
        {"sasl.mechanism", "PLAIN"},
        {"sasl.username", project},
        {"sasl.password", id_ + "#" + key_},
        {"session.timeout.ms", "120000"},
        {"heartbeat.interval.ms", "5000"},
        {"max.poll.interval.ms", "130000"},
        {"isolation.level", "read_uncommitted"},  // there are no transactions
    };
    if (!ca_file_.empty()) out.emplace_back("ssl.ca.location", ca_file_);
    return out;
  }

  ConfigFaults& faults_;
  const ConfigWorld& world_;
  const SecretOf& secret_;
  Config& config_;
  Section section_;
  const YamlNode here_;  ///< what has no place of its own
  std::string id_, key_, ca_file_;
};

}  // namespace

void read_sls(ConfigFaults& faults, const YamlNode* node, const ConfigWorld& world, const SecretOf& secret,
              Config& config) {
  bool asked = node != nullptr;
  for (std::string_view variable : {"SLS_ENDPOINTS", "SLS_PROJECTS", "SLS_LOGSTORES"})
    asked = asked || !world.variable(variable).value_or("").empty();
  if (asked) SlsReader(faults, node, world, secret, config).read();
}

}  // namespace waybill::cli
