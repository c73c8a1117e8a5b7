#include "plugin/host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace waybill::plugin {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::string first_address() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  std::string address;
  for (ifaddrs* at = list; at && address.empty(); at = at->ifa_next) {
    if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || (at->ifa_flags & IFF_LOOPBACK)) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* in = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    if (inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size())) address = text.data();
  }
  freeifaddrs(list);
  return address;
}

}  // namespace

client::Identity make_identity(const Settings& settings) {
  client::Identity identity;
  identity.reporter = Id128::random();
  identity.data_center = settings.data_center;
  identity.service = settings.service;
  identity.host = host_name();
  identity.ip = first_address();
  identity.pid = static_cast<uint64_t>(getpid());
  return identity;
}

void say(LogLevel level, std::string_view message) noexcept try {
  static std::atomic<int> lines{0};
  if (lines.fetch_add(1, std::memory_order_relaxed) >= kLinesMax) return;
  std::string line = level >= LogLevel::kError ? "waybill: error: " : "waybill: ";
  for (char c : message) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  line += '\n';
  std::fputs(line.c_str(), stderr);
} catch (...) {
}

}  // namespace waybill::plugin
