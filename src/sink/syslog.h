#pragma once
// Forwards as syslog messages: RFC 5424, over UDP (RFC 5426) or TCP with octet counting (RFC 6587).

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sink/forward_sink.h"

namespace waybill::sink {

/// Header included; longer messages are cut, between characters.
inline constexpr size_t kSyslogBytesMax = 8'192;
inline constexpr int kSyslogFacility = 16;  ///< local0

struct SyslogAddress {
  enum class Transport : uint8_t { kUdp, kTcp } transport = Transport::kUdp;
  std::string host;  ///< name or address, without brackets
  std::string port;
};

/// "udp://host:514", "tcp://[::1]:601". kInvalid, with what is allowed.
Result<SyslogAddress> parse_syslog_url(std::string_view url);

/// <PRI>1 TIME HOST waybill PROCID MSGID [meta sequenceId="N"] MSG, without framing. TIME is the record's,
/// MSGID the watch (printable ASCII, 32 characters), N the record's sequence in the outbox (repeats have the
/// same one), MSG the value as UTF-8 with control characters as #ooo (octal).
std::string syslog_message(const ForwardRecord& record, std::string_view host, std::string_view process);

/// Syslog has no acknowledgements: done is, over UDP, what the kernel took; over TCP, what the other side's
/// kernel has acknowledged. Connects at the first record, and again after a failure. `host` is HOST.
std::unique_ptr<ForwardSink> make_syslog_sink(SyslogAddress address, std::string host, std::string process);

}  // namespace waybill::sink
