#include "sink/redis_connection.h"

#include <hiredis/hiredis.h>

namespace waybill::sink {
namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

RedisReply copied(const redisReply& from) {
  RedisReply to;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      to.kind = RedisReply::Kind::kInteger;
      to.integer = from.integer;
      break;
    case REDIS_REPLY_ARRAY:
      to.kind = RedisReply::Kind::kList;
      for (size_t i = 0; i < from.elements; ++i) to.items.push_back(copied(*from.element[i]));
      break;
    case REDIS_REPLY_NIL:
      break;
    default:
      to.kind = from.type == REDIS_REPLY_ERROR ? RedisReply::Kind::kError : RedisReply::Kind::kText;
      to.text.assign(from.str, from.len);
  }
  return to;
}

class HiredisConnection final : public RedisConnection {
 public:
  HiredisConnection(redisContext* context, std::string title) : context_(context), title_(std::move(title)) {}

  Result<std::vector<RedisReply>> run(std::span<const RedisCommand> commands) override {
    std::vector<const char*> words;
    std::vector<size_t> sizes;
    for (const RedisCommand& command : commands) {
      words.clear();
      sizes.clear();
      for (const std::string& word : command) {
        words.push_back(word.data());
        sizes.push_back(word.size());
      }
      if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words.data(),
                                 sizes.data()) != REDIS_OK)
        return failed();
    }
    std::vector<RedisReply> replies;
    for (size_t i = 0; i < commands.size(); ++i) {
      void* reply = nullptr;
      if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr) return failed();
      const std::unique_ptr<redisReply, FreeReply> owned(static_cast<redisReply*>(reply));
      replies.push_back(copied(*owned));
    }
    return replies;
  }

  tl::unexpected<Error> failed() const {
    const bool late = context_->err == REDIS_ERR_IO &&
                      std::string_view(context_->errstr).find("temporarily") != std::string_view::npos;
    return fail(Errc::kUnavailable, title_ + ": " + (late ? "no answer in time" : context_->errstr));
  }
  bool usable() const { return context_ && context_->err == 0; }

 private:
  std::unique_ptr<redisContext, FreeContext> context_;
  std::string title_;
};

}  // namespace

Result<std::unique_ptr<RedisConnection>> open_redis(const RedisAddress& address, const RedisLogin& login,
                                                    Millis timeout) {
  const timeval limit{static_cast<time_t>(timeout.count() / 1000),
                      static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
  redisContext* context = address.socket.empty()
                              ? redisConnectWithTimeout(address.host.c_str(), address.port, limit)
                              : redisConnectUnixWithTimeout(address.socket.c_str(), limit);
  if (context == nullptr) return fail(Errc::kUnavailable, address.str() + ": no memory for a connection");
  auto connection = std::make_unique<HiredisConnection>(context, address.str());
  if (!connection->usable()) return connection->failed();
  if (redisSetTimeout(context, limit) != REDIS_OK) return connection->failed();
  std::vector<RedisCommand> commands;
  if (!login.password.empty()) {
    RedisCommand& auth = commands.emplace_back(RedisCommand{"AUTH"});
    if (!login.user.empty()) auth.push_back(login.user);
    auth.push_back(login.password);
  }
  if (address.database != 0) commands.push_back({"SELECT", std::to_string(address.database)});
  commands.push_back({"PING"});
  auto replies = connection->run(commands);
  if (!replies) return tl::make_unexpected(std::move(replies.error()));
  for (const RedisReply& reply : *replies) {
    if (reply.kind != RedisReply::Kind::kError) continue;
    const bool denied = reply.text.starts_with("NOAUTH") || reply.text.starts_with("WRONGPASS");
    return fail(denied ? Errc::kDenied : Errc::kUnavailable, address.str() + ": " + reply.text);
  }
  return connection;
}

}  // namespace waybill::sink
