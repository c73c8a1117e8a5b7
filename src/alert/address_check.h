#pragma once
// Which addresses a notifier may connect to, so that a configuration or a name server cannot point it at the
// insides of a network.

#include <cstdint>
#include <span>
#include <string_view>

namespace waybill::alert {

/// Why a connection to this address (4 or 16 bytes, network order) is refused; empty = it is allowed.
/// Unspecified, link-local, multicast, reserved addresses and those where clouds answer with secrets are
/// never allowed; loopback and private ranges (RFC 1918, 6598, 4193) with `allow_private` only. IPv4 inside
/// IPv6 (mapped, NAT64, 6to4) is looked at as IPv4.
std::string_view refused_address(std::span<const uint8_t> address, bool allow_private);

}  // namespace waybill::alert
