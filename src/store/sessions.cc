#include "store/sessions.h"

#include <soci/soci.h>

#include <chrono>
#include <string>
#include <thread>

namespace waybill::store {

void CloseSession::operator()(soci::session* session) const noexcept { delete session; }

/// Connects if need be. A connection that the server closed while nobody used it is replaced without a word.
Result<void> Sessions::begin(Session& session, Access access) {
  const Words& words = dialect_.words();
  const std::string text(access == Access::kWrite ? words.begin_write : words.begin_read);
  for (;;) {
    const bool used_before = session != nullptr;
    try {
      if (!session) session = dialect_.connect(access);
      *session << text;
      return {};
    } catch (...) {
      Failure failure = dialect_.explain();
      session.reset();
      if (!used_before || failure.kind != Failure::Kind::kLost)
        return tl::unexpected(std::move(failure.error));
    }
  }
}

Result<void> Sessions::begin_write() { return begin(writer_, Access::kWrite); }

Result<void> Sessions::commit(Failure::Kind& kind) {
  try {
    *writer_ << "COMMIT";
    return {};
  } catch (...) {
    Failure failure = dialect_.explain();
    writer_.reset();  // closing it rolls back what is still open
    // A collision, a full disk or a missing right is told before the commit is decided; of anything else the
    // outcome has to be read.
    kind = failure.kind;
    const bool decided = kind != Failure::Kind::kLost &&
                         (kind == Failure::Kind::kCollided || failure.error.code == Errc::kLimit ||
                          failure.error.code == Errc::kDenied);
    if (decided) return tl::unexpected(std::move(failure.error));
    return fail(Errc::kUnknown, "the outcome of the commit is not known: " + failure.error.message);
  }
}

void Sessions::roll_back(Failure::Kind kind) {
  try {
    if (kind == Failure::Kind::kLost) {
      writer_.reset();
    } else {
      *writer_ << "ROLLBACK";
    }
  } catch (...) {
    writer_.reset();  // the server has rolled back by itself, or will when the connection closes
  }
}

/// 5 to 10 ms, 10 to 20, 20 to 40 ...: not the same for two that met.
void Sessions::pause_after(int attempt) {
  const auto base = std::chrono::milliseconds(5 << attempt);
  const auto clock = std::chrono::steady_clock::now().time_since_epoch().count();
  std::this_thread::sleep_for(base / 2 + std::chrono::microseconds(clock / 64 % (base.count() * 500)));
}

Result<Session> Sessions::borrow() {
  Session session;
  {
    std::unique_lock lock(readers_mutex_);
    reader_free_.wait(lock, [&] { return lent_ < kReadersMax; });
    ++lent_;
    if (!idle_.empty()) {
      session = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (auto begun = begin(session, Access::kRead); !begun) {
    give_back(nullptr, false);
    return tl::unexpected(std::move(begun.error()));
  }
  return session;
}

void Sessions::give_back(Session session, bool healthy) {
  try {
    if (healthy) *session << "COMMIT";
  } catch (...) {
    healthy = false;
  }
  if (!healthy) session.reset();
  const std::lock_guard lock(readers_mutex_);
  --lent_;
  if (session) idle_.push_back(std::move(session));
  reader_free_.notify_one();
}

}  // namespace waybill::store
