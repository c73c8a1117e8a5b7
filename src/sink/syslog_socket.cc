#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/deadline.h"
#include "sink/syslog.h"

namespace waybill::sink {
namespace {

Error socket_error(std::string_view what, int code) {
  return {Errc::kUnavailable, std::string(what) + ": " + std::strerror(code)};
}

class SyslogSink final : public ForwardSink {
 public:
  SyslogSink(SyslogAddress address, std::string host, std::string process)
      : address_(std::move(address)), host_(std::move(host)), process_(std::move(process)) {}
  ~SyslogSink() override { close_socket(); }
  SyslogSink(const SyslogSink&) = delete;
  SyslogSink& operator=(const SyslogSink&) = delete;

  Delivery deliver(std::span<const ForwardRecord> records, Millis wait) override {
    const Deadline until(wait);
    if (auto open = open_socket(until); !open) return {.error = open.error()};
    auto delivery = address_.transport == SyslogAddress::Transport::kUdp ? send_datagrams(records, until)
                                                                         : send_stream(records, until);
    if (delivery.error) close_socket();
    return delivery;
  }

 private:
  Delivery send_datagrams(std::span<const ForwardRecord> records, const Deadline& until) {
    Delivery delivery;
    for (const ForwardRecord& record : records) {
      const std::string message = syslog_message(record, host_, process_);
      if (auto sent = send_all(message, until); !sent) {
        delivery.error = sent.error();
        return delivery;
      }
      ++delivery.done;
    }
    return delivery;
  }

  /// All or none: what lies in our own kernel when the connection breaks is lost.
  Delivery send_stream(std::span<const ForwardRecord> records, const Deadline& until) {
    char byte = 0;
    if (recv(socket_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
      return {.error = Error{Errc::kUnavailable, "the other side has closed the connection"}};
    std::string frames;
    for (const ForwardRecord& record : records) {
      const std::string message = syslog_message(record, host_, process_);
      (frames += std::to_string(message.size())) += ' ';
      frames += message;
    }
    if (auto sent = send_all(frames, until); !sent) return {.error = sent.error()};
    if (auto taken = wait_until_acknowledged(until); !taken) return {.error = taken.error()};
    return {.done = records.size(), .error = std::nullopt};
  }

  Result<void> wait_until_acknowledged(const Deadline& until) {
    for (;;) {
      int waiting = 0, code = 0;
      socklen_t size = sizeof code;
      if (ioctl(socket_, SIOCOUTQ, &waiting) != 0)
        return tl::make_unexpected(socket_error("send queue", errno));
      if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
      if (code != 0) return tl::make_unexpected(socket_error("sending", code));
      if (waiting == 0) return {};
      if (until.left_ms() == 0) return fail(Errc::kUnavailable, "the other side does not read");
      poll(nullptr, 0, 1);
    }
  }

  Result<void> send_all(std::string_view bytes, const Deadline& until) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (auto ready = wait_writable(until); !ready) return ready;
      } else if (errno != EINTR) {
        return tl::make_unexpected(socket_error("sending", errno));
      }
    }
    return {};
  }

  Result<void> wait_writable(const Deadline& until) {
    pollfd waiting{socket_, POLLOUT, 0};
    const int ready = poll(&waiting, 1, until.left_ms());
    if (ready < 0 && errno != EINTR) return tl::make_unexpected(socket_error("waiting", errno));
    if (ready == 0) return fail(Errc::kUnavailable, "the other side does not answer in time");
    return {};
  }

  Result<void> open_socket(const Deadline& until) {
    if (socket_ >= 0) return {};
    addrinfo hints{};
    hints.ai_socktype = address_.transport == SyslogAddress::Transport::kUdp ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code = getaddrinfo(address_.host.c_str(), address_.port.c_str(), &hints, &found);
    if (code != 0) return fail(Errc::kUnavailable, address_.host + ": " + gai_strerror(code));
    Result<void> opened = fail(Errc::kUnavailable, address_.host + " has no address");
    for (const addrinfo* at = found; at != nullptr && !opened; at = at->ai_next)
      opened = connect_to(*at, until);
    freeaddrinfo(found);
    return opened;
  }

  Result<void> connect_to(const addrinfo& at, const Deadline& until) {
    socket_ = socket(at.ai_family, at.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at.ai_protocol);
    if (socket_ < 0) return tl::make_unexpected(socket_error("socket", errno));
    auto connected = [&]() -> Result<void> {
      if (connect(socket_, at.ai_addr, at.ai_addrlen) == 0) return {};
      if (errno != EINPROGRESS) return tl::make_unexpected(socket_error("connecting", errno));
      if (auto ready = wait_writable(until); !ready) return ready;
      int code = 0;
      socklen_t size = sizeof code;
      if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
      if (code != 0) return tl::make_unexpected(socket_error("connecting", code));
      return {};
    }();
    if (!connected) close_socket();
    return connected;
  }

  void close_socket() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  SyslogAddress address_;
  std::string host_, process_;
  int socket_ = -1;
};

}  // namespace

std::unique_ptr<ForwardSink> make_syslog_sink(SyslogAddress address, std::string host, std::string process) {
  return std::make_unique<SyslogSink>(std::move(address), std::move(host), std::move(process));
}

}  // namespace waybill::sink
