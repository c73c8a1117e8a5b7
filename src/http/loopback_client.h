#pragma once
// A plain client of the server under test. For the tests of this folder only.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace waybill::http {

/// How long a test waits for what must come.
inline constexpr int kDeadlineMs = 10'000;

/// A socket connected to 127.0.0.1:`port` that closes itself. Failures are the test's.
class LoopbackClient {
 public:
  explicit LoopbackClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  LoopbackClient(const LoopbackClient&) = delete;
  LoopbackClient& operator=(const LoopbackClient&) = delete;
  ~LoopbackClient() { close(fd_); }

  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  void half_close() const { shutdown(fd_, SHUT_WR); }

  /// Appends what comes to `all` until `enough(all)`, the peer closes, or the deadline.
  template <class F>
  void receive(std::string& all, F enough) const {
    char buffer[65536];
    while (!enough(all)) {
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, kDeadlineMs) != 1) {
        ADD_FAILURE() << "no answer in time; so far: " << all.substr(0, 500);
        return;
      }
      ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      all.append(buffer, static_cast<size_t>(n));
    }
  }
  std::string receive_all() const {
    std::string all;
    receive(all, [](const std::string&) { return false; });
    return all;
  }
  /// One answer with a Content-Length.
  std::string receive_one() const {
    std::string all;
    receive(all, [](const std::string& so_far) {
      size_t end = so_far.find("\r\n\r\n");
      size_t length = so_far.find("Content-Length: ");
      if (end == std::string::npos || length == std::string::npos) return false;
      return so_far.size() >= end + 4 + std::stoul(so_far.substr(length + 16));
    });
    return all;
  }

 private:
  int fd_;
};

}  // namespace waybill::http
