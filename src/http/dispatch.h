#pragma once
// From a request to its answer: route, token, handler, and the headers that every answer carries. No sockets.

#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "http/router.h"
#include "http/server.h"

namespace waybill::http {

/// Immutable; any thread.
class Dispatcher {
 public:
  Dispatcher(std::vector<Route> routes, std::vector<Token> tokens, LogFn log);

  /// `request` has method, headers and body; path, query and path_params are filled from `target`. Never
  /// throws: a handler's exception is logged and becomes 500.
  Response answer(Request request, std::string_view target) const;

  /// Whether the route of this request is a slow one.
  bool slow(std::string_view method, std::string_view target) const;

 private:
  Router router_;
  std::vector<Token> tokens_;
  LogFn log_;
};

/// Compares without a branch on the content; only the lengths can be measured from outside.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// Adds Content-Security-Policy and the like where the handler has not said otherwise.
void add_security_headers(Response& response);

}  // namespace waybill::http
