#pragma once
// Connections of one store: one that writes, a few that read beside it, and transactions around what they do.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/dialect.h"

namespace waybill::store {

/// At most this many queries run at once; the next one waits.
inline constexpr int kReadersMax = 4;
/// A write that collides with writers of other processes (deadlock, serialization) is tried this often, with
/// growing pauses that add up to less than half a second.
inline constexpr int kWriteTriesMax = 6;

/// Thread-safe. Connections are made when first needed and again after an error, so that a server or a disk
/// that comes back is used without a restart. No exception leaves write() and read().
class Sessions {
 public:
  explicit Sessions(Dialect& dialect) : dialect_(dialect) {}

  /// Runs `body(session)` -> Result<T> in a write transaction, one at a time. An error or an exception rolls
  /// back. After a collision the body runs again: it must not remember what it did. kUnknown when it is not
  /// known whether the final COMMIT took place.
  template <class Body>
  auto write(Body&& body) -> std::invoke_result_t<Body, soci::session&> {
    const std::lock_guard lock(write_mutex_);
    for (int attempt = 1;; ++attempt) {
      auto kind = Failure::Kind::kRefused;
      auto result = write_once(body, kind);
      if (result || kind != Failure::Kind::kCollided || attempt == kWriteTriesMax) return result;
      pause_after(attempt);
    }
  }

  /// Runs `body(session)` -> Result<T> over one snapshot, beside writers and other readers.
  template <class Body>
  auto read(Body&& body) -> std::invoke_result_t<Body, soci::session&> {
    auto session = borrow();
    if (!session) return tl::unexpected(std::move(session.error()));
    auto kind = Failure::Kind::kRefused;
    auto result = guarded(**session, body, kind);
    give_back(std::move(*session), result.has_value());
    return result;
  }

 private:
  template <class Body>
  auto write_once(Body& body, Failure::Kind& kind) -> std::invoke_result_t<Body, soci::session&> {
    if (auto begun = begin_write(); !begun) return tl::unexpected(std::move(begun.error()));
    auto result = guarded(*writer_, body, kind);
    if (!result) {
      roll_back(kind);
      return result;
    }
    if (auto done = commit(kind); !done) return tl::unexpected(std::move(done.error()));
    return result;
  }

  template <class Body>
  auto guarded(soci::session& session, Body& body, Failure::Kind& kind)
      -> std::invoke_result_t<Body, soci::session&> {
    try {
      return body(session);
    } catch (...) {
      Failure failure = dialect_.explain();
      kind = failure.kind;
      return tl::unexpected(std::move(failure.error));
    }
  }

  Result<void> begin_write();
  Result<void> commit(Failure::Kind& kind);
  void roll_back(Failure::Kind kind);
  static void pause_after(int attempt);
  Result<void> begin(Session& session, Access access);
  Result<Session> borrow();
  void give_back(Session session, bool healthy);

  Dialect& dialect_;
  std::mutex write_mutex_;
  Session writer_;  ///< guarded by write_mutex_; null until needed and after a failure

  std::mutex readers_mutex_;
  std::condition_variable reader_free_;
  std::vector<Session> idle_;
  int lent_ = 0;
};

}  // namespace waybill::store
