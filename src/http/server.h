#pragma once
// A small HTTP/1.1 server over Boost.Beast: routes, limits, tokens, problem bodies. Knows nothing of audits.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "http/events.h"

namespace waybill::http {

enum class Role : uint8_t { kAnyone, kViewer, kOperator };

struct Request {
  std::string method;
  std::string path;                                ///< decoded, without the query
  std::map<std::string, std::string> path_params;  ///< by the {name} of the route
  std::multimap<std::string, std::string> query;   ///< decoded
  std::map<std::string, std::string> headers;      ///< lower-case names
  std::string body{};
  std::optional<std::string> param(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  /// When set, the answer is the header and then events for as long as the peer listens; `body` is not used.
  std::shared_ptr<EventHub::Place> events{};
};

/// RFC 9457 body: {"type":"about:blank","title":...,"status":...,"detail":...}.
Response problem(int status, std::string_view detail);
/// Maps an Errc to a status: kInvalid 400, kDenied 403, kNotFound 404, kConflict 409, kLimit 413,
/// kUnavailable 503, else 500.
Response problem(const Error& error);

using Handler =
    std::function<Response(const Request&)>;  ///< called from a worker thread; a thrown exception becomes 500

struct Route {
  std::string method;
  std::string pattern;  ///< "/api/v1/topics/{topic}/buckets"
  Role role = Role::kViewer;
  Handler handler;
  /// May take as long as a second, or wait for what others ask for too: answered by threads of its kind, so
  /// that quick answers do not stand behind it.
  bool slow = false;
};

struct Token {
  Role role = Role::kViewer;
  std::string value;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8420;         ///< 0 = any free port; see Server::port
  std::vector<Token> tokens{};  ///< empty = everyone is an operator
  size_t header_bytes_max = 16 * 1024;
  size_t body_bytes_max = 1 << 20;
  int connections_max = 256;
  int64_t request_ms_max = 10'000;
  int threads = 2;           ///< for quick routes, and as many for slow ones
  int64_t beat_ms = 15'000;  ///< between signs of life on a stream of events
};

class Server {
 public:
  /// Binds and listens. kUnavailable when the address is taken (the message names it), kDenied when not
  /// allowed.
  static Result<std::unique_ptr<Server>> open(ServerOptions options, std::vector<Route> routes, LogFn log);
  virtual ~Server() = default;  ///< stops
  virtual uint16_t port() const = 0;
};

}  // namespace waybill::http
