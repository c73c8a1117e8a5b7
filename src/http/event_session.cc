#include "http/event_session.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace waybill::http {

namespace asio = boost::asio;
using boost::system::error_code;

EventSession::EventSession(asio::ip::tcp::socket socket, std::shared_ptr<EventHub::Place> place,
                           std::string head, std::chrono::milliseconds beat)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), place_(std::move(place)), beat_(beat) {
  waiting_.push_back(std::make_shared<const std::string>(std::move(head) + event_text("hello", "{}")));
}

void EventSession::start() {
  place_->listen([weak = weak_from_this(), executor = socket_.get_executor()](const EventHub::Event& event) {
    asio::post(executor, [weak, event] {
      if (auto self = weak.lock()) self->push(event);
    });
  });
  write_next();
  wait_for_end();
  beat();
}

void EventSession::push(const EventHub::Event& event) {
  if (!socket_.is_open()) return;
  if (waiting_.size() >= kEventsWaitingMax) {
    // The first one may be under way; what follows it is what everything anew stands for.
    waiting_.resize(1);
    waiting_.push_back(std::make_shared<const std::string>(place_->overflow()));
  }
  waiting_.push_back(event);
  write_next();
}

void EventSession::write_next() {
  if (writing_ || waiting_.empty()) return;
  writing_ = true;
  stalled_ = false;
  asio::async_write(socket_, asio::buffer(*waiting_.front()),
                    [self = shared_from_this()](error_code error, size_t) {
                      self->writing_ = false;
                      if (error) return self->close();
                      self->waiting_.pop_front();
                      self->write_next();
                    });
}

/// A peer that closes is noticed by reading; what it sends is of no interest.
void EventSession::wait_for_end() {
  socket_.async_read_some(asio::buffer(scrap_), [self = shared_from_this()](error_code error, size_t) {
    if (error) return self->close();
    self->wait_for_end();
  });
}

void EventSession::beat() {
  timer_.expires_after(beat_);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error || !self->socket_.is_open()) return;
    if (self->writing_ && self->stalled_) return self->close();
    self->stalled_ = self->writing_;
    if (!self->writing_) self->push(std::make_shared<const std::string>(event_text("beat", "{}")));
    self->beat();
  });
}

void EventSession::close() {
  error_code ignored;
  timer_.cancel();
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace waybill::http
