#include "sink/opensearch.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/deadline.h"
#include "sink/bulk.h"
#include "sink/bulk_pool.h"
#include "sink/old_indices.h"

namespace waybill::sink {
namespace {

/// Nearly always all is done, and an answer about each document costs the server and us some percent.
constexpr const char* kBriefPath = "/_bulk?filter_path=errors";
constexpr const char* kDetailedPath =
    "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";
constexpr size_t kBulkBytes = 4 << 20;  ///< a bulk is ended behind the document that reaches it
constexpr size_t kBulksAtOnce = 2;
constexpr size_t kBulksMade = 4;  ///< the others wait for a connection
/// As much as these hold, and what makes the next one.
constexpr OfferBound kOffered{.records = 65'536, .bytes = 28 << 20};
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

  OfferBound offer_bound() const override { return kOffered; }

  Delivery deliver(std::span<const ForwardRecord> records, Millis wait) override {
    const Deadline until(wait);
    offered_ = records;
    track();
    oldest_ms_ = oldest_kept_ms();
    shown_ = 0;
    // What has failed since the last call may be sent again: that is no failure of this one.
    while (auto sent = pool_.take(Deadline::Clock::now())) (void)settle(std::move(*sent));
    std::optional<Error> error;
    if (auto ready = prepare(); !ready) {
      error = std::move(ready.error());
    } else {
      error = send_and_wait(until);
    }
    Delivery delivery;
    for (const Tracked& one : tracked_) {
      if (one.state != State::kDone && one.state != State::kRefused) break;
      ++delivery.done;
      delivery.refused += one.state == State::kRefused ? 1 : 0;
    }
    if (delivery.done < records.size() && (delivery.done == 0 || !busy_)) delivery.error = std::move(error);
    return delivery;
  }

  /// Deletes what is too old.
  Result<SinkState> check(int64_t, Millis) override {
    const int64_t now_ms = clock_.now().steady_ms;
    if (options_.keep_days == 0 || now_ms < tend_ms_) return SinkState::kUnknown;
    auto done = delete_old_indices(
        connection_, options_.alias, oldest_kept_ms() / kDayMs, [this](const std::string& index) {
          log_(LogLevel::kInfo,
               index + " is older than " + std::to_string(options_.keep_days) + " days; deleted");
        });
    tend_ms_ = now_ms + (done ? kTendEveryMs : kTendRetryMs);
    if (!done)
      log_(LogLevel::kWarn, options_.alias + ": old indices cannot be deleted: " + done.error().message);
    return SinkState::kUnknown;
  }

  void interrupt() override {
    connection_.interrupt();
    pool_.interrupt();
  }

 private:
  enum class State : uint8_t { kNew, kUnderWay, kDone, kRefused };
  struct Tracked {
    int64_t sequence = 0;
    State state = State::kNew;
  };
  /// A bulk under way.
  struct Part {
    std::vector<int64_t> sequences{};
    bool detailed = false;  ///< it is answered document by document
  };

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

  // ---- what is offered ----

  /// Of records that were offered before it is known what became of them.
  void track() {
    std::vector<Tracked> tracked;
    tracked.reserve(offered_.size());
    auto known = tracked_.begin();
    for (const ForwardRecord& record : offered_) {
      while (known != tracked_.end() && known->sequence < record.sequence) ++known;
      const bool again = known != tracked_.end() && known->sequence == record.sequence;
      tracked.push_back(again ? *known : Tracked{record.sequence});
    }
    tracked_ = std::move(tracked);
    next_ = 0;
  }

  /// Index in what is offered; nullopt: it is offered no longer.
  std::optional<size_t> place_of(int64_t sequence) const {
    auto at = std::lower_bound(tracked_.begin(), tracked_.end(), sequence,
                               [](const Tracked& one, int64_t wanted) { return one.sequence < wanted; });
    if (at == tracked_.end() || at->sequence != sequence) return std::nullopt;
    return static_cast<size_t>(at - tracked_.begin());
  }

  bool front_is_settled() const {
    return tracked_.front().state == State::kDone || tracked_.front().state == State::kRefused;
  }

  // ---- bulks ----

  /// Keeps every connection at work until records at the front are settled, something fails or the time is
  /// over.
  std::optional<Error> send_and_wait(const Deadline& until) {
    std::optional<Error> error;
    for (;;) {
      start_bulks();
      const auto now = Deadline::Clock::now();
      if (front_is_settled() || now >= until.end()) return error;
      const bool paused = now < pause_end_;
      const auto wake = paused ? std::min(until.end(), pause_end_) : until.end();
      if (auto sent = pool_.take(wake)) {
        error = settle(std::move(*sent));
        if (error && !busy_) return error;
      } else if (paused && !pool_.any_under_way()) {
        std::this_thread::sleep_until(wake);
      }
    }
  }

  void start_bulks() {
    while (Deadline::Clock::now() >= pause_end_) {
      const auto slot = pool_.free_slot();
      if (!slot) return;
      std::string body;
      Part& part = parts_[*slot];
      part = {.detailed = detailed_};
      for (; next_ < offered_.size() && body.size() < bulk_bytes_; ++next_) {
        if (tracked_[next_].state == State::kNew) add_document(next_, body, part.sequences);
      }
      if (part.sequences.empty()) return;
      pool_.send(*slot, part.detailed ? kDetailedPath : kBriefPath, std::move(body));
    }
  }

  void add_document(size_t place, std::string& body, std::vector<int64_t>& sequences) {
    const ForwardRecord& record = offered_[place];
    if (record.time_ms < oldest_ms_) return refuse(place, "it is older than keep_days");
    tracked_[place].state = State::kUnderWay;
    sequences.push_back(record.sequence);
    if (body.empty()) body.reserve(bulk_bytes_ + bulk_bytes_ / 8);
    std::string short_id;
    if (record.key.size() > kIdBytesMax) short_id = bounded_id(record.key);
    append_bulk(body, {.index = index_of_day(record.time_ms),
                       .id = short_id.empty() ? std::string_view(record.key) : short_id,
                       .version = *base_ + record.sequence,
                       .document = record.value,
                       .typed = typed_});
  }

  const std::string& index_of_day(int64_t time_ms) {
    const int64_t day = time_ms / kDayMs - (time_ms % kDayMs < 0 ? 1 : 0);
    if (index_.empty() || day != index_day_) index_ = day_index(options_.alias, time_ms);
    index_day_ = day;
    return index_;
  }

  /// An error when not all is settled; that is sent again.
  std::optional<Error> settle(SentBulk sent) {
    const Part part = std::exchange(parts_[sent.slot], {});
    busy_ = false;
    auto error = outcome_of(part, sent.reply);
    send_later(part);
    if (error) {
      for (const size_t slot : pool_.withdraw()) send_later(std::exchange(parts_[slot], {}));
    }
    if (busy_) {
      pause_end_ = Deadline::Clock::now() + pause_;
      pause_ = std::min(pause_ * 2, kMostPause);
    } else if (!error) {
      pause_ = kFirstPause;
    }
    return error;
  }

  /// What is not settled of it.
  void send_later(const Part& part) {
    for (const int64_t sequence : part.sequences) {
      const auto place = place_of(sequence);
      if (!place || tracked_[*place].state != State::kUnderWay) continue;
      tracked_[*place].state = State::kNew;
      next_ = std::min(next_, *place);
    }
  }

  std::optional<Error> outcome_of(const Part& part, Result<search::Reply>& reply) {
    if (!reply) return lost_connection(std::move(reply.error()));
    if (reply->status == 413) return too_large(part.sequences, *reply);
    if (reply->status == 429 || reply->status == 503) {
      busy_ = true;
      return reply_error(*reply).within("bulk");
    }
    if (!reply->ok()) return lost_connection(reply_error(*reply).within("bulk"));
    return part.detailed ? read_detailed(part.sequences, reply->body)
                         : read_brief(part.sequences, reply->body);
  }

  std::optional<Error> read_brief(const std::vector<int64_t>& sequences, std::string_view body) {
    auto errors = bulk_has_errors(body);
    if (!errors) return lost_connection(std::move(errors.error()));
    detailed_ = detailed_ || *errors;
    if (*errors) return std::nullopt;  // the same once more tells which, and changes nothing
    for (const int64_t sequence : sequences) {
      if (const auto place = place_of(sequence)) tracked_[*place].state = State::kDone;
    }
    return std::nullopt;
  }

  std::optional<Error> read_detailed(const std::vector<int64_t>& sequences, std::string_view body) {
    auto outcomes = parse_bulk(body, sequences.size());
    if (!outcomes) return lost_connection(std::move(outcomes.error()));
    std::optional<Error> error;
    detailed_ = false;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const BulkOutcome& outcome = (*outcomes)[i];
      detailed_ = detailed_ || outcome.kind != BulkOutcome::Kind::kDone;
      if (outcome.kind == BulkOutcome::Kind::kAgain) {
        busy_ = true;
        error = Error{Errc::kUnavailable, outcome.why};
        continue;
      }
      const auto place = place_of(sequences[i]);
      if (!place) continue;
      tracked_[*place].state = State::kDone;
      if (outcome.kind == BulkOutcome::Kind::kRefused) refuse(*place, outcome.why);
    }
    return error;
  }

  /// Another server may answer next time.
  Error lost_connection(Error error) {
    ready_ = false;
    connection_.forget_kind();
    return error;
  }

  std::optional<Error> too_large(const std::vector<int64_t>& part, const search::Reply& reply) {
    if (part.size() == 1) {
      if (const auto place = place_of(part.front())) refuse(*place, reply_text(reply));
      return std::nullopt;
    }
    bulk_bytes_ = std::max<size_t>(1, bulk_bytes_ / 4);
    busy_ = true;
    return reply_error(reply).within("bulk");
  }

  void refuse(size_t place, const std::string& why) {
    tracked_[place].state = State::kRefused;
    if (++shown_ > kShownRefusals) return;
    log_(LogLevel::kWarn, options_.alias + ": the document " + offered_[place].key.substr(0, kShownBytes) +
                              " is refused: " + why.substr(0, kShownBytes));
  }

  int64_t oldest_kept_ms() const {
    if (options_.keep_days == 0) return INT64_MIN;
    return (clock_.now().wall_ms / kDayMs - options_.keep_days) * kDayMs;
  }

  OpensearchSinkOptions options_;
  search::Connection connection_;  ///< for all but bulks
  const Clock& clock_;
  LogFn log_;
  std::optional<int64_t> base_;
  bool ready_ = false;
  bool typed_ = false;
  bool busy_ = false;  ///< of the last answer: the server is there and has no room
  size_t bulk_bytes_ = kBulkBytes;
  Millis pause_ = kFirstPause;
  Deadline::Clock::time_point pause_end_{};
  std::span<const ForwardRecord> offered_;  ///< of the call that is under way
  std::vector<Tracked> tracked_;            ///< one for each that is or was offered last
  size_t next_ = 0;                         ///< records before are not kNew
  std::array<Part, kBulksMade> parts_;      ///< by slot
  bool detailed_ = false;                   ///< the last answers told of documents that were not done
  std::string index_;                       ///< of index_day_
  int64_t index_day_ = 0;
  int64_t oldest_ms_ = 0;  ///< of the call: earlier documents are refused
  int shown_ = 0;
  int64_t tend_ms_ = INT64_MIN;  ///< steady
  BulkPool pool_{options_.server, kBulksAtOnce, kBulksMade};
};

}  // namespace

std::unique_ptr<ForwardSink> make_opensearch_sink(OpensearchSinkOptions options, const Clock& clock,
                                                  LogFn log) {
  return std::make_unique<OpensearchSink>(std::move(options), clock, std::move(log));
}

}  // namespace waybill::sink
