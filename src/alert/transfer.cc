#include "alert/transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>

#include "alert/address_check.h"
#include "base/assert.h"
#include "net/curl.h"

namespace waybill::alert {
namespace {

struct FreeMime {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

/// What the callbacks of one request write.
struct Exchange {
  bool allow_private = false;
  std::string refused{};  ///< why a connection was not made
  net::Body body{.bytes_max = kReplyBytesMax};
};

curl_socket_t open_checked(void* opaque, curlsocktype, curl_sockaddr* to) {
  auto* exchange = static_cast<Exchange*>(opaque);
  std::span<const uint8_t> bytes;
  char text[INET6_ADDRSTRLEN] = "?";
  if (to->family == AF_INET) {
    auto* v4 = reinterpret_cast<const sockaddr_in*>(&to->addr);
    bytes = {reinterpret_cast<const uint8_t*>(&v4->sin_addr), 4};
  } else if (to->family == AF_INET6) {
    auto* v6 = reinterpret_cast<const sockaddr_in6*>(&to->addr);
    bytes = {reinterpret_cast<const uint8_t*>(&v6->sin6_addr), 16};
  }
  if (!bytes.empty()) inet_ntop(to->family, bytes.data(), text, sizeof text);
  if (auto why = refused_address(bytes, exchange->allow_private); !why.empty()) {
    exchange->refused = fmt::format("{} is {}", text, why);
    return CURL_SOCKET_BAD;
  }
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

net::Lines lines_of(const std::vector<std::string>& lines) {
  net::Lines list;
  for (const auto& line : lines) net::add_line(list, line);
  return list;
}

}  // namespace

struct Transfer::Handle {
  Exchange exchange;
  net::Easy easy = net::make_easy();  ///< last: goes first
};

void Transfer::Destroy::operator()(Handle* handle) const { delete handle; }

Transfer::Transfer(TransferOptions options) : options_(std::move(options)) {
  handle_.reset(new Handle);
  ASSERT(handle_->easy != nullptr);
}

Result<Reply> Transfer::perform() {
  CURL* easy = handle_->easy.get();
  Exchange& exchange = handle_->exchange;
  exchange = {.allow_private = options_.allow_private};
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_checked);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  net::receive(easy, exchange.body);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(kTransferMax.count()));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // nor the one of the environment
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (!options_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
  const CURLcode code = curl_easy_perform(easy);
  Reply reply{.body = std::move(exchange.body.text), .whole = exchange.body.whole};
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  const bool cut = code == CURLE_WRITE_ERROR && !reply.whole;
  if (code == CURLE_OK || cut) return reply;
  if (!exchange.refused.empty()) return fail(Errc::kDenied, exchange.refused);
  // Refused by the mail server after it had answered: a status tells whether for good.
  if (reply.status >= 400) return reply;
  return fail(Errc::kUnavailable, curl_easy_strerror(code));
}

Result<Reply> Transfer::post(const std::string& url, const std::string& body,
                             const std::vector<std::string>& headers) {
  CURL* easy = handle_->easy.get();
  curl_easy_reset(easy);
  std::vector<std::string> lines = {"Content-Type: application/json", "Expect:"};
  lines.insert(lines.end(), headers.begin(), headers.end());
  net::Lines list = lines_of(lines);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "waybill");
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  auto reply = perform();
  curl_easy_reset(easy);  // it points into `list` and `body`
  return reply;
}

Result<Reply> Transfer::mail(const std::string& url, const Mail& mail) {
  CURL* easy = handle_->easy.get();
  curl_easy_reset(easy);
  net::Lines headers = lines_of(mail.headers), to = lines_of(mail.to);
  std::unique_ptr<curl_mime, FreeMime> mime(curl_mime_init(easy));
  curl_mimepart* part = curl_mime_addpart(mime.get());
  curl_mime_data(part, mail.text.data(), mail.text.size());
  curl_mime_type(part, "text/plain; charset=utf-8");
  curl_mime_encoder(part, "base64");
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail.from.c_str());
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_MIMEPOST, mime.get());
  const long tls[] = {CURLUSESSL_TRY, CURLUSESSL_ALL, CURLUSESSL_NONE};
  curl_easy_setopt(easy, CURLOPT_USE_SSL, tls[static_cast<size_t>(options_.tls)]);
  if (!options_.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, options_.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, options_.password.c_str());
  }
  auto reply = perform();
  curl_easy_reset(easy);
  return reply;
}

Result<void> check_url(const std::string& url, const std::vector<std::string>& schemes) {
  std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  char* scheme = nullptr;
  std::string allowed;
  for (const auto& one : schemes) allowed += (allowed.empty() ? "" : " or ") + one + "://host[:port]...";
  bool fine = parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
              curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
  const std::string found = fine ? scheme : "";
  curl_free(scheme);
  // The URL itself may be a secret, so it is not repeated.
  if (std::find(schemes.begin(), schemes.end(), found) == schemes.end())
    return fail(Errc::kInvalid, "this is no address; " + allowed + " is allowed");
  return {};
}

}  // namespace waybill::alert
