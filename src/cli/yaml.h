#pragma once
// A YAML file as a tree that knows its places. The one door to yaml-cpp.

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace waybill::cli {

/// A fault at a place of a file. Line and column count from 1.
struct Diagnostic {
  int line = 1;
  int column = 1;
  std::string message;  ///< what is wrong, what is allowed; without secrets
  auto operator<=>(const Diagnostic&) const = default;
  /// "FILE:LINE:COLUMN: MESSAGE"
  std::string str(std::string_view file) const;
};

inline constexpr size_t kYamlBytesMax = 8 << 20;
inline constexpr int kYamlDepthMax = 16;
inline constexpr size_t kYamlNodesMax = 500'000;  ///< 60 MB; 10,000 watches have 120,000
inline constexpr size_t kYamlAliasesMax = 100;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap } kind = Kind::kNull;
  int line = 1;
  int column = 1;
  std::string text;                                ///< kScalar
  std::vector<size_t> items;                       ///< kSequence: nodes
  std::vector<std::pair<size_t, size_t>> entries;  ///< kMap: key (a scalar) and value; keys are unique
};

/// Nodes refer to each other by index; an alias is the index of what it stands for, and there are no cycles.
struct YamlDocument {
  std::vector<YamlNode> nodes;
  size_t root = 0;
  const YamlNode& operator[](size_t index) const { return nodes[index]; }
};

/// The first document of `text`; an empty text is an empty map. Any bytes give a document or a Diagnostic, in
/// bounded time and memory. Refused: what is no YAML, more than one document, duplicate keys, keys that are
/// no scalars, more than the limits.
tl::expected<YamlDocument, Diagnostic> parse_yaml(std::string_view text);

}  // namespace waybill::cli
