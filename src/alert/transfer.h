#pragma once
// One request to a receiver by libcurl, HTTP or SMTP: the address is checked when the connection is made,
// redirects and proxies are not followed, 10 s, 1 MiB of reply.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace waybill::alert {

inline constexpr Millis kTransferMax{10'000};
inline constexpr size_t kReplyBytesMax = 1 << 20;

struct TransferOptions {
  bool allow_private = false;                                        ///< address_check.h
  std::string ca_file;                                               ///< empty: the system's
  std::string user, password;                                        ///< of the mail server; empty = none
  enum class Tls : uint8_t { kTry, kNeed, kNever } tls = Tls::kTry;  ///< STARTTLS of smtp://
};

struct Reply {
  long status = 0;    ///< of HTTP or SMTP
  std::string body;   ///< of HTTP
  bool whole = true;  ///< false: the body was longer than kReplyBytesMax and is cut
};

struct Mail {
  std::string from;  ///< addresses without names
  std::vector<std::string> to;
  std::vector<std::string> headers;  ///< "Subject: ..."
  std::string text;                  ///< UTF-8
};

/// One thread. Keeps its connection open between requests. No error message holds a URL's path or a secret.
class Transfer {
 public:
  explicit Transfer(TransferOptions options);
  /// Whatever the status: a Reply. kUnavailable: no connection, no answer in time; kDenied: the address is
  /// not allowed.
  Result<Reply> post(const std::string& url, const std::string& body,
                     const std::vector<std::string>& headers);
  /// A Reply with status 250 when the server took it; other statuses are a refusal. Errors as post().
  Result<Reply> mail(const std::string& url, const Mail& mail);

 private:
  struct Handle;
  struct Destroy {
    void operator()(Handle* handle) const;
  };
  Result<Reply> perform();

  TransferOptions options_;
  std::unique_ptr<Handle, Destroy> handle_;
};

/// "https://host/..." and the like with a scheme of `schemes` and a host. kInvalid says what is allowed.
Result<void> check_url(const std::string& url, const std::vector<std::string>& schemes);

}  // namespace waybill::alert
