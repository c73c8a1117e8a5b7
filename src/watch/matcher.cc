#include "watch/matcher.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace waybill::watch {
namespace {

constexpr uint32_t kRuleBit = 1u << 31;
constexpr uint32_t kNoLine = UINT32_MAX;
/// Several passes over a piece find it in the second-level cache.
constexpr size_t kPieceBytes = 128 << 10;

/// The line around a byte of a block; remembers the last one.
class LineOf {
 public:
  explicit LineOf(std::string_view block) : block_(block) {}
  uint32_t begin_of(size_t at) {
    if (at < begin_ || at >= end_) {
      const char* data = block_.data();
      auto* before = static_cast<const char*>(memrchr(data, '\n', at));
      begin_ = before ? static_cast<size_t>(before - data) + 1 : 0;
      auto* after = static_cast<const char*>(std::memchr(data + at, '\n', block_.size() - at));
      end_ = after ? static_cast<size_t>(after - data) + 1 : block_.size();
    }
    return static_cast<uint32_t>(begin_);
  }

 private:
  std::string_view block_;
  size_t begin_ = 0, end_ = 0;
};

std::string_view line_at(std::string_view block, size_t begin) {
  auto* end = static_cast<const char*>(std::memchr(block.data() + begin, '\n', block.size() - begin));
  return block.substr(begin, end ? static_cast<size_t>(end - block.data()) - begin : std::string_view::npos);
}

int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

}  // namespace

Matcher::Matcher(const RuleSet& rules)
    : rules_(rules),
      literal_scratch_(rules.literals().scratch()),
      pattern_scratch_(rules.patterns().scratch()),
      escape_scratch_(rules.escapes().scratch()),
      fields_(rules.fields()),
      atom_line_(rules.atom_count(), kNoLine),
      atom_stamp_(rules.atom_count(), 0),
      rule_stamp_(rules.rules().size(), 0),
      certain_(rules.rules().size()) {}

ScanCounts Matcher::scan(std::string_view block, size_t readable_after, MatchSink& sink) {
  counts_ = {};
  size_t at = 0;
  while (at < block.size()) {
    size_t size = block.size() - at;
    if (size > kPieceBytes) {  // whole lines
      size_t end = block.rfind('\n', at + kPieceBytes - 1);
      if (end == std::string_view::npos || end < at) end = block.find('\n', at + kPieceBytes);
      size = (end == std::string_view::npos ? block.size() : end + 1) - at;
    }
    scan_piece(block, at, block.substr(at, size), readable_after, sink);
    at += size;
  }
  return counts_;
}

void Matcher::scan_piece(std::string_view block, size_t at, std::string_view piece, size_t readable_after,
                         MatchSink& sink) {
  BlockFacts facts = look_at(piece);
  counts_.lines += facts.newlines + (piece.back() != '\n');
  counts_.bytes += static_cast<int64_t>(piece.size());
  piece_offset_ = at;
  size_t after = block.size() - at - piece.size() + readable_after;
  find(piece, facts);
  if (rules_.unfiltered().empty()) {
    confirm_candidates(piece, after, sink);
  } else {
    confirm_every(piece, after, sink);
  }
}

ScanCounts Matcher::match(std::string_view message, size_t readable_after, MatchSink& sink) {
  counts_ = {};
  counts_.lines = 1;
  counts_.bytes = static_cast<int64_t>(message.size());
  piece_offset_ = 0;
  ++stamp_;
  candidates_.clear();
  for (uint32_t rule = 0; rule < rules_.rules().size(); ++rule) wake(rule | kRuleBit, stamp_);
  confirm(message, 0, readable_after, sink);
  return counts_;
}

/// Fills finds_, sorted by line.
void Matcher::find(std::string_view block, const BlockFacts& facts) {
  finds_.clear();
  std::fill(atom_line_.begin(), atom_line_.end(), kNoLine);
  LineOf lines(block);
  auto found = [&](uint64_t to, uint32_t atom) {
    uint32_t line = lines.begin_of(to - 1);
    if (atom_line_[atom] == line) return;
    atom_line_[atom] = line;
    finds_.push_back({line, atom});
  };
  rules_.literals().scan(block, literal_scratch_, found);
  rules_.patterns().scan(block, pattern_scratch_, found);
  if (rules_.wants_escapes() && (facts.backslash || (facts.beyond_ascii && rules_.wants_folds())))
    find_escapes(block);
  auto by_line = [](const Find& a, const Find& b) { return a.line < b.line; };
  if (!std::is_sorted(finds_.begin(), finds_.end(), by_line))
    std::stable_sort(finds_.begin(), finds_.end(), by_line);
}

void Matcher::find_escapes(std::string_view block) {
  LineOf lines(block);
  auto wake_all = [&](size_t at, std::span<const uint32_t> rules) {
    if (rules.empty()) return;
    uint32_t line = lines.begin_of(at);
    for (uint32_t rule : rules) finds_.push_back({line, rule | kRuleBit});
  };
  rules_.escapes().scan(block, escape_scratch_, [&](uint64_t to, uint32_t id) {
    if (id == RuleSet::kAsciiEscape) {
      int c = hex_digit(block[to - 2]) * 16 + hex_digit(block[to - 1]);
      wake_all(to - 1, rules_.rules_of_escape(static_cast<unsigned char>(c)));
    } else {
      wake_all(to - 1, id == RuleSet::kFoldedLetter ? rules_.rules_of_folds() : rules_.rules_beyond_ascii());
    }
  });
}

/// Marks what a find tells about the present line.
void Matcher::wake(uint32_t what, uint32_t stamp) {
  auto candidate = [&](uint32_t rule, bool certain) {
    if (rule_stamp_[rule] != stamp) {
      rule_stamp_[rule] = stamp;
      candidates_.push_back(rule);
      certain_[rule] = false;
    }
    if (certain) certain_[rule] = true;
  };
  if (what & kRuleBit) return candidate(what & ~kRuleBit, true);
  atom_stamp_[what] = stamp;
  for (uint32_t rule : rules_.rules_of_atom(what)) candidate(rule, false);
}

void Matcher::confirm_candidates(std::string_view block, size_t readable_after, MatchSink& sink) {
  for (size_t i = 0; i < finds_.size();) {
    uint32_t begin = finds_[i].line;
    ++stamp_;
    candidates_.clear();
    for (; i < finds_.size() && finds_[i].line == begin; ++i) wake(finds_[i].what, stamp_);
    std::string_view line = line_at(block, begin);
    confirm(line, begin, block.size() - begin - line.size() + readable_after, sink);
  }
}

void Matcher::confirm_every(std::string_view block, size_t readable_after, MatchSink& sink) {
  size_t i = 0;
  for (size_t begin = 0; begin < block.size();) {
    std::string_view line = line_at(block, begin);
    ++stamp_;
    candidates_.clear();
    for (uint32_t rule : rules_.unfiltered()) wake(rule | kRuleBit, stamp_);
    for (; i < finds_.size() && finds_[i].line == begin; ++i) wake(finds_[i].what, stamp_);
    confirm(line, begin, block.size() - begin - line.size() + readable_after, sink);
    begin += line.size() + 1;
  }
}

bool Matcher::may_hold(uint32_t index) const {
  const RuleSet::Node& node = rules_.node(index);
  auto part = [this](uint32_t p) { return may_hold(p); };
  switch (node.kind) {
    case Condition::Kind::kAll:
      return std::all_of(node.parts.begin(), node.parts.end(), part);
    case Condition::Kind::kAny:
      return std::any_of(node.parts.begin(), node.parts.end(), part);
    case Condition::Kind::kNot:
      return true;
    default:
      return !node.atom || atom_stamp_[*node.atom] == stamp_;
  }
}

bool Matcher::holds(uint32_t index, std::string_view line) const {
  const RuleSet::Node& node = rules_.node(index);
  auto part = [&](uint32_t p) { return holds(p, line); };
  switch (node.kind) {
    case Condition::Kind::kAll:
      return std::all_of(node.parts.begin(), node.parts.end(), part);
    case Condition::Kind::kAny:
      return std::any_of(node.parts.begin(), node.parts.end(), part);
    case Condition::Kind::kNot:
      return !holds(node.parts[0], line);
    case Condition::Kind::kField:
      return rules_.tester(node.tester).field(fields_.value(node.field));
    case Condition::Kind::kText:
      return rules_.tester(node.tester).text(line);
  }
  return false;
}

/// The second stage for the candidates_ of one line.
void Matcher::confirm(std::string_view line, size_t offset, size_t readable_after, MatchSink& sink) {
  if (candidates_.size() > 1) std::sort(candidates_.begin(), candidates_.end());
  bool parsed = false, is_object = false;
  auto parse = [&] {
    if (!parsed) {
      parsed = true;
      ++counts_.parsed;
      is_object = fields_.parse(line, readable_after) == decode::LineState::kObject;
      counts_.malformed += !is_object;
    }
    return is_object;
  };
  for (uint32_t rule : candidates_) {
    if (!certain_[rule] && !may_hold(rules_.root(rule))) continue;
    if (rules_.needs_json(rule) && !parse()) continue;
    if (!holds(rules_.root(rule), line)) continue;
    bool has_fields = rules_.by_of(rule).empty() ? parsed && is_object : parse();
    sink.matched({rule, line, piece_offset_ + offset, has_fields ? &fields_ : nullptr});
  }
}

}  // namespace waybill::watch
