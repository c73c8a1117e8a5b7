#include "store/sessions.h"

#include <soci/soci.h>

#include <string>

namespace waybill::store {

void CloseSession::operator()(soci::session* session) const noexcept { delete session; }

Result<void> Sessions::begin_write() {
  try {
    if (!writer_) writer_ = dialect_.connect(Access::kWrite);
    *writer_ << std::string(dialect_.words().begin_write);
    return {};
  } catch (...) {
    Error error = dialect_.explain();
    writer_.reset();
    return tl::unexpected(std::move(error));
  }
}

Result<void> Sessions::commit() {
  try {
    *writer_ << "COMMIT";
    return {};
  } catch (...) {
    Error error = dialect_.explain();
    writer_.reset();  // closing it rolls back what is still open
    // A full or locked disk is told before the commit is decided; of anything else the outcome has to be
    // read.
    if (error.code == Errc::kLimit || error.code == Errc::kDenied) return tl::unexpected(std::move(error));
    return fail(Errc::kUnknown, "the outcome of the commit is not known: " + error.message);
  }
}

void Sessions::roll_back() {
  try {
    *writer_ << "ROLLBACK";
  } catch (...) {
    writer_.reset();  // the server has rolled back by itself, or will when the connection closes
  }
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
  try {
    if (!session) session = dialect_.connect(Access::kRead);
    *session << std::string(dialect_.words().begin_read);
    return session;
  } catch (...) {
    Error error = dialect_.explain();
    give_back(nullptr, false);
    return tl::unexpected(std::move(error));
  }
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
