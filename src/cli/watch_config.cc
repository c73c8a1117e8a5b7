#include "cli/watch_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "cli/suggest.h"
#include "cli/watch_rules.h"
#include "decode/timestamps.h"
#include "sink/syslog.h"

namespace waybill::cli {
namespace {

constexpr Millis kWindowMin{1'000}, kWindowMax{24LL * 3'600'000};
constexpr size_t kNameMax = 128;

bool is_watch_name(std::string_view name) {
  auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), allowed);
}

class WatchReader {
 public:
  WatchReader(ConfigFaults& faults, const WatchPlaces* places, WatchConfig& out)
      : faults_(faults), places_(places), out_(out) {}

  void watches(const YamlNode* node) {
    if (!node) return;
    if (node->kind != YamlNode::Kind::kMap || node->entries.empty()) {
      return faults_.add(*node, "watches must be a map such as {http-5xx: {where: {status: '5\\d{2}'}}}");
    }
    if (node->entries.size() > watch::kRulesMax) {
      return faults_.add(
          *node, fmt::format("watches: {} are too many; at most {}", node->entries.size(), watch::kRulesMax));
    }
    for (const auto& [key, value] : node->entries) {
      const YamlNode& name = faults_.document[key];
      if (!is_watch_name(name.text)) {
        faults_.add(
            name, fmt::format(
                      "watches: \"{}\" is no name; letters, digits, '.', '_' and '-' are allowed, at most {}",
                      name.text, kNameMax));
      } else {
        definition(name, faults_.document[value]);
      }
    }
  }

  void engine(const YamlNode* node) {
    Section section(faults_, node, "watch");
    section.text("group", out_.group);
    section.number("outbox_rows", out_.outbox_rows, {1, 1'000'000'000});
    section.finish();
  }

  void redact(const YamlNode* node) {
    Section section(faults_, node, "redact");
    section.texts("fields", out_.redact.fields);
    if (const YamlNode* patterns = section.child("patterns")) {
      for (size_t item :
           patterns->kind == YamlNode::Kind::kSequence ? patterns->items : std::vector<size_t>{}) {
        const YamlNode& pattern = faults_.document[item];
        auto fault = watch::check_test({watch::Test::Op::kPattern, pattern.text});
        if (pattern.kind != YamlNode::Kind::kScalar)
          faults_.add(pattern, "redact.patterns must be a list of patterns");
        else if (fault)
          faults_.add(pattern, "redact.patterns: " + fault->message);
        else
          out_.redact.patterns.push_back(pattern.text);
      }
      if (patterns->kind != YamlNode::Kind::kSequence)
        faults_.add(*patterns, "redact.patterns must be a list of patterns");
    }
    std::vector<std::string> maskers;
    section.texts("maskers", maskers);
    for (const auto& name : maskers) {
      auto masker = watch::masker_named(name);
      if (masker)
        out_.redact.maskers.push_back(*masker);
      else
        faults_.add(
            *section.child("maskers"),
            fmt::format("redact.maskers: \"{}\" is not known; card, phone, email and id_card are", name));
    }
    section.finish();
  }

 private:
  void definition(const YamlNode& name, const YamlNode& node) {
    std::string path = "watches." + name.text;
    Section section(faults_, &node, path);
    if (!section.present()) {
      if (node.kind == YamlNode::Kind::kNull) faults_.add(name, path + " needs where: or text:");
      return;
    }
    WatchDefinition out;
    out.rule.name = name.text;
    rule(section, name, path, out.rule);
    section.texts("by", out.rule.by);
    sources(section, name, path, out.sources);
    section.duration("window", out.window, {kWindowMin, kWindowMax});
    section.number("threshold", out.threshold, {1, 1'000'000'000'000});
    section.duration("for", out.pending_for, {Millis(0), kWindowMax});
    section.number("sample", out.samples, {0, 100});
    if (auto word = section.word("severity", {"info", "warning", "critical"})) {
      out.severity = static_cast<WatchDefinition::Severity>(*word);
    }
    section.texts("notify", out.notify);
    forward(section.child("forward"), path + ".forward", out);
    section.finish();
    out_.definitions.push_back(std::move(out));
  }

  void rule(Section& section, const YamlNode& name, const std::string& path, watch::Rule& rule) {
    const YamlNode* where = section.child("where");
    const YamlNode* text = section.child("text");
    if (!where && !text)
      return faults_.add(name, path + " needs where: or text:, e.g. where: {status: '5\\d{2}'}");
    auto fields = where ? read_where(faults_, *where, path + ".where") : std::nullopt;
    auto whole = text ? read_text_rule(faults_, *text, path + ".text") : std::nullopt;
    if (fields && whole)
      rule.where = watch::Condition::all({std::move(*whole), std::move(*fields)});
    else if (fields || whole)
      rule.where = std::move(fields ? *fields : *whole);
  }

  void sources(Section& section, const YamlNode& name, const std::string& path,
               std::vector<WatchSource>& out) {
    const YamlNode* node = section.child("sources");
    if (!places_) return;
    std::string at = path + ".sources";
    if (!node) return faults_.add(name, at + " is missing; e.g. [{cluster: main, topics: [access-log]}]");
    if (node->kind != YamlNode::Kind::kSequence || node->items.empty()) {
      return faults_.add(*node, at + " must be a list such as [{cluster: main, topics: [access-log]}]");
    }
    for (size_t item : node->items) source(faults_.document[item], at, out);
  }

  void source(const YamlNode& node, const std::string& path, std::vector<WatchSource>& out) {
    Section section(faults_, &node, path);
    WatchSource source;
    std::string start, zone = "UTC", sls;
    section.text("cluster", source.cluster);
    section.texts("topics", source.topics);
    section.text("sls", sls);
    section.texts("files", source.files);
    section.texts("exclude", source.exclude);
    section.text("stdin", source.standard_input);
    section.text("start", start);
    section.text("zone", zone);
    section.finish();
    if (!section.present()) return;
    int kinds = 0;
    for (const char* key : {"cluster", "sls", "files", "stdin"}) kinds += section.child(key) != nullptr;
    if (kinds != 1) {
      return faults_.add(node, path +
                                   ": one of cluster (with topics), sls, files and stdin is needed; e.g. "
                                   "{cluster: main, topics: [access-log]}");
    }
    if (!start.empty()) {
      auto at = start_at(start, zone);
      if (!at)
        return faults_.add(*section.child("start"), fmt::format("{}.start: {}", path, at.error().message));
      source.start = *at;
    }
    if (section.child("sls")) return projects(node, path, sls, source.start, out);
    if (section.child("files")) return files(node, path, std::move(source), out);
    if (section.child("stdin")) return standard_input(*section.child("stdin"), path, std::move(source), out);
    const YamlNode& cluster = *section.child("cluster");
    if (source.topics.empty() && is_sls(source.cluster))
      return projects(cluster, path, source.cluster, source.start, out);
    if (!known(cluster, path, source.cluster)) return;
    if (source.topics.empty()) return faults_.add(node, path + ": topics is missing; e.g. [access-log]");
    add(node, path, std::move(source), out);
  }

  bool is_sls(const std::string& project) const {
    const auto& all = places_->projects;
    return std::find(all.begin(), all.end(), project) != all.end();
  }

  bool known(const YamlNode& node, const std::string& path, const std::string& cluster) {
    const auto& all = places_->names;
    if (std::find(all.begin(), all.end(), cluster) != all.end()) return true;
    if (is_sls(cluster)) return false;  // an entry that is left out, which was said
    std::vector<std::string_view> names(all.begin(), all.end());
    std::string near = suggestion(cluster, names);
    faults_.add(node, fmt::format("{}: there is no cluster \"{}\"{} Configured: {}", path, cluster,
                                  near.empty() ? "." : near,
                                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
    return false;
  }

  /// Every logstore of one project of `sls:`, or of all.
  void projects(const YamlNode& node, const std::string& path, const std::string& project,
                source::StartAt start, std::vector<WatchSource>& out) {
    bool any = is_sls(project);
    for (const ClusterConfig& cluster : places_->clusters) {
      if (!cluster.sls || (project != "all" && project != cluster.name)) continue;
      any = true;
      WatchSource source;
      source.cluster = cluster.name;
      source.topics = cluster.sls->logstores;
      source.start = start;
      add(node, path, std::move(source), out);
    }
    if (any || (project == "all" && !places_->projects.empty())) return;
    faults_.add(node, fmt::format("{}: there is no project \"{}\" in sls: (or SLS_PROJECTS); \"all\" stands "
                                  "for every one",
                                  path, project));
  }

  void add(const YamlNode& node, const std::string& path, WatchSource source, std::vector<WatchSource>& out) {
    std::sort(source.topics.begin(), source.topics.end());
    source.topics.erase(std::unique(source.topics.begin(), source.topics.end()), source.topics.end());
    for (const auto& topic : source.topics) start_agrees(node, path, source.cluster, topic, source.start);
    out.push_back(std::move(source));
  }

  void files(const YamlNode& node, const std::string& path, WatchSource source,
             std::vector<WatchSource>& out) {
    if (source.files.empty()) return faults_.add(node, path + ".files is empty; e.g. [/var/log/app/*.log]");
    if (source.start.kind == source::StartAt::Kind::kTime)
      return faults_.add(node, path + ": files begin at begin or end, their lines have no time");
    // All files are followed together.
    start_agrees(node, path, "", "", source.start);
    out.push_back(std::move(source));
  }

  void standard_input(const YamlNode& node, const std::string& path, WatchSource source,
                      std::vector<WatchSource>& out) {
    if (!is_watch_name(source.standard_input))
      return faults_.add(node, path + ".stdin: a name for what comes there is needed; e.g. {stdin: app}");
    if (!out_.standard_input.empty() && out_.standard_input != source.standard_input)
      return faults_.add(node, fmt::format("{}.stdin: another watch calls it \"{}\"; there is only one", path,
                                           out_.standard_input));
    out_.standard_input = source.standard_input;
    out.push_back(std::move(source));
  }

  /// Rules of one topic are read together.
  void start_agrees(const YamlNode& node, const std::string& path, const std::string& cluster,
                    const std::string& topic, source::StartAt start) {
    auto [known, is_new] = starts_.try_emplace({cluster, topic}, start);
    if (!is_new && (known->second.kind != start.kind || known->second.time_ms != start.time_ms)) {
      std::string where = topic.empty() ? "files" : topic + " of " + cluster;
      faults_.add(node, fmt::format("{}: another watch begins elsewhere in {}; {} one start", path, where,
                                    topic.empty() ? "files have" : "a topic has"));
    }
  }

  void forward(const YamlNode* node, const std::string& path, WatchDefinition& out) {
    if (!node) return;
    Section section(faults_, node, path);
    WatchForward forward;
    section.text("cluster", forward.cluster);
    section.text("topic", forward.topic);
    section.text("syslog", forward.syslog);
    section.finish();
    if (!section.present()) return;
    bool kafka = !forward.cluster.empty() || !forward.topic.empty();
    if (kafka == !forward.syslog.empty() || (kafka && (forward.cluster.empty() || forward.topic.empty()))) {
      return faults_.add(*node,
                         path + " must be {cluster: NAME, topic: NAME} or {syslog: \"udp://127.0.0.1:514\"}");
    }
    if (kafka && places_ &&
        std::find(places_->names.begin(), places_->names.end(), forward.cluster) == places_->names.end()) {
      return faults_.add(*node, fmt::format("{}: there is no cluster \"{}\"", path, forward.cluster));
    }
    if (!kafka) {
      auto address = sink::parse_syslog_url(forward.syslog);
      if (!address) return faults_.add(*node, path + ".syslog: " + address.error().message);
    }
    for (const auto& source : out.sources) {
      bool loops =
          kafka && source.cluster == forward.cluster &&
          std::find(source.topics.begin(), source.topics.end(), forward.topic) != source.topics.end();
      if (loops)
        return faults_.add(
            *node, path + ": the watch reads this topic itself; its records would come back for ever");
    }
    out.forward = std::move(forward);
  }

  ConfigFaults& faults_;
  const WatchPlaces* places_;
  WatchConfig& out_;
  std::map<std::pair<std::string, std::string>, source::StartAt> starts_;  ///< by cluster and topic
};

}  // namespace

void read_watches(ConfigFaults& faults, const WatchSections& sections, const WatchPlaces* places,
                  WatchConfig& out) {
  WatchReader reader(faults, places, out);
  reader.watches(sections.watches);
  reader.engine(sections.watch);
  reader.redact(sections.redact);
}

tl::expected<WatchConfig, std::vector<Diagnostic>> parse_watches(std::string_view text,
                                                                 const ConfigWorld& world) {
  auto document = parse_yaml(text);
  if (!document) return tl::make_unexpected(std::vector{document.error()});
  ConfigFaults faults{*document, world.variable};
  WatchConfig config;
  Section file(faults, &(*document)[document->root], "");
  WatchSections sections{file.child("watches"), file.child("watch"), file.child("redact")};
  if (!sections.watches && faults.found.empty())
    faults.found.push_back({1, 1, "the key \"watches\" is missing"});
  read_watches(faults, sections, nullptr, config);
  if (faults.found.empty()) return config;
  std::stable_sort(faults.found.begin(), faults.found.end());
  if (faults.found.size() > kDiagnosticsMax) faults.found.resize(kDiagnosticsMax);
  return tl::make_unexpected(std::move(faults.found));
}

Result<source::StartAt> start_at(std::string_view text, std::string_view zone) {
  using Kind = source::StartAt::Kind;
  if (text == "begin") return source::StartAt{Kind::kBegin, 0};
  if (text == "end") return source::StartAt{Kind::kEnd, 0};
  std::string copy(text);
  int part[6] = {}, used = 0;
  int got = std::sscanf(copy.c_str(), "%4d-%2d-%2d %2d:%2d:%2d%n", &part[0], &part[1], &part[2], &part[3],
                        &part[4], &part[5], &used);
  bool local = got == 6 && static_cast<size_t>(used) == copy.size() &&
               std::all_of(part, part + 6, [](int n) { return n >= 0; });
  if (local)
    copy = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", part[0], part[1], part[2], part[3], part[4],
                       part[5]);
  auto parser = decode::TimeParser::make(local ? "yyyy-MM-dd HH:mm:ss" : "rfc3339", zone);
  if (!parser) return tl::make_unexpected(std::move(parser.error()));
  auto time = parser->parse(copy);
  if (time.fault != decode::TimeFault::kNone) {
    return fail(
        Errc::kInvalid,
        fmt::format(
            "\"{}\" is no start ({}); begin, end, 2026-01-31T12:00:00Z or \"2026-01-31 12:00:00\" with zone: "
            "are allowed",
            text, decode::time_fault_text(time.fault)));
  }
  return source::StartAt{Kind::kTime, time.ms};
}

}  // namespace waybill::cli
