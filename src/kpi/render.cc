#include "kpi/render.h"

#include <algorithm>
#include <charconv>

namespace waybill::kpi {
namespace {

constexpr std::string_view kShowNames[] = {"count", "sum", "min", "max", "mean", "p50", "p90", "p95", "p99"};

std::string double_text(double value) {
  char text[40];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  (void)error;
  return {text, end};
}

const Cell kEmpty{};

const Cell& cell_of(const Group& group, int measure) {
  const auto at = static_cast<size_t>(measure);
  return at < group.cells.size() ? group.cells[at] : kEmpty;
}

std::string shown(const Cell& cell, Show show) {
  auto quantile = [&cell](double q) {
    return cell.sketch && cell.sketch->count() > 0 ? std::to_string(cell.sketch->quantile(q))
                                                   : std::string("null");
  };
  switch (show) {
    case Show::kCount:
      return std::to_string(cell.count);
    case Show::kSum:
      return int128_text(cell.sum);
    case Show::kMin:
      return cell.count > 0 ? std::to_string(cell.min) : "null";
    case Show::kMax:
      return cell.count > 0 ? std::to_string(cell.max) : "null";
    case Show::kMean:
      return cell.count > 0 ? double_text(static_cast<double>(cell.sum) / static_cast<double>(cell.count))
                            : "null";
    case Show::kP50:
      return quantile(0.5);
    case Show::kP90:
      return quantile(0.9);
    case Show::kP95:
      return quantile(0.95);
    case Show::kP99:
      return quantile(0.99);
  }
  return "null";
}

/// What a ratio divides: a count of lines, or a sum.
double weight(const Kpi& kpi, const Group& group, int measure) {
  const Cell& cell = cell_of(group, measure);
  const ValueDef::Kind kind = kpi.measures[static_cast<size_t>(measure)].kind;
  const bool summed = kind == ValueDef::Kind::kNumber || kind == ValueDef::Kind::kDuration;
  return summed ? static_cast<double>(cell.sum) : static_cast<double>(cell.count);
}

/// Calls with a name ("" for the value itself) and a text for each figure of a value.
template <class Fn>
void each_figure(const Kpi& kpi, size_t value, const Group& group, Fn fn) {
  const ValueDef& def = kpi.definition.values[value];
  if (def.kind == ValueDef::Kind::kRatio) {
    const auto [a, b] = kpi.ratio_of[value];
    const double below = weight(kpi, group, b);
    return fn(std::string_view{},
              below == 0 ? std::string("null") : double_text(weight(kpi, group, a) / below));
  }
  const Cell& cell = cell_of(group, kpi.measure_of[value]);
  if (def.show.empty()) return fn(std::string_view{}, std::to_string(cell.count));
  for (Show show : def.show) {
    fn(def.nested ? kShowNames[static_cast<size_t>(show)] : std::string_view{}, shown(cell, show));
  }
}

}  // namespace

std::string int128_text(Int128 value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  auto rest = negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  for (; rest > 0; rest /= 10) digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

void append_json_text(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::vector<std::string_view> key_parts(const Kpi& kpi, std::string_view key) {
  std::vector<std::string_view> parts;
  for (size_t i = 0; i < kpi.by.size(); ++i) {
    const size_t end = key.find(kKeySeparator);
    parts.push_back(key.substr(0, end));
    key = end == std::string_view::npos ? std::string_view{} : key.substr(end + 1);
  }
  return parts;
}

void append_by(const Kpi& kpi, std::string_view key, std::string& out) {
  out.push_back('{');
  const std::vector<std::string_view> parts = key_parts(kpi, key);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Dimension& dimension = kpi.definition.by[i];
    if (i > 0) out.push_back(',');
    append_json_text(dimension.name, out);
    out.push_back(':');
    append_json_text(parts[i], out);
    if (!dimension.lookup) continue;
    out.push_back(',');
    append_json_text(dimension.label, out);
    out.push_back(':');
    auto found = dimension.lookup->find(parts[i]);
    if (found == dimension.lookup->end()) {
      out += "null";
    } else {
      append_json_text(found->second, out);
    }
  }
  out.push_back('}');
}

void append_values(const Kpi& kpi, const Group& group, std::string& out) {
  out.push_back('{');
  for (size_t i = 0; i < kpi.definition.values.size(); ++i) {
    if (i > 0) out.push_back(',');
    const ValueDef& def = kpi.definition.values[i];
    append_json_text(def.name, out);
    out.push_back(':');
    if (def.nested) out.push_back('{');
    bool first = true;
    each_figure(kpi, i, group, [&](std::string_view name, const std::string& text) {
      if (def.nested) {
        if (!first) out.push_back(',');
        append_json_text(name, out);
        out.push_back(':');
      }
      out += text;
      first = false;
    });
    if (def.nested) out.push_back('}');
  }
  out.push_back('}');
}

std::vector<std::string> value_headings(const Kpi& kpi) {
  std::vector<std::string> all;
  const Group empty;
  for (size_t i = 0; i < kpi.definition.values.size(); ++i) {
    each_figure(kpi, i, empty, [&](std::string_view name, const std::string&) {
      const std::string& value = kpi.definition.values[i].name;
      all.push_back(name.empty() ? value : value + "." + std::string(name));
    });
  }
  return all;
}

std::vector<std::string> value_texts(const Kpi& kpi, const Group& group) {
  std::vector<std::string> all;
  for (size_t i = 0; i < kpi.definition.values.size(); ++i) {
    each_figure(kpi, i, group, [&](std::string_view, const std::string& text) {
      all.push_back(text == "null" ? "-" : text);
    });
  }
  return all;
}

}  // namespace waybill::kpi
