#pragma once
// HTTP to the nodes of one Elasticsearch or OpenSearch cluster.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "search/server_kind.h"

namespace waybill::search {

/// Answers with more bytes are kLimit.
inline constexpr size_t kSearchAnswerBytesMax = 256 << 20;

/// A configured server.
struct Server {
  std::string name;
  std::vector<std::string> urls;  ///< "https://node:9200", of one cluster; at least one
  std::string user;               ///< empty: none
  std::string password;
  std::string ca_file;  ///< PEM; empty: the system's
  Millis timeout{30'000};
};

struct Reply {
  long status = 0;  ///< of HTTP
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

/// Used from one thread, interrupt() from any. Keeps its connection open. Cost: one round trip a call.
class Connection {
 public:
  /// Does not connect yet.
  explicit Connection(Server server);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Any status is a Reply, but 502 and 504, which stand for a node that cannot be reached. That one is left
  /// for the next of the URLs; kUnavailable when none answers, without passwords in the message. kLimit:
  /// kSearchAnswerBytesMax. `body` empty: none is sent. `type`: its content type.
  Result<Reply> call(std::string_view method, const std::string& path, std::string_view body,
                     const char* type = "application/json");
  /// What the server is. Asked once; kUnavailable, kDenied, kUnsupported.
  Result<ServerKind> kind();
  /// Asks anew next time.
  void forget_kind() { kind_.reset(); }
  /// A call that is under way ends with kUnavailable, and so does each later one.
  void interrupt() { interrupted_ = true; }
  const Server& server() const { return server_; }

 private:
  struct Handle;
  Result<Reply> perform(const std::string& url, std::string_view method, std::string_view body,
                        const char* type);

  Server server_;
  std::unique_ptr<Handle> handle_;
  size_t at_ = 0;  ///< the URL that answered last
  std::unique_ptr<ServerKind> kind_;
  std::atomic<bool> interrupted_{false};
};

/// Errors as the server tells them: "index_not_found_exception: no such index [x]"; else the status and the
/// first bytes.
std::string reply_text(const Reply& reply);
/// With the code of errc_of_http().
Error reply_error(const Reply& reply);

/// Text for one segment of a path; the "*" of patterns and the "," between names stay.
std::string path_segment(std::string_view text);

}  // namespace waybill::search
