#pragma once
// Walks a YAML tree key by key and gathers faults. Helper of config.cc.

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/values.h"
#include "cli/yaml.h"

namespace waybill::cli {

/// The faults found so far, and what reading scalars needs.
struct ConfigFaults {
  const YamlDocument& document;
  const Lookup& variable;
  std::vector<Diagnostic> found{};

  void add(const YamlNode& at, std::string message) {
    found.push_back({at.line, at.column, std::move(message)});
  }
};

struct IntRange {
  int64_t min;
  int64_t max;
};
struct DurationRange {
  Millis min;
  Millis max;
};

/// A map of the file. Each getter marks its key as known; a key that is absent or null leaves `out` as it is.
/// Faults go to ConfigFaults with the place of the value. Views and references live as long as the document.
class Section {
 public:
  /// `node` null: every key is absent. A node that is no map is a fault. `path` is for messages, empty for
  /// the whole file.
  Section(ConfigFaults& faults, const YamlNode* node, std::string path);

  const YamlNode* child(std::string_view key);
  void text(std::string_view key, std::string& out);
  void duration(std::string_view key, Millis& out, DurationRange allowed);
  void size(std::string_view key, int64_t& out, IntRange allowed);
  template <class Int>
  void number(std::string_view key, Int& out, IntRange allowed) {
    int64_t value = out;
    number_of(key, value, allowed);
    out = static_cast<Int>(value);
  }
  void texts(std::string_view key, std::vector<std::string>& out);
  /// Index of the value in `words`, or nullopt when absent or a fault.
  std::optional<size_t> word(std::string_view key, std::initializer_list<std::string_view> words);

  /// Says which keys are unknown. Call it last.
  void finish();
  bool present() const { return node_ != nullptr; }
  std::string where(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  }

 private:
  void number_of(std::string_view key, int64_t& out, IntRange allowed);
  ConfigFaults& faults_;
  const YamlNode* node_;
  std::string path_;
  std::vector<std::string_view> known_;
};

/// The text of a scalar with its variables replaced; nullopt (and a fault) when it is none.
std::optional<std::string> scalar(ConfigFaults& faults, const YamlNode& node, std::string_view what);

}  // namespace waybill::cli
