#include "testing/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace waybill::testing {
namespace {

constexpr int kPollMs = 50;  ///< how soon a stop is seen

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::abort();
}

bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(uint16_t server_port, uint16_t port) : server_port_(server_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(listener_ >= 0, "socket");
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = loopback(port);
  must(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  must(::listen(listener_, 16) == 0, "listen");
  socklen_t length = sizeof address;
  must(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  accepting_.join();
  for (auto& connection : connections_) connection.join();
  ::close(listener_);
}

void CuttingProxy::accept_all() {
  while (!stop_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, client] { serve(client); });
  }
}

void CuttingProxy::serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(server_port_);
  bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  char buffer[65536];
  while (open && !stop_) {
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(both, 2, kPollMs) <= 0) continue;
    if (both[0].revents != 0) open = to_server(client, server);
    if (open && both[1].revents != 0) {
      const ssize_t got = ::recv(server, buffer, sizeof buffer, 0);
      open = got > 0 && send_all(client, {buffer, static_cast<size_t>(got)});
    }
  }
  ::close(server);
  ::close(client);
}

/// False when the connection ends here. A COMMIT comes in one piece: clients send it alone.
bool CuttingProxy::to_server(int client, int server) {
  char buffer[65536];
  const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  const std::string_view bytes(buffer, static_cast<size_t>(got));
  Cut cut = Cut::kNever;
  const bool commit = bytes.find("COMMIT") != bytes.npos && bytes.find("COMMITTED") == bytes.npos;
  if (commit) cut = armed_.exchange(Cut::kNever);
  if (cut == Cut::kBeforeCommit) {
    ++before_;
    return false;
  }
  if (!send_all(server, bytes)) return false;
  if (cut == Cut::kNever) return true;
  ++after_;
  (void)::recv(server, buffer, sizeof buffer, 0);
  return false;
}

}  // namespace waybill::testing
