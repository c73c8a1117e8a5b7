#pragma once
// One open stream of events on a connection. Boost stays in the .cc files of this folder, of which this is
// the only shared header.

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "http/events.h"

namespace waybill::http {

/// Writes `head` (the answer's header) and then events until the peer goes, or takes none for two beats. All
/// socket work is on the executor of `socket`. At most kEventsWaitingMax events wait; then they are dropped
/// and the overflow event takes their place. Shared ownership because each pending operation keeps it alive.
class EventSession : public std::enable_shared_from_this<EventSession> {
 public:
  EventSession(boost::asio::ip::tcp::socket socket, std::shared_ptr<EventHub::Place> place, std::string head,
               std::chrono::milliseconds beat);
  void start();

 private:
  void push(const EventHub::Event& event);
  void write_next();
  void wait_for_end();
  void beat();
  void close();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<EventHub::Place> place_;
  std::chrono::milliseconds beat_;
  std::deque<EventHub::Event> waiting_;
  bool writing_ = false;
  bool stalled_ = false;  ///< the write that is under way was so at the last beat
  std::array<char, 512> scrap_{};
};

}  // namespace waybill::http
