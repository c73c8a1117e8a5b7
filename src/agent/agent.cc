#include "agent/agent.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "decode/json_fields.h"
#include "flow/source_dedup.h"

namespace waybill::agent {
namespace {

using flow::Outcome;
using flow::Producer;

constexpr Millis kFullWait{5};
constexpr int64_t kSaveRetryMs = 1'000;
constexpr int kNumberBits = 40;  ///< of a token: the record's number in its file; the rest is the book
constexpr uint64_t kNumberMask = (uint64_t{1} << kNumberBits) - 1;

}  // namespace

Agent::Agent(AgentOptions options, flow::FileFeed& feed, Producer& producer, StateStore& state,
             AuditTrail* trail, const Clock& clock, LogFn log)
    : options_(std::move(options)),
      feed_(feed),
      producer_(producer),
      state_(state),
      trail_(trail),
      clock_(clock),
      log_(std::move(log)) {
  if (!options_.key.empty()) key_ = std::make_unique<decode::JsonFields>(std::array{options_.key});
  for (const auto& [name, value] : options_.headers) headers_.push_back({name, value});
  headers_.push_back({flow::kSourceHeader, {}});
}

Agent::~Agent() = default;

Result<void> Agent::check() const {
  if (auto failed = producer_.failed()) return tl::make_unexpected(*std::move(failed));
  if (failed_) return fail(Errc::kUnavailable, "a record could not be delivered");
  return {};
}

Result<void> Agent::step(Millis wait) {
  const Now now = clock_.now();
  take_outcomes(Millis(0));
  if (auto fine = check(); !fine) {
    save(now);
    return fine;
  }
  if (trail_ != nullptr) trail_->tick(now);
  if (moved_ && now.steady_ms >= next_save_ms_) save(now);
  if (batch_.file == 0) {
    batch_ = feed_.poll(wait);
    batch_at_ = 0;
  }
  // A file's id must be stored before anything of it is sent, or a crash would give it another one.
  if (feed_.ids_given() != ids_saved_ && !save(clock_.now())) {
    take_outcomes(std::min(wait, Millis(100)));
    return {};
  }
  if (batch_.file != 0 && !send_batch()) take_outcomes(kFullWait);
  return {};
}

/// False when the producer is full before the batch is through.
bool Agent::send_batch() {
  const Now now = clock_.now();
  Book& book = books_[book_of(batch_.file)];
  for (; batch_at_ < batch_.records.size(); ++batch_at_)
    if (send(book, batch_.records[batch_at_], now) == Producer::Taken::kFull) return false;
  book.handed = batch_.next;
  advance(book);
  batch_ = {};
  return true;
}

Producer::Taken Agent::send(Book& book, const flow::FileRecord& record, Now now) {
  flow::OutRecord out;
  out.value = record.text;
  out.time_ms = now.wall_ms;
  bool unkeyed = false;
  if (key_ != nullptr) {
    const bool object = key_->parse(record.text) == decode::LineState::kObject;
    const decode::FieldValue value = object ? key_->value(0) : decode::FieldValue{};
    out.has_key = value.has_text();
    out.key = value.text;
    unkeyed = !out.has_key;
  }
  std::array<char, flow::kSourceMarkBytesMax> mark;
  headers_.back().value = {mark.data(), flow::write_source_mark({book.file, record.offset}, mark.data())};
  out.headers = headers_;
  const auto index = static_cast<uint64_t>(&book - books_.data());
  out.token = index << kNumberBits | ((book.first + book.under_way.size()) & kNumberMask);
  const Producer::Taken taken = producer_.send(out);
  if (taken == Producer::Taken::kFull) return taken;
  if (trail_ != nullptr) trail_->read(now.wall_ms, out.key.size() + out.value.size(), now.wall_ms);
  figures_.unkeyed += unkeyed ? 1 : 0;
  ++figures_.records;
  figures_.bytes += record.text.size();
  book.under_way.push_back({record.next, now.wall_ms, out.key.size() + out.value.size()});
  book.handed = record.next;
  if (taken == Producer::Taken::kRefused) {
    refuse(book, book.under_way.back(), 10 /* MESSAGE_TOO_LARGE */, now);
  } else {
    ++figures_.under_way;
  }
  return taken;
}

void Agent::refuse(Book& book, Sent& sent, int32_t code, Now now) {
  ++figures_.refused;
  if (trail_ != nullptr) trail_->failed(code, sent.time_ms, now.wall_ms);
  std::array<char, flow::kSourceMarkBytesMax> mark;
  const size_t size = flow::write_source_mark({book.file, sent.next}, mark.data());
  log_(LogLevel::kError, "a record of " + std::to_string(sent.bytes) +
                             " bytes is too large for the topic and is not in it; it ends at " +
                             std::string(mark.data(), size) + " (file id:byte offset, see the state file)");
  sent.time_ms = -1;
}

void Agent::take_outcomes(Millis wait) {
  outcomes_.clear();
  producer_.poll(wait, outcomes_);
  if (outcomes_.empty()) return;
  const Now now = clock_.now();
  for (const Outcome& outcome : outcomes_) settle(outcome, now);
}

void Agent::settle(const Outcome& outcome, Now now) {
  const uint64_t index = outcome.token >> kNumberBits;
  ASSERT(index < books_.size());
  Book& book = books_[index];
  const uint64_t at = ((outcome.token & kNumberMask) - book.first) & kNumberMask;
  ASSERT(at < book.under_way.size() && figures_.under_way > 0);
  --figures_.under_way;
  Sent& sent = book.under_way[at];
  if (outcome.kind == Outcome::Kind::kFailed) {
    failed_ = true;  // it stays under way: its place is not given up
    if (trail_ != nullptr) trail_->failed(outcome.code, sent.time_ms, now.wall_ms);
    return;
  }
  if (outcome.kind == Outcome::Kind::kRefused) {
    refuse(book, sent, outcome.code, now);
  } else {
    ++figures_.delivered;
    if (trail_ != nullptr)
      trail_->delivered(outcome.partition, outcome.offset, sent.time_ms, sent.bytes, now.wall_ms);
    sent.time_ms = -1;
  }
  advance(book);
}

/// Gives up the places of records that have their outcome, from the front.
void Agent::advance(Book& book) {
  const uint64_t before = book.acknowledged;
  while (!book.under_way.empty() && book.under_way.front().time_ms < 0) {
    book.acknowledged = book.under_way.front().next;
    book.under_way.pop_front();
    ++book.first;
  }
  if (book.under_way.empty()) book.acknowledged = book.handed;
  moved_ = moved_ || book.acknowledged != before;
}

uint32_t Agent::book_of(uint64_t file) {
  auto [at, added] = by_file_.try_emplace(file, 0);
  if (!added) return at->second;
  if (free_books_.empty()) {
    free_books_.push_back(static_cast<uint32_t>(books_.size()));
    books_.emplace_back();
  }
  at->second = free_books_.back();
  free_books_.pop_back();
  Book& book = books_[at->second];
  book.file = file;
  book.acknowledged = batch_.records.empty() ? batch_.next : batch_.records.front().offset;
  book.handed = book.acknowledged;
  return at->second;
}

bool Agent::save(Now now) {
  if (save_failed_ && now.steady_ms < next_save_ms_) return false;  // the disk was full a moment ago
  std::vector<flow::FollowedFile> files = feed_.files();
  const uint64_t ids = feed_.ids_given();
  for (flow::FollowedFile& file : files) {
    auto found = by_file_.find(file.id);
    if (found != by_file_.end()) {
      Book& book = books_[found->second];
      const bool done = book.under_way.empty() && batch_.file != file.id && book.handed == file.next;
      file.finished = file.finished && done;
      file.next = std::min(file.next, book.acknowledged);
      if (file.finished) {
        book = Book{};
        free_books_.push_back(found->second);
        by_file_.erase(found);
      }
    } else if (file.id == batch_.file) {  // handed out, and nothing of it was sent yet
      file.next = batch_.records.empty() ? batch_.next : batch_.records.front().offset;
      file.finished = false;
    }
  }
  const Result<void> saved = state_.save(files);
  next_save_ms_ = now.steady_ms + (saved ? options_.save_every.count() : kSaveRetryMs);
  save_failed_ = !saved;
  if (!saved) {
    ++figures_.saves_failed;
    log_(LogLevel::kError, saved.error().message + "; positions are kept in memory, new files wait");
    return false;
  }
  ++figures_.saves;
  moved_ = false;
  ids_saved_ = ids;
  return true;
}

bool Agent::drain(Millis limit) {
  const int64_t end = clock_.now().steady_ms + limit.count();
  while (figures_.under_way > 0 && !failed_ && clock_.now().steady_ms < end) {
    take_outcomes(Millis(20));
    if (trail_ != nullptr) trail_->tick(clock_.now());
  }
  const Now now = clock_.now();
  const bool saved = !moved_ || save(now);
  return figures_.under_way == 0 && !failed_ && saved;
}

}  // namespace waybill::agent
