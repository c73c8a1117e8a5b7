#include "cli/alert_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "cli/notifier_config.h"
#include "cli/suggest.h"

namespace waybill::cli {
namespace {

using Kind = AlertDefinition::Kind;
using alert::Severity;

constexpr Millis kMinute{60'000}, kDay{86'400'000};
constexpr size_t kNotifiersMax = 64, kAlertRulesMax = 1'000;
constexpr std::string_view kKindNames[] = {
    "lost",       "redelivered", "unconfirmed",     "lag", "latency", "unconsumed", "reporter_vanished",
    "incomplete", "own_lag",     "source_degraded", "kpi"};

/// On without being named.
struct Ready {
  Kind kind;
  Severity severity;
  Millis pending_for;
  std::optional<double> above;
};
constexpr Ready kReady[] = {
    {Kind::kLost, Severity::kCritical, Millis(0), 0},
    {Kind::kUnconsumed, Severity::kCritical, Millis(0), 0},
    {Kind::kVanished, Severity::kWarning, Millis(0), std::nullopt},
    {Kind::kIncomplete, Severity::kWarning, Millis(600'000), std::nullopt},
    {Kind::kOwnLag, Severity::kWarning, Millis(300'000), 100'000},
    {Kind::kDegraded, Severity::kWarning, Millis(60'000), std::nullopt},
};

std::string_view name_of(Kind kind) { return kKindNames[static_cast<size_t>(kind)]; }

bool is_rule_name(std::string_view name) {
  auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), allowed);
}

AlertDefinition defaults_of(Kind kind) {
  AlertDefinition out;
  out.kind = kind;
  for (const Ready& ready : kReady) {
    if (ready.kind != kind) continue;
    out.rule.severity = ready.severity;
    out.rule.pending_for = ready.pending_for;
    out.above = ready.above;
  }
  out.rule.tells_growth = kind == Kind::kLost || kind == Kind::kUnconsumed;
  if (kind == Kind::kUnconfirmed) out.rule.severity = Severity::kInfo;
  if (kind == Kind::kRedelivered || kind == Kind::kLatency) out.min_count = 100;
  if (kind == Kind::kVanished || kind == Kind::kUnconfirmed) out.rule.repeat_interval = kDay;
  return out;
}

class AlertReader {
 public:
  AlertReader(ConfigFaults& faults, const AlertPlaces& places, AlertConfig& out)
      : faults_(faults), places_(places), out_(out) {}

  void notifiers(const YamlNode* node) {
    if (!node) return;
    if (node->kind != YamlNode::Kind::kMap || node->entries.empty() || node->entries.size() > kNotifiersMax)
      return faults_.add(*node, fmt::format("notifiers must be a map of 1 to {} such as {{ops: {{webhook: "
                                            "\"https://alerts.example.com/hook\"}}}}",
                                            kNotifiersMax));
    for (const auto& [key, value] : node->entries) {
      const YamlNode& name = faults_.document[key];
      if (!is_rule_name(name.text)) {
        faults_.add(name,
                    fmt::format("notifiers: \"{}\" is no name; letters, digits, '.', '_' and '-' are allowed",
                                name.text));
        continue;
      }
      names_.push_back(name.text);
      if (auto one = read_notifier(faults_, name, faults_.document[value], places_))
        out_.notifiers.push_back(std::move(*one));
    }
  }

  void alerts(const YamlNode* node) {
    std::map<Kind, bool> named;
    if (node && (node->kind != YamlNode::Kind::kMap || node->entries.size() > kAlertRulesMax))
      return faults_.add(*node, "alerts must be a map such as {lost: {notify: [ops]}}");
    for (const auto& [key, value] : node ? node->entries : decltype(node->entries){}) {
      const YamlNode& name = faults_.document[key];
      if (!is_rule_name(name.text)) {
        faults_.add(name,
                    fmt::format("alerts: \"{}\" is no name; letters, digits, '.', '_' and '-' are allowed",
                                name.text));
      } else if (auto kind = definition(name, faults_.document[value])) {
        named[*kind] = true;
      }
    }
    auto all = ready_alerts();
    for (AlertDefinition& ready : all) {
      if (named[ready.kind]) continue;
      ready.rule.notify = names_;
      out_.definitions.push_back(std::move(ready));
    }
  }

  void watches(const YamlNode* node) {
    for (const WatchDefinition& watch : places_.watch.definitions) {
      const YamlNode& at = place_of(*node, watch.rule.name);
      for (const std::string& name : watch.notify) {
        if (!known(name))
          faults_.add(at, fmt::format("watches.{}.notify: {}", watch.rule.name, no_notifier(name)));
      }
      const auto& all = out_.definitions;
      if (std::any_of(all.begin(), all.end(), [&](const auto& d) { return d.rule.name == watch.rule.name; }))
        faults_.add(at,
                    fmt::format("watches.{}: an alert rule has this name too; alerts are told apart by it",
                                watch.rule.name));
    }
  }

  void url(const YamlNode* node) {
    if (!node) return;
    auto text = scalar(faults_, *node, "external_url");
    if (!text) return;
    if (auto fine = alert::check_url(*text, {"https", "http"}); !fine)
      return faults_.add(*node, "external_url: " + fine.error().message);
    out_.external_url = *text + (text->ends_with('/') ? "" : "/");
  }

 private:
  /// The `notify` of a watch, or its name.
  const YamlNode& place_of(const YamlNode& watches, const std::string& name) const {
    for (const auto& [key, value] : watches.entries) {
      if (faults_.document[key].text != name) continue;
      for (const auto& [inner, node] : faults_.document[value].entries)
        if (faults_.document[inner].text == "notify") return faults_.document[node];
      return faults_.document[key];
    }
    return watches;
  }

  bool known(const std::string& name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }

  std::string no_notifier(const std::string& name) const {
    std::vector<std::string_view> names(names_.begin(), names_.end());
    std::string near = suggestion(name, names);
    return fmt::format("there is no notifier \"{}\"{} Configured: {}", name, near.empty() ? "." : near,
                       names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
  }

  /// The kind that a rule is of, so that the ready one is not added beside it.
  std::optional<Kind> definition(const YamlNode& name, const YamlNode& node) {
    const std::string path = "alerts." + name.text;
    auto named = std::find(std::begin(kKindNames), std::end(kKindNames), name.text);
    std::optional<Kind> kind;
    if (named != std::end(kKindNames)) kind = static_cast<Kind>(named - std::begin(kKindNames));
    if (node.kind == YamlNode::Kind::kScalar && node.text == "off") {
      if (!kind) faults_.add(node, path + ": only a ready rule can be off");
      return kind;
    }
    Section section(faults_, &node, path);
    if (auto word =
            section.word("kind", {"lost", "redelivered", "unconfirmed", "lag", "latency", "unconsumed",
                                  "reporter_vanished", "incomplete", "own_lag", "source_degraded", "kpi"})) {
      if (kind && static_cast<size_t>(*kind) != *word)
        faults_.add(*section.child("kind"), fmt::format("{}.kind: a rule of this name is of its kind", path));
      kind = static_cast<Kind>(*word);
    }
    if (!kind) {
      if (section.present() || node.kind == YamlNode::Kind::kNull)
        faults_.add(name, fmt::format("{}: the key \"kind\" is missing; one of {} is needed", path,
                                      fmt::join(kKindNames, ", ")));
      return std::nullopt;
    }
    AlertDefinition out = defaults_of(*kind);
    out.rule.name = name.text;
    common(section, node, path, out);
    limits(section, node, path, out);
    section.finish();
    out_.definitions.push_back(std::move(out));
    return named != std::end(kKindNames) ? kind : std::nullopt;
  }

  void common(Section& section, const YamlNode& node, const std::string& path, AlertDefinition& out) {
    if (auto word = section.word("severity", {"info", "warning", "critical"})) {
      out.rule.severity = static_cast<Severity>(*word);
      if (out.kind == Kind::kUnconfirmed && *word != 0)
        faults_.add(*section.child("severity"),
                    path + ".severity: unconfirmed is what nobody knows and wakes nobody; info is allowed");
    }
    section.duration("for", out.rule.pending_for, {Millis(0), 30 * kDay});
    section.duration("keep_firing_for", out.rule.keep_firing_for, {Millis(0), 30 * kDay});
    section.duration("repeat_interval", out.rule.repeat_interval, {kMinute, 365 * kDay});
    out.rule.notify = names_;
    section.texts("notify", out.rule.notify);
    for (const auto& name : out.rule.notify) {
      if (!known(name))
        faults_.add(section.child("notify") ? *section.child("notify") : node,
                    path + ".notify: " + no_notifier(name));
    }
  }

  void limits(Section& section, const YamlNode& node, const std::string& path, AlertDefinition& out) {
    const Kind kind = out.kind;
    const bool hop = kind == Kind::kLost || kind == Kind::kRedelivered || kind == Kind::kUnconfirmed ||
                     kind == Kind::kLag || kind == Kind::kLatency;
    if (hop || kind == Kind::kIncomplete) {
      section.texts("clusters", out.clusters);
      section.texts("topics", out.topics);
    }
    if (hop) section.texts("groups", out.groups);
    if (kind == Kind::kRedelivered) {
      auto ratio = real(section, "ratio");
      out.ratio = ratio.value_or(0);
      if (!ratio || *ratio <= 0 || *ratio > 1)
        faults_.add(node, path + ".ratio is needed: more than 0, at most 1, e.g. 0.01");
    } else if (kind == Kind::kLatency) {
      section.number("percentile", out.percentile, {50, 99});
      section.duration("above", out.older.emplace(0), {Millis(1), 30 * kDay});
      if (out.older == Millis(0)) faults_.add(node, path + ".above is needed, e.g. 5s");
      if (out.percentile != 50 && out.percentile != 95 && out.percentile != 99)
        faults_.add(node, path + ".percentile: 50, 95 and 99 are kept");
    } else if (kind == Kind::kLag) {
      out.above = real(section, "above");
      Millis older(0);
      section.duration("older", older, {Millis(1'000), 365 * kDay});
      if (older.count() > 0) out.older = older;
      if (!out.above && !out.older)
        faults_.add(node, path + ": above (messages) or older (e.g. 5m) is needed");
    } else if (kind == Kind::kKpi) {
      kpi(section, node, path, out);
    } else if (kind != Kind::kVanished && kind != Kind::kIncomplete && kind != Kind::kDegraded) {
      if (auto above = real(section, "above")) out.above = above;
      if (!out.above) out.above = 0;
    }
    if (kind == Kind::kRedelivered || kind == Kind::kLatency) {
      section.duration("window", out.window, {kMinute, 2 * kDay});
      section.number("min_count", out.min_count, {1, 1'000'000'000'000});
    }
  }

  void kpi(Section& section, const YamlNode& node, const std::string& path, AlertDefinition& out) {
    section.text("kpi", out.kpi);
    section.text("value", out.value);
    section.text("min_value", out.min_value);
    section.number("min_count", out.min_count, {0, 1'000'000'000'000});
    out.above = real(section, "above");
    out.below = real(section, "below");
    const auto& all = places_.kpi.definitions;
    auto at = std::find_if(all.begin(), all.end(), [&](const auto& d) { return d.name == out.kpi; });
    if (at == all.end())
      return faults_.add(section.child("kpi") ? *section.child("kpi") : node,
                         fmt::format("{}.kpi: there is no KPI \"{}\"", path, out.kpi));
    bool ratio = false;
    auto has = [&](const std::string& name) {
      for (const auto& value : at->values) {
        if (value.name != name) continue;
        ratio = ratio || value.kind == kpi::ValueDef::Kind::kRatio;
        return true;
      }
      return false;
    };
    // A value with several figures is named with its figure: duration_ms.max.
    if (!has(out.value.substr(0, out.value.find('.'))))
      return faults_.add(node,
                         fmt::format("{}.value: the KPI {} has no value \"{}\"", path, out.kpi, out.value));
    if (out.above.has_value() == out.below.has_value())
      return faults_.add(node, path + ": one of above and below is needed");
    if (ratio && (out.min_count == 0 || !has(out.min_value)))
      faults_.add(
          node, path +
                    ": a ratio of few says nothing; min_value (a count of the KPI) and min_count are needed, "
                    "e.g. min_value: total, min_count: 100");
  }

  std::optional<double> real(Section& section, std::string_view key) {
    const YamlNode* node = section.child(key);
    if (!node) return std::nullopt;
    auto text = scalar(faults_, *node, section.where(key));
    if (!text) return std::nullopt;
    double value = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error == std::errc() && end == text->data() + text->size() && std::isfinite(value)) return value;
    faults_.add(*node, fmt::format("{}: \"{}\" is no number", section.where(key), *text));
    return std::nullopt;
  }

  ConfigFaults& faults_;
  const AlertPlaces& places_;
  AlertConfig& out_;
  std::vector<std::string> names_;  ///< of notifiers, those with faults too
};

}  // namespace

std::vector<AlertDefinition> ready_alerts() {
  std::vector<AlertDefinition> all;
  for (const Ready& ready : kReady) {
    all.push_back(defaults_of(ready.kind));
    all.back().rule.name = name_of(ready.kind);
  }
  return all;
}

void read_alerts(ConfigFaults& faults, Section& file, const AlertPlaces& places, AlertConfig& out) {
  AlertReader reader(faults, places, out);
  if (auto locale = file.word("locale", {"en", "zh"})) out.locale = static_cast<alert::Locale>(*locale);
  reader.url(file.child("external_url"));
  reader.notifiers(file.child("notifiers"));
  reader.alerts(file.child("alerts"));
  reader.watches(file.child("watches"));
}

}  // namespace waybill::cli
