#include "alert/book.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "alert/tables.h"

namespace waybill::alert {
namespace {

using flow::number;
using flow::RowChange;
using flow::text;

double real(const flow::Value& value) {
  const auto* whole = std::get_if<int64_t>(&value);
  return whole ? static_cast<double>(*whole) : std::get<double>(value);
}

std::string json_text(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class T>
T parsed(const std::string& json) {
  try {
    return nlohmann::json::parse(json).get<T>();
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

constexpr int64_t kPageRows = 1'000;
constexpr std::string_view kSequence = "sequence";  ///< segment

}  // namespace

Book::Book(std::vector<Rule> rules) : rules_(std::move(rules)) {
  for (size_t i = 0; i < rules_.size(); ++i) rule_of_[rules_[i].name] = i;
}

Result<void> Book::restore(flow::Store& store, const flow::SegmentReader& segments) {
  auto sequence = segments.read(kSequence);
  if (!sequence && sequence.error().code != Errc::kNotFound)
    return tl::make_unexpected(std::move(sequence.error()));
  if (sequence) {
    auto [end, error] = std::from_chars(sequence->data(), sequence->data() + sequence->size(), sequence_);
    if (error != std::errc() || end != sequence->data() + sequence->size())
      return fail(Errc::kCorrupt, "alert state: the sequence is no number");
  }
  for (State state : {State::kPending, State::kFiring}) {
    flow::Query query{.table = &alert_table(),
                      .where = {{"state", flow::Filter::Op::kEq, std::string(state_name(state))}},
                      .limit = kPageRows};
    do {
      auto page = store.query(query);
      if (!page) return tl::make_unexpected(std::move(page.error()));
      for (const auto& row : page->rows) read(row);
      query.cursor = page->next.value_or("");
    } while (!query.cursor.empty());
  }
  return {};
}

void Book::read(const flow::Page::Row& row) {
  const auto& v = row.values;
  Alert alert;
  alert.rule_name = text(v[0]);
  auto rule = rule_of_.find(alert.rule_name);
  if (rule != rule_of_.end()) alert.rule = rule->second;
  for (Severity s : {Severity::kInfo, Severity::kWarning, Severity::kCritical})
    if (text(v[1]) == severity_name(s)) alert.severity = s;
  alert.state = text(v[2]) == state_name(State::kFiring) ? State::kFiring : State::kPending;
  alert.labels = parsed<Labels>(text(v[3]));
  alert.summary = text(v[4]);
  alert.description = text(v[5]);
  alert.evidence = text(v[6]);
  alert.link = text(v[7]);
  alert.receivers = parsed<std::vector<std::string>>(text(v[8]));
  alert.value = real(v[9]);
  int64_t* times[] = {&alert.since_ms,       &alert.began_ms, &alert.fired_ms, &alert.resolved_ms,
                      &alert.holds_until_ms, &alert.ended_ms, &alert.told_ms};
  for (size_t i = 0; i < std::size(times); ++i) *times[i] = number(v[10 + i]);
  alert.told_value = real(v[17]);
  alert.seen = sweep_;
  alerts_[text(row.key[0])] = std::move(alert);
}

void Book::observe(size_t rule, Observation seen, Now now) {
  const Rule& of = rules_[rule];
  Labels labels = std::move(seen.labels);
  labels["alertname"] = of.name;
  labels["severity"] = severity_name(of.severity);
  const std::string id = fingerprint(labels);
  auto at = alerts_.find(id);
  if (at == alerts_.end()) {
    if (alerts_.size() >= kAlertsMax) {
      ++overflow_;
      return;
    }
    at = alerts_.emplace(id, Alert{}).first;
    at->second.began_ms = at->second.since_ms = now.wall_ms;
    at->second.changed = true;
  }
  Alert& alert = at->second;
  const int64_t until = seen.holds_ms > 0 ? now.wall_ms + seen.holds_ms : 0;
  if (seen.evidence.size() > kEvidenceBytesMax) seen.evidence = "{\"truncated\":true}";
  alert.changed |= alert.value != seen.value || alert.summary != seen.summary ||
                   alert.evidence != seen.evidence || alert.ended_ms != 0 || alert.receivers != of.notify ||
                   until > alert.holds_until_ms + 1'000;
  alert.rule = rule;
  alert.rule_name = of.name;
  alert.severity = of.severity;
  alert.labels = std::move(labels);
  alert.summary = std::move(seen.summary);
  alert.description = std::move(seen.description);
  alert.evidence = std::move(seen.evidence);
  alert.link = std::move(seen.link);
  alert.receivers = of.notify;
  alert.value = seen.value;
  alert.holds_until_ms = until;
  alert.ended_ms = 0;
  alert.seen = sweep_;
}

void Book::begin_sweep(size_t) { ++sweep_; }

void Book::end_sweep(size_t rule, Now now) {
  for (auto& [id, alert] : alerts_) {
    if (alert.rule != rule || alert.seen == sweep_ || alert.ended_ms != 0) continue;
    alert.ended_ms = now.wall_ms;
    alert.changed = true;
  }
}

bool Book::holds(const Alert& alert, int64_t now_ms) const {
  return alert.rule != kNoRule && alert.ended_ms == 0 &&
         (alert.holds_until_ms == 0 || now_ms < alert.holds_until_ms);
}

void Book::advance(const std::set<std::string>& muted, Now now) {
  const int64_t now_ms = now.wall_ms;
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    const std::string& id = it->first;
    Alert& alert = it->second;
    const bool holding = holds(alert, now_ms);
    if (!holding && alert.ended_ms == 0) {
      alert.ended_ms = now_ms;
      alert.changed = true;
    }
    const Millis keep = alert.rule == kNoRule ? Millis(0) : rules_[alert.rule].keep_firing_for;
    bool over = false;
    if (alert.state == State::kPending && !holding) {
      event(id, "inactive", alert.value, now_ms);
      rows_.push_back({&alert_table(), RowChange::Op::kErase, {id}, {}});
      over = true;
    } else if (alert.state == State::kPending &&
               now_ms - alert.began_ms >= rules_[alert.rule].pending_for.count()) {
      alert.fired_ms = now_ms;
      enter(id, alert, State::kFiring, now_ms);
    } else if (alert.state == State::kPending && alert.changed && alert.since_ms == now_ms) {
      event(id, state_name(State::kPending), alert.value, now_ms);
    }
    if (alert.state == State::kFiring && !holding && now_ms - alert.ended_ms >= keep.count()) {
      alert.resolved_ms = now_ms;
      enter(id, alert, State::kResolved, now_ms);
      if (alert.told_ms != 0) tell(id, alert, true, now_ms);
      write(id, alert);
      over = true;
    } else if (alert.state == State::kFiring && !muted.contains(id) && wants_telling(alert, now_ms)) {
      tell(id, alert, false, now_ms);
    }
    it = over ? alerts_.erase(it) : std::next(it);
  }
}

bool Book::wants_telling(const Alert& alert, int64_t now_ms) const {
  if (alert.rule == kNoRule) return false;
  const Rule& rule = rules_[alert.rule];
  if (alert.told_ms == 0 || now_ms - alert.told_ms >= rule.repeat_interval.count()) return true;
  return rule.tells_growth && alert.value > alert.told_value &&
         now_ms - alert.told_ms >= kGrowthEvery.count();
}

void Book::enter(const std::string& id, Alert& alert, State state, int64_t now_ms) {
  alert.state = state;
  alert.since_ms = now_ms;
  alert.changed = true;
  event(id, state_name(state), alert.value, now_ms);
}

void Book::event(const std::string& id, std::string_view state, double value, int64_t now_ms) {
  rows_.push_back({&event_table(), RowChange::Op::kUpsert, {id, now_ms, std::string(state)}, {value}});
}

int64_t Book::next_sequence(int64_t now_ms) { return sequence_ = std::max(sequence_ + 1, now_ms * 1000); }

void Book::tell(const std::string& id, Alert& alert, bool resolved, int64_t now_ms) {
  Notice notice{id,
                resolved,
                alert.rule_name,
                alert.severity,
                alert.labels,
                alert.value,
                alert.summary,
                alert.description,
                alert.evidence,
                alert.link,
                alert.fired_ms,
                resolved ? now_ms : 0};
  const std::string body = notice_text(notice);
  for (const auto& name : alert.receivers) {
    if (waiting_[name] >= kQueueMax) {
      ++dropped_;
      continue;
    }
    ++waiting_[name];
    touched_.insert(name);
    rows_.push_back({&queue_table(), RowChange::Op::kUpsert, {name, next_sequence(now_ms)}, {body, now_ms}});
  }
  alert.told_ms = now_ms;
  alert.told_value = alert.value;
  alert.changed = true;
}

void Book::write(const std::string& id, const Alert& a) {
  rows_.push_back({&alert_table(),
                   RowChange::Op::kUpsert,
                   {id},
                   {a.rule_name, std::string(severity_name(a.severity)), std::string(state_name(a.state)),
                    json_text(a.labels), a.summary, a.description, a.evidence, a.link, json_text(a.receivers),
                    a.value, a.since_ms, a.began_ms, a.fired_ms, a.resolved_ms, a.holds_until_ms, a.ended_ms,
                    a.told_ms, a.told_value, a.state == State::kResolved ? a.resolved_ms : int64_t{0}}});
}

void Book::flush(flow::Changes& changes) {
  for (auto& [id, alert] : alerts_) {
    if (alert.changed) write(id, alert);
    alert.changed = false;
  }
  std::move(rows_.begin(), rows_.end(), std::back_inserter(changes.rows));
  rows_.clear();
  if (sequence_ == stored_sequence_) return;
  changes.segments.push_back(
      {flow::SegmentChange::Op::kReplace, std::string(kSequence), std::to_string(sequence_)});
  stored_sequence_ = sequence_;
}

Book::Figures Book::figures() const {
  Figures out{.overflow = overflow_, .dropped = dropped_};
  for (const auto& [id, alert] : alerts_) ++(alert.state == State::kFiring ? out.firing : out.pending);
  return out;
}

std::set<std::string> Book::take_touched() { return std::exchange(touched_, {}); }

}  // namespace waybill::alert
