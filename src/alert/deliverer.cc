#include "alert/deliverer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alert/tables.h"

namespace waybill::alert {
namespace {

using flow::Filter;

constexpr double kBurst = 20;  ///< requests at once after a quiet time

}  // namespace

Deliverer::Deliverer(flow::Store& store, const Clock& clock, flow::OwnerId owner, std::string name,
                     int64_t per_minute, std::unique_ptr<Notifier> notifier, DeliveryFigures& figures,
                     LogFn log)
    : store_(store),
      clock_(clock),
      owner_(std::move(owner)),
      name_(std::move(name)),
      per_minute_(per_minute),
      notifier_(std::move(notifier)),
      figures_(figures),
      log_(std::move(log)),
      allowance_(kBurst) {}

Result<void> Deliverer::take() {
  auto owned = store_.take("alerts/deliver/" + name_, owner_);
  if (!owned) return tl::make_unexpected(std::move(owned.error()));
  epoch_ = owned->epoch;
  refresh_ms_ = 0;
  return {};
}

Result<std::vector<Deliverer::Waiting>> Deliverer::read() {
  auto page = store_.query(
      {.table = &queue_table(), .where = {{"notifier", Filter::Op::kEq, name_}}, .limit = kQueuePage});
  if (!page) return tl::make_unexpected(std::move(page.error()));
  std::vector<Waiting> out;
  for (const auto& row : page->rows) {
    Waiting one{flow::number(row.key[1]), flow::number(row.values[1]),
                parse_notice(flow::text(row.values[0]))};
    if (done_.contains(one.sequence)) continue;
    if (one.notice.id.empty()) {
      ++figures_.dropped;
      done_.insert(one.sequence);
    } else {
      out.push_back(std::move(one));
    }
  }
  return out;
}

std::vector<Deliverer::Waiting> Deliverer::batch_of(std::vector<Waiting> all) const {
  std::vector<Waiting> batch;
  std::set<std::string> ids;
  const size_t most = one_by_one_ ? 1 : kNoticesPerRequest;
  for (Waiting& one : all) {
    if (batch.size() >= most) break;
    if (!batch.empty() && one.notice.rule != batch.front().notice.rule) continue;
    if (!ids.insert(one.notice.id).second) break;  // firing and resolved in two requests
    batch.push_back(std::move(one));
  }
  return batch;
}

Result<void> Deliverer::erase_done() {
  if (done_.empty()) return {};
  flow::Changes changes;
  for (int64_t sequence : done_)
    changes.rows.push_back({&queue_table(), flow::RowChange::Op::kErase, {name_, sequence}, {}});
  flow::TaskCommit commit{
      .task = "alerts/deliver/" + name_, .epoch = epoch_, .positions = {}, .changes = &changes};
  auto results = store_.commit({&commit, 1});
  if (!results) return tl::make_unexpected(std::move(results.error()));
  if (results->front() == flow::CommitResult::kFenced) {
    epoch_ = -1;
    return fail(Errc::kFenced, "another process delivers");
  }
  done_.clear();
  return {};
}

bool Deliverer::may_send(Now now) {
  const double passed = static_cast<double>(std::max<int64_t>(0, now.steady_ms - allowance_ms_));
  allowance_ = std::min(kBurst, allowance_ + passed * static_cast<double>(per_minute_) / 60'000.0);
  allowance_ms_ = now.steady_ms;
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

bool Deliverer::step() {
  const Now now = clock_.now();
  if (epoch_ < 0 || !backoff_.due(now.steady_ms)) return false;
  // What was answered goes first: were it still there after a crash, it would be sent again.
  if (auto gone = erase_done(); !gone) {
    if (gone.error().code != Errc::kFenced) backoff_.failed(now.steady_ms);
    return false;
  }
  auto all = read();
  if (!all) {
    backoff_.failed(now.steady_ms);
    return false;
  }
  std::erase_if(*all, [&](const Waiting& one) {
    if (now.wall_ms - one.at_ms < kGiveUpAfter.count()) return false;
    ++figures_.dropped;
    return done_.insert(one.sequence).second;
  });
  figures_.waiting = static_cast<int64_t>(all->size());
  auto batch = batch_of(std::move(*all));
  if (batch.empty()) {
    refresh(now);
    return false;
  }
  if (!may_send(now)) return false;
  std::vector<Notice> notices;
  for (const Waiting& one : batch) notices.push_back(one.notice);
  note(notifier_->send(notices, now), batch, clock_.now());
  if (auto gone = erase_done(); !gone && gone.error().code != Errc::kFenced) backoff_.failed(now.steady_ms);
  return backoff_.due(clock_.now().steady_ms);
}

void Deliverer::note(const Sent& sent, std::vector<Waiting>& batch, Now now) {
  if (sent.outcome == Sent::Outcome::kDone) {
    for (const Waiting& one : batch) done_.insert(one.sequence);
    figures_.delivered += static_cast<int64_t>(batch.size());
    figures_.waiting -= static_cast<int64_t>(batch.size());
    ++figures_.requests;
    backoff_.succeeded();
    one_by_one_ = false;
    if (down_) log_(LogLevel::kInfo, fmt::format("notifier {}: takes alerts again", name_));
    down_ = false;
    return;
  }
  ++figures_.failures;
  if (!down_)
    log_(LogLevel::kWarn,
         fmt::format("notifier {}: alerts wait, they will be sent again: {}", name_, sent.error));
  down_ = true;
  if (sent.outcome == Sent::Outcome::kRefused) {
    if (batch.size() > 1) {
      one_by_one_ = true;
    } else {
      refusals_ = batch.front().sequence == refused_sequence_ ? refusals_ + 1 : 1;
      refused_sequence_ = batch.front().sequence;
      if (refusals_ >= kRefusalsMax) {
        log_(LogLevel::kError, fmt::format("notifier {}: refuses an alert of {} for good, it is dropped: {}",
                                           name_, batch.front().notice.rule, sent.error));
        done_.insert(batch.front().sequence);
        ++figures_.dropped;
      }
    }
  }
  backoff_.failed(now.steady_ms);
}

void Deliverer::refresh(Now now) {
  const int64_t every = notifier_->refresh_every().count();
  if (every == 0 || now.steady_ms < refresh_ms_) return;
  refresh_ms_ = now.steady_ms + every;
  auto firing =
      store_.query({.table = &alert_table(),
                    .where = {{"state", Filter::Op::kEq, std::string(state_name(State::kFiring))}}});
  auto mutes = store_.query({.table = &mute_table(), .where = {{"until_ms", Filter::Op::kGt, now.wall_ms}}});
  if (!firing || !mutes) return;
  std::set<std::string> muted;
  for (const auto& row : mutes->rows) muted.insert(flow::text(row.key[0]));
  std::map<std::string, std::vector<Notice>> by_rule;
  for (const auto& row : firing->rows) {
    const auto& v = row.values;
    const std::string& id = flow::text(row.key[0]);
    auto receivers = nlohmann::json::parse(flow::text(v[8]), nullptr, false);
    auto labels = nlohmann::json::parse(flow::text(v[3]), nullptr, false);
    if (flow::number(v[16]) == 0 || muted.contains(id) || !labels.is_object() || !receivers.is_array() ||
        std::find(receivers.begin(), receivers.end(), name_) == receivers.end())
      continue;
    Notice n{.id = id, .rule = flow::text(v[0])};
    n.labels = labels.get<Labels>();
    const auto* amount = std::get_if<double>(&v[9]);
    n.value = amount ? *amount : 0;
    n.summary = flow::text(v[4]);
    n.description = flow::text(v[5]);
    n.evidence = flow::text(v[6]);
    n.link = flow::text(v[7]);
    n.starts_ms = flow::number(v[12]);
    by_rule[n.rule].push_back(std::move(n));
  }
  for (auto& [rule, notices] : by_rule) {
    for (size_t at = 0; at < notices.size(); at += kNoticesPerRequest) {
      if (!may_send(now)) return;
      auto part = std::span(notices).subspan(at, std::min(kNoticesPerRequest, notices.size() - at));
      if (Sent sent = notifier_->send(part, now); sent.outcome != Sent::Outcome::kDone) {
        ++figures_.failures;
        refresh_ms_ = now.steady_ms + 5'000;
        return;
      }
    }
  }
}

Result<int64_t> count_waiting(flow::Store& store, const std::string& notifier) {
  int64_t count = 0;
  flow::Query query{
      .table = &queue_table(), .where = {{"notifier", Filter::Op::kEq, notifier}}, .limit = 1'000};
  do {
    auto page = store.query(query);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    count += static_cast<int64_t>(page->rows.size());
    query.cursor = page->next.value_or("");
  } while (!query.cursor.empty());
  return count;
}

}  // namespace waybill::alert
