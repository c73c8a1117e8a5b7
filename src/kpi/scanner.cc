#include "kpi/scanner.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/utf8.h"

namespace waybill::kpi {
namespace {

using decode::JsonField;
using decode::JsonKind;

/// The longest prefix of at most `max` bytes that cuts no character.
std::string_view cut(std::string_view text, size_t max) {
  if (text.size() <= max) return text;
  size_t size = max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::string_view reason_text(Reason reason) {
  switch (reason) {
    case Reason::kBroken:
      return "broken";
    case Reason::kTooLong:
      return "too_long";
    case Reason::kTime:
      return "time";
    case Reason::kFuture:
      return "future";
    case Reason::kDuration:
      return "duration";
    case Reason::kMissing:
      return "missing";
    case Reason::kNumber:
      return "not_a_number";
    case Reason::kRange:
      return "out_of_range";
    case Reason::kId:
      return "id";
    case Reason::kStepOrder:
      return "step_order";
    case Reason::kIdsFull:
      return "ids_full";
  }
  return "broken";
}

Scanner::Scanner(std::shared_ptr<const Program> program)
    : program_(std::move(program)), parsers_(program_->parsers()), times_(program_->times().size()) {
  for (const Kpi& kpi : program_->kpis()) windows_.push_back(program_->windows_of(kpi));
  begin(0);
}

void Scanner::begin(int64_t now_ms) {
  now_ms_ = now_ms;
  partial_ = Partial{};
  partial_.kpis.resize(program_->kpis().size());
  recent_.assign(program_->kpis().size(), Recent{});
}

Partial Scanner::take() {
  Partial done = std::move(partial_);
  begin(now_ms_);
  return done;
}

void Scanner::bad_line(Reason reason, int64_t place, std::string_view text) {
  ++partial_.lines;
  ++partial_.malformed;
  place_ = place;
  problem(kNoKpi, reason, 0, "", text);
}

void Scanner::line(std::span<const JsonField> fields, int64_t place) {
  ++partial_.lines;
  fields_ = fields;
  place_ = place;
  known_tests_ = 0;
  known_times_ = 0;
  const std::vector<Kpi>& kpis = program_->kpis();
  for (size_t i = 0; i < kpis.size(); ++i) {
    if (all_hold(kpis[i].tests)) kpi_line(i, kpis[i]);
  }
}

std::string_view Scanner::text(const JsonField& field) {
  if (field.kind == JsonKind::kText) return field.text();
  if (field.kind != JsonKind::kInteger) return {};
  auto [end, error] = std::to_chars(digits_, digits_ + sizeof digits_, field.integer);
  (void)error;
  return {digits_, static_cast<size_t>(end - digits_)};
}

bool Scanner::holds(uint8_t test) {
  const uint64_t bit = uint64_t{1} << test;
  if (!(known_tests_ & bit)) {
    known_tests_ |= bit;
    true_tests_ = evaluate(program_->tests()[test]) ? true_tests_ | bit : true_tests_ & ~bit;
  }
  return true_tests_ & bit;
}

bool Scanner::evaluate(const Test& test) {
  const JsonField* found = field(test.slots);
  if (test.op == Condition::Op::kExists) return found;
  if (test.op == Condition::Op::kMissing) return !found;
  if (!found) return test.op == Condition::Op::kIsNot;
  if (found->kind == JsonKind::kOther) return test.op == Condition::Op::kIsNot;
  const std::string_view value = text(*found);
  for (const std::string& wanted : test.values) {
    const bool fits = test.op == Condition::Op::kPrefix ? value.starts_with(wanted) : value == wanted;
    if (fits) return test.op != Condition::Op::kIsNot;
  }
  return test.op == Condition::Op::kIsNot;
}

const Scanner::TimeNow& Scanner::time(uint8_t index) {
  TimeNow& now = times_[index];
  const uint32_t bit = uint32_t{1} << index;
  if (known_times_ & bit) return now;
  known_times_ |= bit;
  const TimeSpec& spec = program_->times()[index];
  const JsonField* found = field(spec.slots);
  now.missing = !found;
  if (!found) {
    now.time = {0, decode::TimeFault::kEmpty};
  } else if (found->kind == JsonKind::kOther) {
    now.time = {0, decode::TimeFault::kShape};
  } else {
    std::string_view value = text(*found);
    if (spec.prefix > 0) value = value.substr(0, spec.prefix);
    now.time = parsers_[index].parse(value);
  }
  return now;
}

void Scanner::problem(size_t kpi, Reason reason, uint8_t detail, std::string_view field,
                      std::string_view sample_text) {
  ProblemKey key{static_cast<uint8_t>(kpi), reason, detail, std::string(field)};
  Problem& entry = partial_.problems[key];
  if (entry.count++ > 0) return;
  entry.first_place = place_;
  entry.sample = to_utf8(sample_text.substr(0, kSampleBytesMax));
}

std::string_view Scanner::sample(const Slots& slots) {
  const JsonField* found = field(slots);
  return found ? text(*found) : std::string_view{};
}

void Scanner::kpi_line(size_t index, const Kpi& kpi) {
  const TimeNow& now = time(kpi.time);
  if (now.time.fault != decode::TimeFault::kNone) {
    const TimeSpec& spec = program_->times()[kpi.time];
    return problem(index, Reason::kTime, static_cast<uint8_t>(now.time.fault), spec.field,
                   sample(spec.slots));
  }
  const int64_t ms = now.time.ms;
  if (ms > now_ms_ && ms - now_ms_ > kpi.definition.future_ms) {
    const TimeSpec& spec = program_->times()[kpi.time];
    return problem(index, Reason::kFuture, 0, spec.field, sample(spec.slots));
  }
  KpiPart& part = partial_.kpis[index];
  Recent& recent = recent_[index];
  if (ms < recent.span.start_ms || ms >= recent.span.end_ms || !recent.window) {
    recent.span = windows_[index].at(ms);
    auto& window = part.windows[recent.span.start_ms];
    if (!window) {
      window = std::make_unique<WindowPart>();
      window->end_ms = recent.span.end_ms;
    }
    recent.window = window.get();
    std::fill(std::begin(recent.groups), std::end(recent.groups), nullptr);
  }
  if (part.newest_ms != INT64_MIN && recent.span.end_ms <= part.newest_ms - kpi.definition.lateness_ms) {
    ++part.too_late;
    // What is wrong with the line is told as it is of one that an earlier block made late.
    late_.cells.clear();
    late_.cells.resize(kpi.measures.size());
    values(index, kpi, late_);
    if (kpi.by_step_values) (void)step_of(index, kpi);
    return;
  }
  const int64_t newest_ms = std::exchange(part.newest_ms, std::max(part.newest_ms, ms));
  ++recent.window->lines;
  Group& into = group(index, kpi);
  ++into.lines;
  values(index, kpi, into);
  if (!kpi.by_step_values) return;
  if (auto at = step_of(index, kpi)) {
    part.steps.push_back({std::string(text(*field(kpi.id))), key_, ms, newest_ms, recent.span.start_ms,
                          recent.span.end_ms, *at});
  }
}

void Scanner::build_key(const Kpi& kpi) {
  key_.clear();
  for (size_t i = 0; i < kpi.by.size(); ++i) {
    if (i > 0) key_.push_back(kKeySeparator);
    const JsonField* found = field(kpi.by[i]);
    if (!found) continue;
    const std::string_view value = cut(text(*found), kGroupPartBytesMax);
    const size_t at = key_.size();
    key_.append(value);
    for (size_t j = at; j < key_.size(); ++j) {
      // A NUL ends texts of some databases.
      if (key_[j] == kKeySeparator || key_[j] == '\0') key_[j] = ' ';
    }
  }
}

Group& Scanner::group(size_t index, const Kpi& kpi) {
  Recent& recent = recent_[index];
  if (kpi.by.size() <= 1 && !kpi.by_step_values) {
    // A key that is the text itself needs no building to be found.
    const JsonField* found = kpi.by.empty() ? nullptr : field(kpi.by[0]);
    const std::string_view plain = found ? text(*found) : std::string_view{};
    for (size_t i = 0; i < Recent::kGroups; ++i) {
      if (recent.groups[i] && recent.keys[i] == plain) return *recent.groups[i];
    }
  }
  build_key(kpi);
  for (size_t i = 0; i < Recent::kGroups; ++i) {
    if (recent.groups[i] && recent.keys[i] == key_) return *recent.groups[i];
  }
  auto& slot = recent.window->groups[key_];
  if (!slot) {
    slot = std::make_unique<Group>();
    slot->met = recent.window->groups.size() - 1;
    slot->cells.resize(kpi.measures.size());
  }
  const size_t at = recent.turn++ % Recent::kGroups;
  recent.keys[at] = key_;
  recent.groups[at] = slot.get();
  return *slot;
}

void Scanner::values(size_t index, const Kpi& kpi, Group& group) {
  for (size_t i = 0; i < kpi.measures.size(); ++i) {
    const Measure& measure = kpi.measures[i];
    if (measure.kind >= ValueDef::Kind::kReached || !all_hold(measure.tests)) continue;
    Cell& cell = group.cells[i];
    if (measure.kind == ValueDef::Kind::kCount) {
      ++cell.count;
    } else if (measure.kind == ValueDef::Kind::kNumber) {
      number(index, measure, cell);
    } else {
      duration(index, measure, cell);
    }
  }
}

void Scanner::number(size_t index, const Measure& measure, Cell& cell) {
  const JsonField* found = field(measure.number);
  if (!found) return problem(index, Reason::kMissing, 0, measure.field, "");
  int64_t value = found->integer;
  if (found->kind != JsonKind::kInteger) {
    const std::string_view digits = text(*found);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range)
      return problem(index, Reason::kRange, 0, measure.field, digits);
    if (error != std::errc() || end != digits.data() + digits.size())
      return problem(index, Reason::kNumber, 0, measure.field, digits);
  }
  if (value < measure.number_min || value > measure.number_max)
    return problem(index, Reason::kRange, 0, measure.field, text(*found));
  measure.sketch ? cell.add_sketched(value) : cell.add(value);
}

void Scanner::duration(size_t index, const Measure& measure, Cell& cell) {
  for (uint8_t which : {measure.from, measure.to}) {
    const TimeNow& now = time(which);
    if (now.time.fault == decode::TimeFault::kNone) continue;
    const TimeSpec& spec = program_->times()[which];
    return problem(index, Reason::kDuration, static_cast<uint8_t>(now.time.fault), spec.field,
                   sample(spec.slots));
  }
  const int64_t ms = times_[measure.to].time.ms - times_[measure.from].time.ms;
  measure.sketch ? cell.add_sketched(ms) : cell.add(ms);
}

std::optional<uint8_t> Scanner::step_of(size_t index, const Kpi& kpi) {
  const JsonField* name = field(kpi.step);
  if (!name) return std::nullopt;
  const auto& order = kpi.definition.steps->order;
  const auto at = std::find(order.begin(), order.end(), text(*name));
  if (at == order.end()) return std::nullopt;
  const JsonField* id = field(kpi.id);
  const std::string_view id_text = id ? text(*id) : std::string_view{};
  if (id_text.empty() || id_text.size() > kIdBytesMax) {
    problem(index, Reason::kId, 0, kpi.definition.steps->id.names.front(), id_text);
    return std::nullopt;
  }
  return static_cast<uint8_t>(at - order.begin());
}

}  // namespace waybill::kpi
