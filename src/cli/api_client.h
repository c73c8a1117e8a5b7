#pragma once
// Asks a running server's API over HTTP, for the commands that speak to one.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace waybill::cli {

/// Where the server is. An empty `url` means $WAYBILL_URL, else kDefaultUrl; an empty `token_file` means
/// $WAYBILL_TOKEN, else no token.
struct ServerArgs {
  std::string url;
  std::string token_file;
};

inline constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8420";
/// An answer above this is kLimit.
inline constexpr size_t kAnswerBytesMax = 64u << 20;

/// Names and values, not encoded.
using ApiQuery = std::vector<std::pair<std::string, std::string>>;

/// Not thread-safe; one connection, kept open.
class ApiClient {
 public:
  /// `variable` reads the environment, `read_file` a token's file. Errors: kInvalid (the URL), those of
  /// read_file.
  static Result<ApiClient> open(
      const ServerArgs& args,
      const std::function<std::optional<std::string>(std::string_view name)>& variable,
      const std::function<Result<std::string>(const std::string& path)>& read_file);

  /// The body of a 2xx answer. `path` is encoded already (see base/percent.h). At most 5 s to connect and 60
  /// s in all. Errors by status with the server's own words: 400 kInvalid, 401 and 403 kDenied, 404
  /// kNotFound, 409 kConflict, 413 kLimit, else kUnavailable; no server there: kUnavailable with what to do.
  Result<std::string> get(const std::string& path, const ApiQuery& query);
  Result<std::string> post(const std::string& path, const ApiQuery& query, const std::string& json);
  const std::string& url() const { return url_; }

 private:
  struct Handle;
  struct Destroy {
    void operator()(Handle* handle) const;
  };
  ApiClient() = default;
  Result<std::string> perform(const std::string& path, const ApiQuery& query, const std::string* json);
  std::string url_;
  std::string token_;
  std::unique_ptr<Handle, Destroy> handle_;
};

/// What a problem body (RFC 9457) says to people: its detail, else its title, else nothing.
std::string problem_text(std::string_view body);

}  // namespace waybill::cli
