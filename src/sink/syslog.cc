#include "sink/syslog.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/utf8.h"

namespace waybill::sink {
namespace {

constexpr size_t kHostMax = 255, kProcessMax = 128, kMessageIdMax = 32;
constexpr int64_t kSequenceIdMax = 2'147'483'647;

/// A header field: printable ASCII without spaces, "-" when empty.
std::string header_field(std::string_view text, size_t most) {
  std::string out(text.substr(0, most));
  for (char& c : out) {
    if (c <= ' ' || c >= 0x7f) c = '_';
  }
  return out.empty() ? "-" : out;
}

std::string timestamp(int64_t time_ms) {
  const int64_t millis = (time_ms % 1000 + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((time_ms - millis) / 1000);
  std::tm tm{};
  if (gmtime_r(&seconds, &tm) == nullptr || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) return "-";
  std::array<char, 96> text{};
  const auto part = static_cast<int>(millis);
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                 (tm.tm_year + 1900) % 10'000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                                 tm.tm_min, tm.tm_sec, part);
  return std::string(text.data(), static_cast<size_t>(size));
}

void append_text(std::string& out, std::string_view value) {
  // No more characters than bytes that fit; a character cut in two there is cut off below.
  const std::string text = to_utf8(value.substr(0, kSyslogBytesMax));
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_sequence_length(std::string_view(text).substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 || byte == 0x7f;
    if (out.size() + (control ? 4 : length) > kSyslogBytesMax) return;
    if (control) {
      out += '#';
      for (int shift : {6, 3, 0}) out += static_cast<char>('0' + ((byte >> shift) & 7));
    } else {
      out.append(text, i, length);
    }
    i += length;
  }
}

}  // namespace

Result<SyslogAddress> parse_syslog_url(std::string_view url) {
  auto wrong = [&] {
    return fail(Errc::kInvalid, "\"" + std::string(url) +
                                    "\" is no syslog address; udp://127.0.0.1:514 or tcp://[::1]:601 are");
  };
  SyslogAddress address;
  if (url.starts_with("tcp://")) {
    address.transport = SyslogAddress::Transport::kTcp;
  } else if (!url.starts_with("udp://")) {
    return wrong();
  }
  const std::string_view rest = url.substr(6);
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]/@ ") != std::string_view::npos) {
    return wrong();
  }
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (host.empty() || !digits) return wrong();
  const int number = std::stoi(std::string(port));
  if (number < 1 || number > 65535) return wrong();
  address.host = host;
  address.port = port;
  return address;
}

std::string syslog_message(const ForwardRecord& record, std::string_view host, std::string_view process) {
  std::string out = "<" + std::to_string(kSyslogFacility * 8 + std::clamp(record.severity, 0, 7)) + ">1 ";
  out += timestamp(record.time_ms) + ' ' + header_field(host, kHostMax) + " waybill ";
  out += header_field(process, kProcessMax) + ' ' + header_field(record.watch, kMessageIdMax);
  out += " [meta sequenceId=\"" +
         std::to_string((std::max<int64_t>(1, record.sequence) - 1) % kSequenceIdMax + 1);
  out += "\"] ";
  append_text(out, record.value);
  return out;
}

}  // namespace waybill::sink
