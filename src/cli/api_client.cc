// ApiClient over libcurl.
#include "cli/api_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/http_status.h"
#include "base/percent.h"
#include "net/curl.h"

namespace waybill::cli {
namespace {

constexpr long kConnectMs = 5'000;
constexpr long kAnswerMs = 60'000;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Waybill's API says 422 of a body that it understands and refuses.
Errc code_of(long status) { return status == 422 ? Errc::kInvalid : errc_of_http(status); }

}  // namespace

struct ApiClient::Handle {
  net::Easy easy = net::make_easy();
};

void ApiClient::Destroy::operator()(Handle* handle) const { delete handle; }

std::string problem_text(std::string_view body) {
  auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  for (const char* member : {"detail", "title"}) {
    if (auto it = json.find(member);
        it != json.end() && it->is_string() && !it->get_ref<std::string&>().empty())
      return it->get<std::string>();
  }
  return {};
}

Result<ApiClient> ApiClient::open(const ServerArgs& args,
                                  const std::function<std::optional<std::string>(std::string_view)>& variable,
                                  const std::function<Result<std::string>(const std::string&)>& read_file) {
  ApiClient client;
  client.url_ = !args.url.empty() ? args.url : variable("WAYBILL_URL").value_or("");
  if (client.url_.empty()) client.url_ = kDefaultUrl;
  while (client.url_.ends_with('/')) client.url_.pop_back();
  if (!client.url_.starts_with("http://") && !client.url_.starts_with("https://")) {
    return fail(Errc::kInvalid,
                fmt::format("\"{}\" is no address of a server; it looks like {}", client.url_, kDefaultUrl));
  }
  if (!args.token_file.empty()) {
    auto token = read_file(args.token_file);
    if (!token) return tl::make_unexpected(std::move(token.error()));
    client.token_ = trimmed(*token);
  } else {
    client.token_ = trimmed(variable("WAYBILL_TOKEN").value_or(""));
  }
  if (client.token_.find_first_of("\r\n") != std::string::npos)
    return fail(Errc::kInvalid, "the token has more than one line");
  client.handle_.reset(new Handle);
  if (!client.handle_->easy) return fail(Errc::kUnavailable, "libcurl does not start");
  return client;
}

Result<std::string> ApiClient::get(const std::string& path, const ApiQuery& query) {
  return perform(path, query, nullptr);
}

Result<std::string> ApiClient::post(const std::string& path, const ApiQuery& query, const std::string& json) {
  return perform(path, query, &json);
}

Result<std::string> ApiClient::perform(const std::string& path, const ApiQuery& query,
                                       const std::string* json) {
  std::string url = url_ + path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  CURL* easy = handle_->easy.get();
  curl_easy_reset(easy);  // keeps the connection
  net::Body body{.bytes_max = kAnswerBytesMax};
  std::array<char, CURL_ERROR_SIZE> reason{};
  net::Lines headers;
  net::add_line(headers, "Accept: application/json");
  if (!token_.empty()) net::add_line(headers, "Authorization: Bearer " + token_);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, kAnswerMs);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason.data());
  net::receive(easy, body);
  if (json) {
    net::add_line(headers, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(json->size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json->c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  CURLcode done = curl_easy_perform(easy);
  if (!body.whole)
    return fail(Errc::kLimit, fmt::format("the answer of {} is larger than {} bytes", url_, kAnswerBytesMax));
  if (done != CURLE_OK) {
    return fail(
        Errc::kUnavailable,
        fmt::format("no server answers at {}: {}\nStart one with `waybill run`, or say where it is with "
                    "--url or WAYBILL_URL.",
                    url_, reason[0] ? reason.data() : curl_easy_strerror(done)));
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) return std::move(body.text);
  std::string said = problem_text(body.text);
  if (said.empty()) said = fmt::format("{} answered with status {}; is this Waybill?", url_, status);
  if (status == 401) said += " (WAYBILL_TOKEN or --token-file)";
  return fail(code_of(status), said);
}

}  // namespace waybill::cli
