#include "cli/ledger_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/search_config.h"
#include "cli/suggest.h"

namespace waybill::cli {
namespace {

constexpr Millis kDay{86'400'000};

class LedgerReader {
 public:
  LedgerReader(ConfigFaults& faults, const std::vector<std::string>* clusters,
               const std::vector<search::Server>& servers)
      : faults_(faults), clusters_(clusters), servers_(servers) {}

  LedgerSettings read(const YamlNode& key, const YamlNode& node) {
    LedgerSettings out;
    out.name = key.text;
    path_ = "ledgers." + key.text;
    if (key.text.empty() || key.text.size() > 100 || key.text.find('/') != std::string::npos)
      faults_.add(key, fmt::format("{}: a ledger's name has 1 to 100 bytes and no '/'", path_));
    out.source.group = "waybill-ledger-" + key.text;
    if (node.kind == YamlNode::Kind::kSequence) {
      read_producers(node, out);
    } else if (node.kind == YamlNode::Kind::kMap && is_settings(node)) {
      read_settings(node, out);
    } else if (node.kind == YamlNode::Kind::kMap) {
      read_named_producers(node, out);
    } else if (node.kind == YamlNode::Kind::kScalar) {
      faults_.add(node,
                  fmt::format("{} must be a list of producers, or a map with producers, discover, source ...",
                              path_));
    }
    if (out.producers.empty()) out.discover = true;
    return out;
  }

 private:
  static constexpr std::string_view kKeys[] = {"producers", "discover", "source", "deadline",
                                               "horizon",   "bucket",   "format", "index"};

  const YamlNode& at(size_t index) const { return faults_.document[index]; }

  /// Whether a map has settings; else its keys are producers, as some wrote their dictionaries.
  bool is_settings(const YamlNode& node) const {
    if (node.entries.empty()) return true;
    return std::any_of(node.entries.begin(), node.entries.end(),
                       [this](const auto& entry) {
                         const YamlNode& key = at(entry.first);
                         return std::find(std::begin(kKeys), std::end(kKeys), key.text) != std::end(kKeys);
                       }) ||
           std::any_of(node.entries.begin(), node.entries.end(), [this](const auto& entry) {
             return at(entry.second).kind == YamlNode::Kind::kScalar;
           });
  }

  void read_settings(const YamlNode& node, LedgerSettings& out) {
    Section section(faults_, &node, path_);
    if (const YamlNode* producers = section.child("producers")) {
      if (producers->kind == YamlNode::Kind::kMap) {
        read_named_producers(*producers, out);
      } else {
        read_producers(*producers, out);
      }
    }
    if (auto discover = section.word("discover", {"false", "true"})) out.discover = *discover == 1;
    section.duration("deadline", out.deadline, {Millis(1000), 7 * kDay});
    section.duration("horizon", out.horizon, {Millis(1000), 30 * kDay});
    section.duration("bucket", out.bucket, {Millis(1000), kDay});
    if (out.horizon < out.deadline)
      faults_.add(
          node,
          fmt::format("{}: the horizon ({}) is shorter than the deadline ({}); as long or longer is allowed",
                      path_, duration_text(out.horizon), duration_text(out.deadline)));
    read_format(section.child("format"), out.format);
    read_source(section.child("source"), out.source);
    const YamlNode* index = section.child("index");
    if (clusters_) read_index(faults_, index, path_ + ".index", servers_, "audit-tmm", out.index);
    section.finish();
  }

  void read_format(const YamlNode* node, ledger::LineFormat& format) {
    if (node && node->kind == YamlNode::Kind::kScalar) {
      auto preset = scalar(faults_, *node, path_ + ".format");
      if (preset && *preset != "tmm")
        faults_.add(*node, fmt::format("{}.format: \"{}\" is not allowed; tmm, or a map of field names, is",
                                       path_, *preset));
      return;
    }
    Section section(faults_, node, path_ + ".format");
    section.word("preset", {"tmm"});
    section.text("type", format.type);
    section.text("produce", format.produce_type);
    section.text("consume", format.consume_type);
    section.text("id", format.uid);
    section.text("producer", format.producer);
    section.text("consumer", format.consumer);
    section.text("produce_time", format.produce_time);
    section.text("consume_time", format.consume_time);
    section.text("status", format.status);
    section.number("sent", format.sent, {INT64_MIN, INT64_MAX});
    std::string envelope = "_source.message";
    section.text("envelope", envelope);
    section.finish();
    format.envelope.clear();
    for (size_t from = 0; !envelope.empty() && from <= envelope.size();) {
      const size_t to = std::min(envelope.find('.', from), envelope.size());
      format.envelope.push_back(envelope.substr(from, to - from));
      from = to + 1;
    }
    if (node && format.produce_type == format.consume_type)
      faults_.add(*node,
                  fmt::format("{}.format: produce and consume are the same value; two are needed", path_));
  }

  void read_source(const YamlNode* node, LedgerSource& source) {
    if (!clusters_) return;
    Section section(faults_, node, path_ + ".source");
    if (section.child("search") || section.child("index")) {
      read_search_source(faults_, *node, path_ + ".source", section, servers_, source.search);
      return section.finish();
    }
    section.text("cluster", source.cluster);
    section.texts("topics", source.topics);
    section.text("group", source.group);
    if (auto plan = section.word("plan", {"whole", "aligned"})) source.aligned = *plan == 1;
    section.finish();
    if (!section.present()) return;
    if (source.cluster.empty() && clusters_->size() == 1) source.cluster = clusters_->front();
    if (std::find(clusters_->begin(), clusters_->end(), source.cluster) == clusters_->end()) {
      std::vector<std::string_view> names(clusters_->begin(), clusters_->end());
      const std::string near = suggestion(source.cluster, names);
      faults_.add(*node, fmt::format("{}.source.cluster: there is no cluster \"{}\"{} Configured: {}", path_,
                                     source.cluster, near.empty() ? "." : near,
                                     names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
    }
    if (source.topics.empty())
      faults_.add(*node, fmt::format("{}.source.topics: at least one topic is needed", path_));
  }

  void read_producers(const YamlNode& node, LedgerSettings& out) {
    if (node.kind != YamlNode::Kind::kSequence)
      return faults_.add(
          node,
          fmt::format("{} must be a list such as [{{name: ID, desc: TEXT, consumers: {{QUEUE: TEXT}}}}]",
                      path_));
    for (size_t item : node.items) {
      ledger::ProducerName producer;
      Section section(faults_, &at(item), path_ + "[]");
      section.text("name", producer.name);
      read_producer(section, at(item), std::move(producer), out);
    }
  }

  /// {ID: {desc: TEXT, consumers: {QUEUE: TEXT}}}
  void read_named_producers(const YamlNode& node, LedgerSettings& out) {
    for (const auto& [key, value] : node.entries) {
      ledger::ProducerName producer;
      producer.name = at(key).text;
      Section section(faults_, &at(value), path_ + "." + producer.name);
      read_producer(section, at(key), std::move(producer), out);
    }
  }

  void read_producer(Section& section, const YamlNode& place, ledger::ProducerName producer,
                     LedgerSettings& out) {
    section.text("desc", producer.desc);
    if (const YamlNode* consumers = section.child("consumers")) read_consumers(*consumers, producer);
    section.finish();
    if (!is_name(producer.name))
      return faults_.add(
          place, fmt::format("{}: a producer needs a name of 1 to {} bytes", path_, ledger::kNameBytesMax));
    auto same = [&producer](const ledger::ProducerName& p) { return p.name == producer.name; };
    if (std::any_of(out.producers.begin(), out.producers.end(), same))
      return faults_.add(
          place, fmt::format("{}: the producer {} is listed twice; once is allowed", path_, producer.name));
    out.producers.push_back(std::move(producer));
  }

  void read_consumers(const YamlNode& node, ledger::ProducerName& producer) {
    if (node.kind == YamlNode::Kind::kMap) {
      for (const auto& [key, value] : node.entries) {
        std::string desc;
        if (at(value).kind != YamlNode::Kind::kNull)
          desc = scalar(faults_, at(value), path_ + ".consumers." + at(key).text).value_or("");
        add_consumer(at(key), at(key).text, std::move(desc), producer);
      }
    } else if (node.kind == YamlNode::Kind::kSequence) {
      for (size_t item : node.items) {
        if (auto name = scalar(faults_, at(item), path_ + ".consumers"))
          add_consumer(at(item), *name, {}, producer);
      }
    } else {
      faults_.add(node, fmt::format("{}.consumers must be a map such as {{QUEUE: TEXT}}, or a list", path_));
    }
  }

  void add_consumer(const YamlNode& place, const std::string& name, std::string desc,
                    ledger::ProducerName& producer) {
    if (!is_name(name))
      return faults_.add(
          place, fmt::format("{}: a consumer needs a name of 1 to {} bytes", path_, ledger::kNameBytesMax));
    auto same = [&name](const ledger::ConsumerName& c) { return c.name == name; };
    if (std::any_of(producer.consumers.begin(), producer.consumers.end(), same))
      return faults_.add(place,
                         fmt::format("{}: the consumer {} is listed twice; once is allowed", path_, name));
    producer.consumers.push_back({name, std::move(desc)});
  }

  static bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= ledger::kNameBytesMax;
  }

  ConfigFaults& faults_;
  const std::vector<std::string>* clusters_;
  const std::vector<search::Server>& servers_;
  std::string path_;
};

}  // namespace

void read_ledgers(ConfigFaults& faults, const YamlNode* node, const std::vector<std::string>* clusters,
                  const std::vector<search::Server>& servers, std::vector<LedgerSettings>& out) {
  if (!node) return;
  if (node->kind != YamlNode::Kind::kMap)
    return faults.add(*node,
                      "ledgers must be a map of names to ledgers, such as {orders: [{name: ID, consumers: "
                      "{QUEUE: TEXT}}]}");
  LedgerReader reader(faults, clusters, servers);
  for (const auto& [key, value] : node->entries)
    out.push_back(reader.read(faults.document[key], faults.document[value]));
}

tl::expected<std::vector<LedgerSettings>, std::vector<Diagnostic>> parse_ledgers(std::string_view text,
                                                                                 const ConfigWorld& world) {
  auto document = parse_yaml(text);
  if (!document) return tl::make_unexpected(std::vector{document.error()});
  ConfigFaults faults{*document, world.variable};
  Section file(faults, &(*document)[document->root], "");
  std::vector<LedgerSettings> out;
  read_ledgers(faults, file.child("ledgers"), nullptr, {}, out);
  if (faults.found.empty()) return out;
  if (faults.found.size() > kDiagnosticsMax) faults.found.resize(kDiagnosticsMax);
  return tl::make_unexpected(std::move(faults.found));
}

}  // namespace waybill::cli
