#include "sink/opensearch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <vector>

#include "base/deadline.h"
#include "sink/bulk.h"

namespace waybill::sink {
namespace {

constexpr size_t kBulkBytes = 8 << 20;  ///< a bulk is ended behind the document that reaches it
constexpr Millis kFirstPause{50};
constexpr Millis kMostPause{800};
constexpr int64_t kTendEveryMs = 3'600'000;
constexpr int64_t kTendRetryMs = 60'000;
constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kShownBytes = 200;
constexpr int kShownRefusals = 5;  ///< of one delivery, each with its id

class OpensearchSink final : public ForwardSink {
 public:
  OpensearchSink(OpensearchSinkOptions options, const Clock& clock, LogFn log)
      : options_(std::move(options)), connection_(options_.server), clock_(clock), log_(std::move(log)) {}

  Delivery deliver(std::span<const ForwardRecord> records, Millis wait) override {
    const Deadline until(wait);
    settled_.erase(settled_.begin(), settled_.lower_bound(records.front().sequence));
    refused_.erase(refused_.begin(), refused_.lower_bound(records.front().sequence));
    std::optional<Error> error;
    shown_ = 0;
    if (auto ready = prepare(); !ready) {
      error = std::move(ready.error());
    } else {
      error = send_all(records, until);
    }
    Delivery delivery;
    for (const ForwardRecord& record : records) {
      if (!settled_.contains(record.sequence)) break;
      ++delivery.done;
      delivery.refused += refused_.contains(record.sequence) ? 1 : 0;
    }
    if (delivery.done < records.size() && (delivery.done == 0 || !busy_)) delivery.error = std::move(error);
    return delivery;
  }

  /// Deletes what is too old.
  Result<SinkState> check(int64_t, Millis) override {
    const int64_t now_ms = clock_.now().steady_ms;
    if (options_.keep_days == 0 || now_ms < tend_ms_) return SinkState::kUnknown;
    auto done = delete_old();
    tend_ms_ = now_ms + (done ? kTendEveryMs : kTendRetryMs);
    if (!done)
      log_(LogLevel::kWarn, options_.alias + ": old indices cannot be deleted: " + done.error().message);
    return SinkState::kUnknown;
  }

  void interrupt() override { connection_.interrupt(); }

 private:
  /// What the last answers have in common: the server is there and has no room.
  bool busy_ = false;

  // ---- before the first document ----

  Result<void> prepare() {
    if (ready_) return {};
    if (!base_) {
      auto base = options_.version_base();
      if (!base) return tl::make_unexpected(std::move(base.error()));
      base_ = *base;
    }
    auto kind = connection_.kind();
    if (!kind) return tl::make_unexpected(std::move(kind.error()));
    typed_ = kind->typed();
    if (auto free = check_alias(); !free) return free;
    auto made = connection_.call("PUT", template_path(*kind, options_.alias),
                                 template_body(*kind, options_.alias, options_.kind));
    if (!made) return tl::make_unexpected(std::move(made.error()));
    if (!made->ok()) return tl::make_unexpected(reply_error(*made).within("template of " + options_.alias));
    log_(LogLevel::kInfo, options_.alias + ": writing to " + kind->text());
    ready_ = true;
    return {};
  }

  /// An index of the alias's name would make the server refuse every document.
  Result<void> check_alias() {
    auto found = connection_.call("GET", "/" + search::path_segment(options_.alias) + "/_alias", {});
    if (!found) return tl::make_unexpected(std::move(found.error()));
    if (found->status == 404) return {};
    if (!found->ok()) return tl::make_unexpected(reply_error(*found).within(options_.alias));
    const auto json = nlohmann::json::parse(found->body, nullptr, false);
    if (!json.is_object() || !json.contains(options_.alias)) return {};
    return fail(Errc::kConflict,
                "there is an index " + options_.alias +
                    ", so no alias can have this name: rename the index, or the alias in the "
                    "configuration");
  }

  // ---- bulks ----

  std::optional<Error> send_all(std::span<const ForwardRecord> records, const Deadline& until) {
    std::optional<Error> error;
    Millis pause = kFirstPause;
    for (;;) {
      busy_ = false;
      error = send_round(records);
      if (!busy_) return error;
      if (Deadline::Clock::now() + pause >= until.end()) return error;
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, kMostPause);
    }
  }

  /// Sends what is not settled, once.
  std::optional<Error> send_round(std::span<const ForwardRecord> records) {
    std::optional<Error> last;
    const int64_t oldest_ms = oldest_kept_ms();
    std::vector<const ForwardRecord*> part;
    std::string body;
    auto flush = [&]() -> bool {
      auto error = part.empty() ? std::nullopt : send_bulk(part, body);
      part.clear();
      body.clear();
      if (error) last = std::move(error);
      return !last || busy_;
    };
    for (const ForwardRecord& record : records) {
      if (settled_.contains(record.sequence)) continue;
      if (record.time_ms < oldest_ms) {
        refuse(record, "it is older than keep_days");
        continue;
      }
      const std::string id = bounded_id(record.key);
      const std::string index = day_index(options_.alias, record.time_ms);
      append_bulk(body, {.index = index,
                         .id = id,
                         .version = *base_ + record.sequence,
                         .document = record.value,
                         .typed = typed_});
      part.push_back(&record);
      if (body.size() >= bulk_bytes_ && !flush()) return last;
    }
    flush();
    return last;
  }

  std::optional<Error> send_bulk(const std::vector<const ForwardRecord*>& part, const std::string& body) {
    auto reply = connection_.call(
        "POST", "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason", body,
        "application/x-ndjson");
    if (!reply) return lost_connection(std::move(reply.error()));
    if (reply->status == 413) return too_large(part, *reply);
    if (reply->status == 429 || reply->status == 503) {
      busy_ = true;
      return reply_error(*reply).within("bulk");
    }
    if (!reply->ok()) return lost_connection(reply_error(*reply).within("bulk"));
    auto outcomes = parse_bulk(reply->body, part.size());
    if (!outcomes) return lost_connection(std::move(outcomes.error()));
    std::optional<Error> error;
    for (size_t i = 0; i < part.size(); ++i) {
      const BulkOutcome& outcome = (*outcomes)[i];
      if (outcome.kind == BulkOutcome::Kind::kDone) settled_.insert(part[i]->sequence);
      if (outcome.kind == BulkOutcome::Kind::kRefused) refuse(*part[i], outcome.why);
      if (outcome.kind == BulkOutcome::Kind::kAgain) {
        busy_ = true;
        error = Error{Errc::kUnavailable, outcome.why};
      }
    }
    return error;
  }

  /// Another server may answer next time.
  Error lost_connection(Error error) {
    ready_ = false;
    busy_ = false;
    connection_.forget_kind();
    return error;
  }

  std::optional<Error> too_large(const std::vector<const ForwardRecord*>& part, const search::Reply& reply) {
    if (part.size() == 1) {
      refuse(*part.front(), reply_text(reply));
      return std::nullopt;
    }
    bulk_bytes_ = std::max<size_t>(1, std::min(bulk_bytes_, part.size() > 1 ? bulk_bytes_ / 4 : 1));
    busy_ = true;
    return reply_error(reply).within("bulk");
  }

  void refuse(const ForwardRecord& record, const std::string& why) {
    settled_.insert(record.sequence);
    refused_.insert(record.sequence);
    if (++shown_ > kShownRefusals) return;
    log_(LogLevel::kWarn, options_.alias + ": the document " + record.key.substr(0, kShownBytes) +
                              " is refused: " + why.substr(0, kShownBytes));
  }

  // ---- old indices ----

  int64_t oldest_kept_ms() const {
    if (options_.keep_days == 0) return INT64_MIN;
    return (clock_.now().wall_ms / kDayMs - options_.keep_days) * kDayMs;
  }

  Result<void> delete_old() {
    auto found = connection_.call("GET", "/" + search::path_segment(options_.alias + "-*") + "/_alias", {});
    if (!found) return tl::make_unexpected(std::move(found.error()));
    if (found->status == 404) return {};
    if (!found->ok()) return tl::make_unexpected(reply_error(*found));
    const auto json = nlohmann::json::parse(found->body, nullptr, false);
    if (!json.is_object()) return fail(Errc::kCorrupt, "the list of indices cannot be read");
    const int64_t oldest_day = oldest_kept_ms() / kDayMs;
    for (const auto& [index, unused] : json.items()) {
      const auto day = day_of_index(options_.alias, index);
      if (!day || *day >= oldest_day) continue;
      auto gone = connection_.call("DELETE", "/" + search::path_segment(index), {});
      if (!gone) return tl::make_unexpected(std::move(gone.error()));
      if (!gone->ok() && gone->status != 404) return tl::make_unexpected(reply_error(*gone).within(index));
      log_(LogLevel::kInfo,
           index + " is older than " + std::to_string(options_.keep_days) + " days; deleted");
    }
    return {};
  }

  OpensearchSinkOptions options_;
  search::Connection connection_;
  const Clock& clock_;
  LogFn log_;
  std::optional<int64_t> base_;
  bool ready_ = false;
  bool typed_ = false;
  size_t bulk_bytes_ = kBulkBytes;
  std::set<int64_t> settled_, refused_;  ///< of the records that are offered: at most a page
  int shown_ = 0;
  int64_t tend_ms_ = INT64_MIN;  ///< steady
};

}  // namespace

std::unique_ptr<ForwardSink> make_opensearch_sink(OpensearchSinkOptions options, const Clock& clock,
                                                  LogFn log) {
  return std::make_unique<OpensearchSink>(std::move(options), clock, std::move(log));
}

}  // namespace waybill::sink
