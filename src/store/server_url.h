#pragma once
// The URL of a database server: "scheme://user:password@host:port/database?option=value". Pure but for
// password().

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::store {

struct ServerUrl {
  std::string scheme, user, host, database;
  uint16_t port = 0;
  std::map<std::string, std::string, std::less<>> options;

  /// What the URL says, or the first line of the file that ?password_file= names, read at each call so that a
  /// changed password is used. Errors: kUnavailable, kDenied with the path.
  Result<std::string> password() const;
  /// For logs and messages: "postgresql://user@host:port/database".
  std::string place() const;
  /// The value of an option, or `otherwise`.
  std::string option(std::string_view name, std::string_view otherwise = "") const;

 private:
  friend Result<ServerUrl> parse_server_url(std::string_view, uint16_t,
                                            std::initializer_list<std::string_view>);
  std::string password_;
};

/// Parts may be percent-encoded (RFC 3986); an IPv6 address stands in brackets. "password_file" is always
/// allowed beside `options`. kInvalid says what is wrong and never repeats what may be a password.
Result<ServerUrl> parse_server_url(std::string_view url, uint16_t default_port,
                                   std::initializer_list<std::string_view> options);

/// "name='value' " with quotes and backslashes escaped as SOCI's MySQL backend wants them.
std::string connect_parameter(std::string_view name, std::string_view value);

}  // namespace waybill::store
