#include "search/connection.h"

#include <curl/curl.h>

#include <array>

#include "net/curl.h"

namespace waybill::search {
namespace {

constexpr long kConnectMs = 5'000;

int look_for_end(void* opaque, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<std::atomic<bool>*>(opaque)->load() ? 1 : 0;
}

}  // namespace

struct Connection::Handle {
  net::Easy easy = net::make_easy();
};

Connection::Connection(Server server) : server_(std::move(server)), handle_(std::make_unique<Handle>()) {
  for (std::string& url : server_.urls) {
    while (url.ends_with('/')) url.pop_back();
  }
}
Connection::~Connection() = default;

Result<Reply> Connection::call(std::string_view method, const std::string& path, std::string_view body,
                               const char* type) {
  if (!handle_->easy) return fail(Errc::kUnavailable, "libcurl does not start");
  Result<Reply> last = fail(Errc::kInvalid, "no URL is configured");
  for (size_t tried = 0; tried < server_.urls.size(); ++tried) {
    if (interrupted_) return fail(Errc::kUnavailable, "stopping");
    last = perform(server_.urls[at_] + path, method, body, type);
    if (last && (last->status == 502 || last->status == 504))
      last = fail(Errc::kUnavailable, server_.urls[at_] + ": " + reply_text(*last));
    if (last || last.error().code == Errc::kLimit) return last;
    at_ = (at_ + 1) % server_.urls.size();
  }
  return last;
}

Result<Reply> Connection::perform(const std::string& url, std::string_view method, std::string_view body,
                                  const char* type) {
  CURL* easy = handle_->easy.get();
  curl_easy_reset(easy);  // keeps the connection
  net::Body answer{.bytes_max = kSearchAnswerBytesMax};
  std::array<char, CURL_ERROR_SIZE> reason{};
  // Without an Expect line the body goes at once.
  net::Lines headers;
  net::add_line(headers, "Expect:");
  const std::string method_text(method);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(server_.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason.data());
  net::receive(easy, answer);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_for_end);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &interrupted_);
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method_text.c_str());
  if (method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (!body.empty()) {
    net::add_line(headers, std::string("Content-Type: ") + type);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  if (!server_.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(easy, CURLOPT_USERNAME, server_.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, server_.password.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!server_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, server_.ca_file.c_str());
  const CURLcode done = curl_easy_perform(easy);
  if (!answer.whole)
    return fail(Errc::kLimit, server_.name + ": an answer is larger than " +
                                  std::to_string(kSearchAnswerBytesMax) + " bytes");
  if (done != CURLE_OK) {
    const std::string why = reason[0] ? reason.data() : curl_easy_strerror(done);
    return fail(Errc::kUnavailable, server_.name + ": " + why);
  }
  Reply reply;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  reply.body = std::move(answer.text);
  return reply;
}

Result<ServerKind> Connection::kind() {
  if (kind_) return *kind_;
  auto reply = call("GET", "/", {});
  if (!reply) return tl::make_unexpected(std::move(reply.error()));
  if (!reply->ok()) return tl::make_unexpected(reply_error(*reply).within(server_.name));
  auto kind = parse_server_kind(reply->body);
  if (!kind) return tl::make_unexpected(std::move(kind.error()).within(server_.name));
  kind_ = std::make_unique<ServerKind>(*kind);
  return kind;
}

}  // namespace waybill::search
