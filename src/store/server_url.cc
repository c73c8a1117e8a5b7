#include "store/server_url.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "store/lock_file.h"

namespace waybill::store {
namespace {

constexpr std::string_view kPasswordFile = "password_file";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// False for a '%' without two digits, and for a NUL.
bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
      if (low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return false;
    out += c;
  }
  return true;
}

/// Takes what stands before `mark` away from `rest`; all of it when there is no mark.
std::string_view take_until(std::string_view& rest, char mark) {
  const size_t at = rest.find(mark);
  const std::string_view head = rest.substr(0, at);
  rest = at == rest.npos ? std::string_view() : rest.substr(at + 1);
  return head;
}

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(Errc::kInvalid,
              "store: " + what + "; it looks like postgresql://user:password@host:port/database");
}

Result<void> parse_address(std::string_view text, ServerUrl& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return invalid("\"[\" without \"]\"");
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return invalid("no port behind \"]\"");
    if (!port.empty()) port.remove_prefix(1);
  } else {
    if (!percent_decode(take_until(text, ':'), url.host)) return invalid("the host is not understood");
    port = text;
  }
  if (url.host.empty()) return invalid("the host is missing");
  if (port.empty()) return {};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return invalid(
        "the port is not a number from 1 to 65535 (is there a @ or / in the password? write %40, %2F)");
  return {};
}

Result<void> parse_options(std::string_view text, std::initializer_list<std::string_view> allowed,
                           ServerUrl& url) {
  while (!text.empty()) {
    std::string_view value = take_until(text, '&');
    const std::string name(take_until(value, '='));
    if (name != kPasswordFile && std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      std::string known(kPasswordFile);
      for (auto option : allowed) known += ", " + std::string(option);
      return invalid("unknown option \"" + name + "\"; known are " + known);
    }
    if (!percent_decode(value, url.options[name]) || url.options[name].empty())
      return invalid("the option " + name + " has no proper value");
  }
  return {};
}

}  // namespace

Result<ServerUrl> parse_server_url(std::string_view text, uint16_t default_port,
                                   std::initializer_list<std::string_view> options) {
  ServerUrl url;
  url.port = default_port;
  const size_t mark = text.find("://");
  if (mark == text.npos) return invalid("\"://\" is missing");
  url.scheme = text.substr(0, mark);
  std::string_view rest = text.substr(mark + 3);
  std::string_view before_options = take_until(rest, '?');
  std::string_view authority = take_until(before_options, '/');
  if (!percent_decode(before_options, url.database) || url.database.empty())
    return invalid("the database is missing");
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    std::string_view secret = authority.substr(0, at);
    const std::string_view user = take_until(secret, ':');
    if (!percent_decode(user, url.user) || !percent_decode(secret, url.password_))
      return invalid("user or password hold a % that is not followed by two hexadecimal digits (write %25)");
    authority.remove_prefix(at + 1);
  }
  if (url.user.empty()) return invalid("the user is missing");
  if (auto fine = parse_address(authority, url); !fine) return tl::unexpected(std::move(fine.error()));
  if (auto fine = parse_options(rest, options, url); !fine) return tl::unexpected(std::move(fine.error()));
  if (!url.password_.empty() && url.options.contains(kPasswordFile))
    return invalid("both a password and password_file are given");
  return url;
}

Result<std::string> ServerUrl::password() const {
  const std::string path = option(kPasswordFile);
  if (path.empty()) return password_;
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line))
    return tl::unexpected(system_error(errno, "cannot read the password of " + place() + " from", path));
  if (line.ends_with('\r')) line.pop_back();
  if (line.find('\0') != line.npos) return fail(Errc::kInvalid, path + ": a password cannot hold a NUL");
  return line;
}

std::string ServerUrl::place() const {
  const std::string address = host.find(':') == host.npos ? host : "[" + host + "]";
  return scheme + "://" + user + "@" + address + ":" + std::to_string(port) + "/" + database;
}

std::string ServerUrl::option(std::string_view name, std::string_view otherwise) const {
  const auto it = options.find(name);
  return it == options.end() ? std::string(otherwise) : it->second;
}

std::string connect_parameter(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "='";
  for (char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "' ";
}

}  // namespace waybill::store
