#include "cli/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>

namespace waybill::cli {
namespace {

/// Thrown inside the handler only, because yaml-cpp drives it; caught in parse_yaml.
struct Stop {
  Diagnostic diagnostic;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlDocument document;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(mark, anchor, YamlNode::Kind::kNull, {});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // Plain scalars have the tag "?", quoted ones "!". A plain null word is an absent value, as everywhere in
    // YAML.
    bool is_null = tag == "?" && (value == "~" || value == "null" || value == "Null" || value == "NULL");
    leaf(mark, anchor, is_null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar, value);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (++aliases_ > kYamlAliasesMax)
      stop(mark, fmt::format("too many aliases; at most {} are allowed", kYamlAliasesMax));
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) stop(mark, "an alias inside of what it stands for; write the value out");
    attach(mark, it->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { shut(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { shut(); }

  [[noreturn]] static void stop(const YAML::Mark& mark, std::string message) {
    throw Stop{{mark.line + 1, mark.column + 1, std::move(message)}};
  }

 private:
  struct Open {
    size_t node;
    YAML::anchor_t anchor;
    std::optional<size_t> key;         ///< of a map whose value comes next
    std::map<std::string, int> lines;  ///< keys so far
  };

  size_t make(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (document.nodes.size() == kYamlNodesMax)
      stop(mark, fmt::format("too large; at most {} values are allowed", kYamlNodesMax));
    document.nodes.push_back({.kind = kind,
                              .line = mark.line + 1,
                              .column = mark.column + 1,
                              .text = {},
                              .items = {},
                              .entries = {}});
    return document.nodes.size() - 1;
  }

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind, const std::string& text) {
    size_t node = make(mark, kind);
    document.nodes[node].text = text;
    if (anchor) anchors_[anchor] = node;
    attach(mark, node);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (open_.size() == static_cast<size_t>(kYamlDepthMax)) {
      stop(mark, fmt::format("nested too deeply; at most {} levels are allowed", kYamlDepthMax));
    }
    if (!open_.empty() && expects_key()) stop(mark, "a key must be a plain word");
    open_.push_back({make(mark, kind), anchor, std::nullopt, {}});
  }

  void shut() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor) anchors_[done.anchor] = done.node;
    const YamlNode& node = document.nodes[done.node];
    YAML::Mark mark;
    mark.line = node.line - 1;
    mark.column = node.column - 1;
    attach(mark, done.node);
  }

  bool expects_key() const {
    return document.nodes[open_.back().node].kind == YamlNode::Kind::kMap && !open_.back().key;
  }

  void attach(const YAML::Mark& mark, size_t node) {
    if (open_.empty()) {
      document.root = node;
      return;
    }
    Open& into = open_.back();
    YamlNode& parent = document.nodes[into.node];
    if (parent.kind == YamlNode::Kind::kSequence) {
      parent.items.push_back(node);
    } else if (into.key) {
      parent.entries.emplace_back(*into.key, node);
      into.key.reset();
    } else {
      const YamlNode& key = document.nodes[node];
      if (key.kind != YamlNode::Kind::kScalar) stop(mark, "a key must be a plain word");
      auto [it, fresh] = into.lines.emplace(key.text, mark.line + 1);
      if (!fresh)
        stop(mark,
             fmt::format("\"{}\" is set already in line {}; a key may be set once", key.text, it->second));
      into.key = node;
    }
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, size_t> anchors_;
  size_t aliases_ = 0;
};

}  // namespace

std::string Diagnostic::str(std::string_view file) const {
  return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

tl::expected<YamlDocument, Diagnostic> parse_yaml(std::string_view text) {
  if (text.size() > kYamlBytesMax) {
    return tl::make_unexpected(
        Diagnostic{1, 1, fmt::format("the file is larger than {} bytes", kYamlBytesMax)});
  }
  TreeBuilder builder;
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    bool any = parser.HandleNextDocument(builder);
    if (!any || builder.document.nodes.empty() ||
        builder.document[builder.document.root].kind == YamlNode::Kind::kNull) {
      builder.document = {
          .nodes = {YamlNode{.kind = YamlNode::Kind::kMap, .text = {}, .items = {}, .entries = {}}},
          .root = 0};
    }
    TreeBuilder second;
    if (any && parser.HandleNextDocument(second)) {
      const YamlNode& at = second.document[second.document.root];
      return tl::make_unexpected(Diagnostic{at.line, at.column, "a second document; one is allowed"});
    }
  } catch (const Stop& stopped) {
    return tl::make_unexpected(stopped.diagnostic);
  } catch (const YAML::Exception& e) {
    return tl::make_unexpected(
        Diagnostic{std::max(0, e.mark.line) + 1, std::max(0, e.mark.column) + 1, "not YAML: " + e.msg});
  }
  return std::move(builder.document);
}

}  // namespace waybill::cli
