#include "watch/marks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "watch/tester.h"

namespace waybill::watch {
namespace {

constexpr size_t kSpansMax = 10'000;  // before they are joined

using Span = std::pair<size_t, size_t>;  ///< bytes, [first, second)

/// The raw value that begins at `at` of a JSON text: without its quotes, up to where it ends or is cut off.
Span raw_value(std::string_view json, size_t at) {
  if (at < json.size() && json[at] == '"') {
    size_t end = ++at;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    return {at, std::min(end, json.size())};
  }
  return {at, std::min(json.find_first_of(",}] \t\r\n", at), json.size())};
}

/// Values of members called `name`, at any depth.
std::vector<Span> values_of(std::string_view json, std::string_view name) {
  std::vector<Span> out;
  const std::string key = '"' + std::string(name) + '"';
  for (size_t at = 0; (at = json.find(key, at)) != std::string_view::npos && out.size() < kMarksMax;) {
    at += key.size();
    const size_t colon = json.find_first_not_of(" \t\r\n", at);
    if (colon == std::string_view::npos || json[colon] != ':') continue;
    const size_t value = json.find_first_not_of(" \t\r\n", colon + 1);
    if (value != std::string_view::npos) out.push_back(raw_value(json, value));
  }
  return out;
}

/// UTF-16 code units of what lies before each place. `places` ascend.
class Units {
 public:
  explicit Units(std::string_view text) : text_(text) {}
  int64_t before(size_t byte) {
    for (; at_ < byte && at_ < text_.size(); ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      units_ += (c & 0xC0) == 0x80 ? 0 : c >= 0xF0 ? 2 : 1;
    }
    return units_;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
  int64_t units_ = 0;
};

}  // namespace

struct Marker::Asked {
  std::string member;  ///< of the last part of the field's path; empty = the whole text
  Tester tester;
};

Marker::Marker(const Condition& where) { collect(where); }
Marker::~Marker() = default;
Marker::Marker(Marker&&) noexcept = default;

void Marker::collect(const Condition& where) {
  switch (where.kind) {
    case Condition::Kind::kField:
      asked_.push_back({where.field.substr(where.field.rfind('.') + 1), Tester(where.test)});
      return;
    case Condition::Kind::kText:
      asked_.push_back({{}, Tester(where.test)});
      return;
    case Condition::Kind::kAll:
    case Condition::Kind::kAny:
      for (const Condition& part : where.parts) collect(part);
      return;
    case Condition::Kind::kNot:
      return;
  }
}

std::vector<Mark> Marker::marks(std::string_view sample) const {
  std::vector<Span> spans;
  for (const Asked& asked : asked_) {
    const std::vector<Span> places =
        asked.member.empty() ? std::vector<Span>{{0, sample.size()}} : values_of(sample, asked.member);
    for (const Span& place : places) {
      const std::string_view text = sample.substr(place.first, place.second - place.first);
      asked.tester.each_match(text, [&](size_t from, size_t to) {
        if (spans.size() < kSpansMax) spans.emplace_back(place.first + from, place.first + to);
      });
    }
  }
  std::sort(spans.begin(), spans.end());
  std::vector<Span> joined;
  for (const Span& span : spans) {
    if (!joined.empty() && span.first <= joined.back().second) {
      joined.back().second = std::max(joined.back().second, span.second);
    } else {
      joined.push_back(span);
    }
  }
  if (joined.size() > kMarksMax) joined.resize(kMarksMax);
  Units units(sample);
  std::vector<Mark> out;
  for (const auto& [from, to] : joined) {
    const int64_t first = units.before(from);
    out.push_back({first, units.before(to)});
  }
  return out;
}

}  // namespace waybill::watch
