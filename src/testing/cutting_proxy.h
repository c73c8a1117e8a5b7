#pragma once
// A TCP proxy on loopback that cuts a connection at COMMIT, so that a client cannot know the outcome.

#include <atomic>
#include <cstdint>
#include <list>
#include <thread>

namespace waybill::testing {

/// Forwards to 127.0.0.1:`server_port` with a thread per connection, until it is destroyed. Thread-safe.
class CuttingProxy {
 public:
  enum class Cut {
    kNever,
    kBeforeCommit,  ///< the server never gets it
    kAfterCommit,   ///< the server has answered, the client never hears of it
  };
  /// Listens on `port`, or on a free one.
  explicit CuttingProxy(uint16_t server_port, uint16_t port = 0);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  uint16_t port() const { return port_; }
  /// The next COMMIT is cut so, once.
  void arm(Cut cut) { armed_ = cut; }
  int cuts(Cut cut) const { return cut == Cut::kBeforeCommit ? before_ : after_; }

 private:
  void accept_all();
  void serve(int client);
  bool to_server(int client, int server);

  uint16_t server_port_;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stop_ = false;
  std::atomic<Cut> armed_ = Cut::kNever;
  std::atomic<int> before_ = 0, after_ = 0;
  std::list<std::thread> connections_;  ///< touched by the accepting thread, and after it has ended
  std::thread accepting_;
};

}  // namespace waybill::testing
