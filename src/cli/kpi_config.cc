#include "cli/kpi_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/suggest.h"
#include "kpi/program.h"

namespace waybill::cli {
namespace {

using kpi::Condition;
using kpi::Definition;
using kpi::Dimension;
using kpi::FieldRef;
using kpi::Show;
using kpi::TimeRef;
using kpi::ValueDef;

constexpr size_t kFieldNamesMax = 4;
constexpr size_t kFieldBytesMax = 128;
constexpr size_t kConditionValuesMax = 256;
constexpr Millis kDay{86'400'000};
constexpr std::array kShows = {"count", "sum", "min", "max", "mean", "p50", "p90", "p95", "p99"};

/// Names in results, stores and URLs.
bool is_kpi_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// Reads the KPIs of one file.
class KpiReader {
 public:
  KpiReader(ConfigFaults& faults, const ConfigWorld& world, const std::vector<std::string>* clusters,
            KpiConfig& out)
      : faults_(faults), world_(world), clusters_(clusters), out_(out) {}

  void read(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::kMap)
      return faults_.add(node,
                         "kpis must be a map of names, e.g. {orders: {source: ..., time: ..., values: ...}}");
    for (const auto& [key, value] : node.entries) {
      if (faults_.document[key].text == "defaults") read_defaults(faults_.document[value]);
    }
    for (const auto& [key, value] : node.entries) {
      const YamlNode& name = faults_.document[key];
      if (name.text == "defaults") continue;
      if (!is_kpi_name(name.text)) {
        faults_.add(
            name, fmt::format("kpis: \"{}\" is no name; letters, digits, '_' and '-' are allowed, at most 64",
                              name.text));
      } else {
        read_kpi(name, faults_.document[value]);
      }
    }
    if (out_.definitions.empty() && faults_.found.empty())
      faults_.add(node, "kpis: there is no KPI; at least one is needed");
    if (!faults_.found.empty()) return;
    if (auto program = kpi::Program::compile(out_.definitions); !program)
      faults_.add(node, "kpis: " + program.error().message);
  }

 private:
  void read_defaults(const YamlNode& node) {
    Section section(faults_, &node, "kpis.defaults");
    defaults_.time.format = "rfc3339";
    defaults_.time.zone = "UTC";
    read_common(section, defaults_);
    section.text("group", out_.group);
    if (auto ids = section.word("ids", {"partition", "whole"})) out_.ids = static_cast<KpiConfig::Ids>(*ids);
    Section agents(faults_, section.child("agents"), "kpis.defaults.agents");
    agents.number("expected", out_.agents_expected, {0, 100'000});
    agents.duration("silent", out_.agent_silent, {Millis(1000), kDay});
    agents.text("header", out_.host_header);
    agents.finish();
    section.finish();
  }

  /// What defaults and KPIs share.
  void read_common(Section& section, Definition& kpi) {
    read_source(section, kpi);
    if (const YamlNode* time = section.child("time"))
      kpi.time = read_time(*time, section.where("time"), kpi.time);
    Millis value(kpi.window_ms);
    section.duration("window", value, {Millis(1000), 7 * kDay});
    if (!kpi::Windows::allowed(value.count())) {
      faults_.add(
          *section.child("window"),
          section.where("window") + ": a day must be a multiple of it, or it is 1d or 7d; e.g. 10s, 1m, 1h");
    }
    kpi.window_ms = value.count();
    value = Millis(kpi.lateness_ms);
    section.duration("lateness", value, {Millis(0), 31 * kDay});
    kpi.lateness_ms = value.count();
    value = Millis(kpi.future_ms);
    section.duration("future", value, {Millis(0), 36'500 * kDay});
    kpi.future_ms = value.count();
    section.number("groups", kpi.groups_max, {1, 1'000'000});
  }

  void read_source(Section& section, Definition& kpi) {
    const YamlNode* node = section.child("source");
    if (!node) return;
    Section source(faults_, node, section.where("source"));
    source.text("cluster", kpi.cluster);
    std::string topic;
    source.text("topic", topic);
    if (!topic.empty()) kpi.topics = {topic};
    source.texts("topics", kpi.topics);
    if (const YamlNode* at = source.child("cluster");
        at && clusters_ && std::find(clusters_->begin(), clusters_->end(), kpi.cluster) == clusters_->end()) {
      faults_.add(*at, fmt::format("{}: there is no cluster \"{}\". Configured: {}", source.where("cluster"),
                                   kpi.cluster, fmt::join(*clusters_, ", ")));
    }
    source.finish();
    if (source.present() && (kpi.cluster.empty() || kpi.topics.empty()))
      faults_.add(*node, section.where("source") + ": cluster and topic are needed");
  }

  FieldRef read_field(const YamlNode& node, const std::string& where) {
    auto text = scalar(faults_, node, where);
    return text ? field_of(node, *text, where) : FieldRef{{"?"}};
  }

  FieldRef field_of(const YamlNode& node, std::string_view text, const std::string& where) {
    FieldRef ref;
    for (;;) {
      const size_t end = text.find('|');
      ref.names.emplace_back(text.substr(0, end));
      if (ref.names.back().empty() || ref.names.back().size() > kFieldBytesMax ||
          ref.names.size() > kFieldNamesMax) {
        faults_.add(node,
                    fmt::format("{}: a field is needed, or up to {} names of it such as requestId|RequestId",
                                where, kFieldNamesMax));
        return FieldRef{{"?"}};
      }
      if (end == std::string_view::npos) return ref;
      text.remove_prefix(end + 1);
    }
  }

  TimeRef read_time(const YamlNode& node, const std::string& where, const TimeRef& base) {
    TimeRef ref = base;
    if (node.kind == YamlNode::Kind::kScalar) {
      ref.field = read_field(node, where);
      ref.prefix = 0;
      return ref;
    }
    Section section(faults_, &node, where);
    if (const YamlNode* field = section.child("field"))
      ref.field = read_field(*field, section.where("field"));
    ref.prefix = 0;
    section.number("prefix", ref.prefix, {1, 256});
    section.text("format", ref.format);
    section.text("zone", ref.zone);
    section.finish();
    check_time(node, where, ref);
    return ref;
  }

  void check_time(const YamlNode& node, const std::string& where, const TimeRef& ref) {
    auto parser = decode::TimeParser::make(ref.format, ref.zone);
    if (!parser) faults_.add(node, where + ": " + parser.error().message);
  }

  kpi::Where read_where(const YamlNode* node, const std::string& where) {
    kpi::Where all;
    if (!node) return all;
    if (node->kind != YamlNode::Kind::kMap) {
      faults_.add(*node, where + " must be a map of fields and values, e.g. {status: ok}");
      return all;
    }
    for (const auto& [key, value] : node->entries) {
      const YamlNode& name = faults_.document[key];
      const std::string here = where + "." + name.text;
      read_condition(field_of(name, name.text, here), faults_.document[value], here, all);
    }
    return all;
  }

  /// One value, or a list of them.
  std::vector<std::string> read_values(const YamlNode& node, const std::string& where) {
    std::vector<std::string> values;
    if (node.kind == YamlNode::Kind::kSequence) {
      for (size_t item : node.items) {
        if (auto text = scalar(faults_, faults_.document[item], where)) values.push_back(std::move(*text));
      }
    } else if (auto text = scalar(faults_, node, where)) {
      values.push_back(std::move(*text));
    }
    if (values.size() > kConditionValuesMax)
      faults_.add(node, fmt::format("{}: at most {} values are allowed", where, kConditionValuesMax));
    return values;
  }

  void read_condition(const FieldRef& field, const YamlNode& node, const std::string& where,
                      kpi::Where& out) {
    if (node.kind != YamlNode::Kind::kMap) {
      out.push_back({Condition::Op::kIs, field, read_values(node, where)});
      return;
    }
    Section section(faults_, &node, where);
    if (const YamlNode* other = section.child("not"))
      out.push_back({Condition::Op::kIsNot, field, read_values(*other, section.where("not"))});
    if (const YamlNode* prefix = section.child("prefix"))
      out.push_back({Condition::Op::kPrefix, field, read_values(*prefix, section.where("prefix"))});
    if (auto exists = section.word("exists", {"true", "false"}))
      out.push_back({*exists == 0 ? Condition::Op::kExists : Condition::Op::kMissing, field, {}});
    section.finish();
  }

  void read_kpi(const YamlNode& name, const YamlNode& node) {
    Definition kpi = defaults_;
    kpi.name = name.text;
    if (kpi.time.format.empty()) kpi.time = {{}, 0, "rfc3339", "UTC"};
    const std::string path = "kpis." + name.text;
    if (node.kind != YamlNode::Kind::kMap)
      return faults_.add(name, path + " must be a map with time and values");
    Section section(faults_, &node, path);
    read_common(section, kpi);
    kpi.where = read_where(section.child("where"), section.where("where"));
    if (kpi.time.field.names.empty())
      return faults_.add(
          name, path + ": the key \"time\" is missing; e.g. {field: ts, format: rfc3339, zone: UTC}");
    read_by(section.child("by"), section.where("by"), kpi);
    read_steps(section.child("steps"), section.where("steps"), kpi);
    read_values_of(section.child("values"), name, section.where("values"), kpi);
    section.finish();
    out_.definitions.push_back(std::move(kpi));
  }

  void read_by(const YamlNode* node, const std::string& where, Definition& kpi) {
    if (!node) return;
    if (node->kind != YamlNode::Kind::kSequence)
      return faults_.add(*node, where + " must be a list of fields, e.g. [provinceCode]");
    if (node->items.size() > kpi::kDimensionsMax)
      return faults_.add(*node,
                         fmt::format("{}: at most {} dimensions are allowed", where, kpi::kDimensionsMax));
    for (size_t item : node->items) {
      const YamlNode& at = faults_.document[item];
      Dimension dimension;
      if (at.kind == YamlNode::Kind::kScalar) {
        dimension.field = read_field(at, where);
        dimension.name = dimension.field.names.front();
      } else {
        read_dimension(at, where, dimension);
      }
      kpi.by.push_back(std::move(dimension));
    }
  }

  void read_dimension(const YamlNode& node, const std::string& where, Dimension& out) {
    Section section(faults_, &node, where);
    if (const YamlNode* field = section.child("field")) {
      out.field = read_field(*field, section.where("field"));
    } else {
      faults_.add(node, where + ": the key \"field\" is missing; e.g. {field: provinceCode}");
      out.field.names = {"?"};
    }
    out.name = out.field.names.front();
    section.text("name", out.name);
    if (const YamlNode* lookup = section.child("lookup")) read_lookup(*lookup, section.where("lookup"), out);
    section.finish();
  }

  void read_lookup(const YamlNode& node, const std::string& where, Dimension& out) {
    Section section(faults_, &node, where);
    std::string file;
    std::string key = "code";
    std::string label = "name";
    section.text("file", file);
    section.text("key", key);
    section.text("label", label);
    out.label = label;
    section.text("as", out.label);
    section.finish();
    if (file.empty()) return faults_.add(node, where + ": the key \"file\" is missing; e.g. provinces.csv");
    const std::string path = file.starts_with('/') ? file : world_.folder + file;
    if (!world_.read_table) return;
    auto text = world_.read_table(path, kLookupBytesMax);
    if (!text) return faults_.add(node, where + ": " + text.error().message);
    auto table = parse_lookup(*text, key, label);
    if (!table) return faults_.add(node, fmt::format("{}: {}: {}", where, path, table.error().message));
    out.lookup = std::make_shared<const kpi::Lookup>(std::move(*table));
  }

  void read_steps(const YamlNode* node, const std::string& where, Definition& kpi) {
    if (!node) return;
    Section section(faults_, node, where);
    kpi::StepsDef steps;
    if (const YamlNode* id = section.child("id")) steps.id = read_field(*id, section.where("id"));
    if (const YamlNode* field = section.child("field"))
      steps.field = read_field(*field, section.where("field"));
    section.texts("order", steps.order);
    Millis stuck(steps.stuck_after_ms);
    section.duration("stuck_after", stuck, {Millis(1000), 7 * kDay});
    steps.stuck_after_ms = stuck.count();
    steps.keep_ms = std::max<int64_t>(steps.stuck_after_ms + kpi.lateness_ms, steps.keep_ms);
    Millis keep(steps.keep_ms);
    section.duration("keep", keep, {stuck, 14 * kDay});
    steps.keep_ms = keep.count();
    section.number("ids", steps.ids_max, {1, 1'000'000'000});
    section.finish();
    if (!section.present()) return;
    std::vector<std::string> sorted = steps.order;
    std::sort(sorted.begin(), sorted.end());
    const bool twice = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
    if (steps.id.names.empty() || steps.field.names.empty() || steps.order.size() < 2 ||
        steps.order.size() > kpi::kStepsMax || twice) {
      return faults_.add(*node, fmt::format("{}: id, field and order (2 to {} different steps) are needed",
                                            where, kpi::kStepsMax));
    }
    kpi.steps = std::move(steps);
  }

  void read_values_of(const YamlNode* node, const YamlNode& name, const std::string& where, Definition& kpi) {
    if (!node && kpi.steps) return add_step_values(kpi);
    if (!node || node->kind != YamlNode::Kind::kMap || node->entries.empty())
      return faults_.add(node ? *node : name, where + " must be a map of values, e.g. {total: count}");
    if (node->entries.size() > kpi::kValuesMax)
      return faults_.add(*node, fmt::format("{}: at most {} values are allowed", where, kpi::kValuesMax));
    for (const auto& [key, value] : node->entries) {
      const YamlNode& value_name = faults_.document[key];
      if (!is_kpi_name(value_name.text)) {
        faults_.add(value_name, fmt::format("{}: \"{}\" is no name; letters, digits, '_' and '-' are allowed",
                                            where, value_name.text));
        continue;
      }
      read_value(value_name.text, faults_.document[value], where + "." + value_name.text, kpi);
    }
  }

  /// Without `values` a KPI with steps shows all that can be said of them.
  static void add_step_values(Definition& kpi) {
    const auto& order = kpi.steps->order;
    for (const std::string& step : order)
      kpi.values.push_back({.name = "reached_" + step, .kind = ValueDef::Kind::kReached, .a = step});
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      kpi.values.push_back({.name = order[i + 1] + "_after_ms",
                            .kind = ValueDef::Kind::kBetween,
                            .a = order[i],
                            .b = order[i + 1],
                            .show = {Show::kMin, Show::kMax, Show::kMean, Show::kP50, Show::kP99},
                            .nested = true});
    }
    for (size_t i = 0; i + 1 < order.size(); ++i)
      kpi.values.push_back({.name = "stuck_" + order[i], .kind = ValueDef::Kind::kStuck, .a = order[i]});
  }

  void read_value(const std::string& name, const YamlNode& node, const std::string& where, Definition& kpi) {
    ValueDef value{.name = name};
    if (node.kind == YamlNode::Kind::kScalar) {
      auto text = scalar(faults_, node, where);
      if (text && *text != "count")
        faults_.add(node, fmt::format("{}: \"{}\" is not allowed; count is, or a map such as {{sum: FIELD}}",
                                      where, *text));
      kpi.values.push_back(std::move(value));
      return;
    }
    Section section(faults_, &node, where);
    value.where = read_where(section.child("where"), section.where("where"));
    int kinds =
        read_simple(section, value) + read_number(section, value) + read_duration(section, value, kpi);
    if (kinds != 1) {
      faults_.add(
          node,
          where +
              ": exactly one of count, sum, min, max, mean, p50, p90, p95, p99, number, duration, ratio, "
              "reached, between, stuck is needed");
    }
    read_show(section, value);
    section.finish();
    if (section.present()) kpi.values.push_back(std::move(value));
  }

  int read_simple(Section& section, ValueDef& value) {
    int kinds = 0;
    if (section.word("count", {"lines"})) ++kinds;
    if (section.child("ratio")) {
      std::vector<std::string> parts;
      section.texts("ratio", parts);
      if (parts.size() != 2)
        faults_.add(*section.child("ratio"), section.where("ratio") + " must name two values");
      parts.resize(2);
      value.kind = ValueDef::Kind::kRatio;
      value.a = parts[0];
      value.b = parts[1];
      ++kinds;
    }
    for (auto [key, kind] :
         {std::pair("reached", ValueDef::Kind::kReached), {"stuck", ValueDef::Kind::kStuck}}) {
      if (!section.child(key)) continue;
      section.text(key, value.a);
      value.kind = kind;
      ++kinds;
    }
    if (section.child("between")) {
      std::vector<std::string> parts;
      section.texts("between", parts);
      if (parts.size() != 2 || parts[0] == parts[1])
        faults_.add(*section.child("between"), section.where("between") + " must name two steps");
      parts.resize(2);
      value.kind = ValueDef::Kind::kBetween;
      value.a = parts[0];
      value.b = parts[1];
      ++kinds;
    }
    return kinds;
  }

  int read_number(Section& section, ValueDef& value) {
    int kinds = 0;
    for (size_t i = 1; i < kShows.size(); ++i) {
      const YamlNode* node = section.child(kShows[i]);
      if (!node) continue;
      value.kind = ValueDef::Kind::kNumber;
      value.number = read_field(*node, section.where(kShows[i]));
      value.show = {static_cast<Show>(i)};
      ++kinds;
    }
    if (const YamlNode* node = section.child("number")) {
      value.kind = ValueDef::Kind::kNumber;
      value.number = read_field(*node, section.where("number"));
      ++kinds;
    }
    Section range(faults_, section.child("range"), section.where("range"));
    constexpr int64_t kMax = 1'000'000'000'000'000'000;
    range.number("min", value.number_min, {-kMax, kMax});
    range.number("max", value.number_max, {-kMax, kMax});
    range.finish();
    if (range.present() && value.kind != ValueDef::Kind::kNumber)
      faults_.add(*section.child("range"), section.where("range") + " is for numbers of a field");
    return kinds;
  }

  int read_duration(Section& section, ValueDef& value, const Definition& kpi) {
    const YamlNode* node = section.child("duration");
    if (!node) return 0;
    value.kind = ValueDef::Kind::kDuration;
    Section duration(faults_, node, section.where("duration"));
    const YamlNode* from = duration.child("from");
    const YamlNode* to = duration.child("to");
    if (from) value.from = read_time(*from, duration.where("from"), kpi.time);
    value.to = to ? read_time(*to, duration.where("to"), kpi.time) : kpi.time;
    if (!from) {
      faults_.add(*node, section.where("duration") +
                             ": the key \"from\" is missing; e.g. {from: startTime, to: endTime}");
      value.from = kpi.time;
    }
    duration.finish();
    return 1;
  }

  void read_show(Section& section, ValueDef& value) {
    const bool many = value.kind == ValueDef::Kind::kNumber || value.kind == ValueDef::Kind::kDuration ||
                      value.kind == ValueDef::Kind::kBetween;
    const YamlNode* node = section.child("show");
    if (!node) {
      if (!many || !value.show.empty()) return;
      value.show = {Show::kMin, Show::kMax, Show::kMean};
      value.nested = true;
      return;
    }
    if (!many || !value.show.empty())
      return faults_.add(*node, section.where("show") + " is for number, duration and between");
    value.nested = node->kind == YamlNode::Kind::kSequence;
    for (const std::string& name : read_values(*node, section.where("show"))) {
      auto it = std::find(kShows.begin(), kShows.end(), name);
      if (it == kShows.end()) {
        faults_.add(*node, fmt::format("{}: \"{}\" is not allowed; {} are", section.where("show"), name,
                                       fmt::join(kShows, ", ")));
      } else {
        value.show.push_back(static_cast<Show>(it - kShows.begin()));
      }
    }
    if (value.show.empty()) value.show = {Show::kMean};
  }

  ConfigFaults& faults_;
  const ConfigWorld& world_;
  const std::vector<std::string>* clusters_;
  KpiConfig& out_;
  Definition defaults_;
};

}  // namespace

void read_kpis(ConfigFaults& faults, const YamlNode* node, const ConfigWorld& world,
               const std::vector<std::string>* clusters, KpiConfig& out) {
  if (node) KpiReader(faults, world, clusters, out).read(*node);
}

tl::expected<KpiConfig, std::vector<Diagnostic>> parse_kpis(std::string_view text, const ConfigWorld& world) {
  auto document = parse_yaml(text);
  if (!document) return tl::make_unexpected(std::vector{document.error()});
  ConfigFaults faults{*document, world.variable};
  KpiConfig config;
  Section file(faults, &(*document)[document->root], "");
  const YamlNode* node = file.child("kpis");
  if (!node && faults.found.empty()) faults.found.push_back({1, 1, "the key \"kpis\" is missing"});
  read_kpis(faults, node, world, nullptr, config);
  if (faults.found.empty()) return config;
  std::stable_sort(faults.found.begin(), faults.found.end());
  if (faults.found.size() > kDiagnosticsMax) faults.found.resize(kDiagnosticsMax);
  return tl::make_unexpected(std::move(faults.found));
}

}  // namespace waybill::cli
