#include "sink/redis_sink.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/percent.h"

namespace waybill::sink {
namespace {

constexpr size_t kFiguresAtOnce = 256;  ///< in one round trip
/// When more rows wait, reading all tables in order takes less than looking up each row.
constexpr int64_t kBacklogRows = 10'000;

/// KEYS: hash, stream. ARGV: store, sequence, ttl in ms, length of the stream (0 = no entry), JSON, then
/// fields and values. What another type of value holds is replaced.
constexpr const char* kWriteScript = R"(
local old = redis.pcall('HMGET', KEYS[1], '_store', '_sequence')
if not old.err and old[1] == ARGV[1] and tonumber(old[2]) > tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '_store', ARGV[1], '_sequence', ARGV[2], unpack(ARGV, 6))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if ARGV[4] ~= '0' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'key', KEYS[1], 'data', ARGV[5])
end
return 1)";

/// KEYS: mark. ARGV: store, sequence, 1 = the mark must be there. Never lowers it. 0: it is not there.
constexpr const char* kMarkScript = R"(
local old = redis.pcall('HMGET', KEYS[1], 'store', 'sequence')
if old.err or old[1] ~= ARGV[1] then
  if ARGV[3] == '1' then return 0 end
elseif tonumber(old[2]) >= tonumber(ARGV[2]) then
  return 1
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'store', ARGV[1], 'sequence', ARGV[2])
return 1)";

class RedisSink final : public ForwardSink {
 public:
  RedisSink(RedisOptions options, flow::Store& store, const Clock& clock,
            std::unique_ptr<FigureReader> reader)
      : options_(std::move(options)), store_(store), clock_(clock), reader_(std::move(reader)) {}

  void begin() override { forget(); }

  Result<SinkState> check(int64_t done_to, Millis wait) override {
    auto state = look(done_to, wait);
    if (!state) disconnect();
    return state;
  }

  Delivery deliver(std::span<const ForwardRecord> records, Millis) override {
    if (!in_sync_) return {.error = Error{Errc::kUnavailable, "not checked yet"}};
    auto done = write_rows(records);
    if (!done) {
      disconnect();
      return {.error = std::move(done.error())};
    }
    return {.done = records.size(), .error = std::nullopt};
  }

 private:
  enum class Announce : uint8_t { kYes, kNo };

  void forget() {
    in_sync_ = false;
    scan_.reset();
    batch_.clear();
  }
  void disconnect() {
    forget();
    connection_.reset();
  }

  Result<SinkState> look(int64_t done_to, Millis wait) {
    if (auto up = connect(wait); !up) return tl::make_unexpected(std::move(up.error()));
    if (!scan_) {
      auto mark = read_mark();
      if (!mark) return tl::make_unexpected(std::move(mark.error()));
      if (!*mark || **mark < (in_sync_ ? marked_ : done_to)) {
        forget();
        if (auto begun = begin_rewrite(); !begun) return tl::make_unexpected(std::move(begun.error()));
      } else {
        marked_ = **mark;
        auto last = store_.outbox_last();
        if (!last) return tl::make_unexpected(std::move(last.error()));
        if (*last - std::max(done_to, covered_to_) > kBacklogRows) {
          if (auto begun = begin_rewrite(); !begun) return tl::make_unexpected(std::move(begun.error()));
        }
      }
    }
    if (scan_) {
      auto done = go_on(wait);
      if (!done) return tl::make_unexpected(std::move(done.error()));
      if (!*done) return SinkState::kCatchingUp;
    }
    in_sync_ = true;
    // Rows of other sinks need nothing here.
    if (auto done = mark(std::max(marked_, done_to)); !done)
      return tl::make_unexpected(std::move(done.error()));
    if (auto done = write_status(); !done) return tl::make_unexpected(std::move(done.error()));
    return SinkState::kReady;
  }

  Result<void> connect(Millis timeout) {
    if (connection_) return {};
    auto opened = open_redis(options_.address, options_.login, timeout);
    if (!opened) return tl::make_unexpected(std::move(opened.error()));
    connection_ = std::move(*opened);
    const RedisCommand load[] = {{"SCRIPT", "LOAD", kWriteScript}, {"SCRIPT", "LOAD", kMarkScript}};
    auto names = run(load);
    if (!names) return tl::make_unexpected(std::move(names.error()));
    write_name_ = (*names)[0].text;
    mark_name_ = (*names)[1].text;
    return {};
  }

  /// An error reply is an error here.
  Result<std::vector<RedisReply>> run(std::span<const RedisCommand> commands) {
    auto replies = connection_->run(commands);
    if (!replies) return replies;
    for (const RedisReply& reply : *replies) {
      if (reply.kind == RedisReply::Kind::kError)
        return fail(Errc::kUnavailable, options_.address.str() + ": " + reply.text);
    }
    return replies;
  }

  /// nullopt: there is none of this store.
  Result<std::optional<int64_t>> read_mark() {
    const RedisCommand read[] = {{"HMGET", std::string(kRedisMark), "store", "sequence"}};
    auto replies = connection_->run(read);
    if (!replies) return tl::make_unexpected(std::move(replies.error()));
    const RedisReply& reply = replies->front();
    // Something else under this name is as good as nothing.
    if (reply.kind == RedisReply::Kind::kError && !reply.text.starts_with("WRONGTYPE"))
      return fail(Errc::kUnavailable, options_.address.str() + ": " + reply.text);
    if (reply.items.size() != 2 || reply.items[0].text != store_.id()) return std::optional<int64_t>();
    return std::optional<int64_t>(std::strtoll(reply.items[1].text.c_str(), nullptr, 10));
  }

  /// The mark must be there.
  Result<void> mark(int64_t sequence) {
    if (sequence <= marked_) return {};
    const RedisCommand set[] = {mark_command(sequence, "1")};
    return marked(run(set), sequence);
  }

  Result<void> marked(const Result<std::vector<RedisReply>>& replies, int64_t sequence) {
    if (!replies) return tl::make_unexpected(replies.error());
    if (replies->back().integer != 1)
      return fail(Errc::kUnavailable, options_.address.str() + ": it has lost what was written");
    marked_ = std::max(marked_, sequence);
    return {};
  }

  RedisCommand mark_command(int64_t sequence, const char* must_be_there) const {
    return {"EVALSHA",    mark_name_, "1", std::string(kRedisMark), store_.id(), std::to_string(sequence),
            must_be_there};
  }

  RedisCommand write_command(const flow::Figure& figure, int64_t sequence, Announce announce) const {
    const bool told = announce == Announce::kYes && !figure.json.empty();
    RedisCommand command{"EVALSHA",
                         write_name_,
                         "2",
                         redis_key(figure.name),
                         std::string(kRedisStream),
                         store_.id(),
                         std::to_string(sequence),
                         std::to_string(options_.ttl.count()),
                         std::to_string(told ? options_.stream_length : 0),
                         told ? figure.json : std::string()};
    for (const auto& [name, value] : figure.fields) {
      command.push_back(name);
      command.push_back(value);
    }
    return command;
  }

  Result<void> send_batch(size_t at_least) {
    if (batch_.size() < at_least || batch_.empty()) return {};
    auto replies = run(batch_);
    batch_.clear();
    if (!replies) return tl::make_unexpected(std::move(replies.error()));
    return {};
  }

  Result<void> write_rows(std::span<const ForwardRecord> records) {
    std::set<std::pair<std::string_view, std::string_view>> names;
    for (const ForwardRecord& record : records) {
      if (record.sequence > covered_to_) names.emplace(record.table, record.key);
    }
    std::vector<RowName> rows;
    for (const auto& [table, name] : names) rows.push_back({table, name});
    const int64_t sequence = records.back().sequence;
    Result<void> sent;
    auto read = reader_->read(rows, [&](flow::Figure&& figure) {
      batch_.push_back(write_command(figure, sequence, Announce::kYes));
      if (sent) sent = send_batch(kFiguresAtOnce);
    });
    if (!read) return read;
    if (!sent) return sent;
    batch_.push_back(mark_command(sequence, "1"));
    auto replies = run(batch_);
    batch_.clear();
    return marked(replies, sequence);
  }

  /// Rows up to the sequence that was the last one before reading are all in what is read.
  Result<void> begin_rewrite() {
    auto last = store_.outbox_last();
    if (!last) return tl::make_unexpected(std::move(last.error()));
    rewrite_to_ = *last;
    scan_ = reader_->read_all();
    return {};
  }

  /// True when all is written.
  Result<bool> go_on(Millis wait) {
    const int64_t until_ms = clock_.now().steady_ms + wait.count();
    for (bool more = true; more;) {
      if (clock_.now().steady_ms >= until_ms) return false;
      Result<void> sent;
      auto read = scan_->next([&](flow::Figure&& figure) {
        batch_.push_back(write_command(figure, rewrite_to_, Announce::kNo));
        if (sent) sent = send_batch(kFiguresAtOnce);
      });
      if (!read) return tl::make_unexpected(std::move(read.error()));
      if (!sent) return tl::make_unexpected(std::move(sent.error()));
      more = *read;
    }
    if (options_.stream_length > 0) {
      batch_.push_back({"XADD", std::string(kRedisStream), "MAXLEN", "~",
                        std::to_string(options_.stream_length), "*", "key", "", "data", R"({"all":true})"});
    }
    batch_.push_back(mark_command(rewrite_to_, "0"));
    auto replies = run(batch_);
    batch_.clear();
    marked_ = INT64_MIN;
    if (auto done = marked(replies, rewrite_to_); !done) return tl::make_unexpected(std::move(done.error()));
    covered_to_ = rewrite_to_;
    scan_.reset();
    return true;
  }

  Result<void> write_status() {
    const int64_t now_ms = clock_.now().steady_ms;
    if (now_ms < status_ms_) return {};
    status_ms_ = now_ms + kRedisStatusEveryMs;
    auto read = reader_->read_status(
        [&](flow::Figure&& figure) { batch_.push_back(write_command(figure, marked_, Announce::kNo)); });
    if (!read) return read;
    return send_batch(1);
  }

  RedisOptions options_;
  flow::Store& store_;
  const Clock& clock_;
  std::unique_ptr<FigureReader> reader_;
  std::unique_ptr<RedisConnection> connection_;
  std::string write_name_, mark_name_;      ///< of the scripts, in this connection
  std::vector<RedisCommand> batch_;         ///< at most kFiguresAtOnce, or what one piece gives
  bool in_sync_ = false;                    ///< the mark was right when it was last looked at
  int64_t marked_ = 0;                      ///< the mark, when in_sync_
  std::unique_ptr<flow::FigureScan> scan_;  ///< while everything is written anew
  int64_t rewrite_to_ = 0;
  int64_t covered_to_ = 0;  ///< rows up to here were in the last rewriting
  int64_t status_ms_ = INT64_MIN;
};

}  // namespace

std::string redis_key(const std::vector<std::string>& name) {
  const auto plain = [](char c) {
    return c != '%' && c != ':' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  };
  std::string key = "waybill";
  for (const std::string& part : name) append_percent_encoded(key += ':', part, plain);
  return key;
}

std::unique_ptr<ForwardSink> make_redis_sink(RedisOptions options, flow::Store& store, const Clock& clock,
                                             std::unique_ptr<FigureReader> reader) {
  return std::make_unique<RedisSink>(std::move(options), store, clock, std::move(reader));
}

}  // namespace waybill::sink
