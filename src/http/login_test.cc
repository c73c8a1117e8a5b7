#include "http/login.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "http/dispatch.h"

namespace waybill::http {
namespace {

const std::vector<Token> kTokens = {{Role::kViewer, "look"}, {Role::kOperator, "act"}};

Request request(std::map<std::string, std::string> headers, std::string method = "GET",
                std::string body = "") {
  return {.method = std::move(method),
          .path = {},
          .path_params = {},
          .query = {},
          .headers = std::move(headers),
          .body = std::move(body)};
}

std::string cookie_of(std::string_view token) {
  return "theme=dark; waybill_token=" + base64_encode(token) + "; x=y";
}

Dispatcher dispatcher(const std::vector<Token>& tokens = kTokens) {
  std::vector<Route> routes = session_routes(tokens, "1.2.3");
  routes.push_back(
      {"POST", "/act", Role::kOperator, [](const Request&) { return Response{.body = "\"done\""}; }});
  return Dispatcher(std::move(routes), tokens, [](LogLevel, std::string_view) {});
}

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

TEST(Login, RolesComeFromTheHeaderOrTheCookie) {
  EXPECT_EQ(identify(kTokens, request({})).role, Role::kAnyone);
  EXPECT_EQ(identify(kTokens, request({{"authorization", "bearer look"}})).role, Role::kViewer);
  EXPECT_EQ(identify(kTokens, request({{"cookie", cookie_of("act")}})).role, Role::kOperator);
  EXPECT_EQ(identify(kTokens, request({{"cookie", cookie_of("act")}})).proof, Proof::kCookie);
  EXPECT_EQ(identify(kTokens, request({{"cookie", cookie_of("wrong")}})).role, Role::kAnyone);
  EXPECT_EQ(identify(kTokens, request({{"cookie", "waybill_token=*"}})).role, Role::kAnyone);
  EXPECT_EQ(identify(kTokens, request({{"cookie", "not_waybill_token=" + base64_encode("act")}})).role,
            Role::kAnyone);
  EXPECT_EQ(
      identify(kTokens, request({{"authorization", "Bearer wrong"}, {"cookie", cookie_of("act")}})).role,
      Role::kAnyone)
      << "a header that is wrong is not made good by a cookie";
  EXPECT_EQ(identify({}, request({})).role, Role::kOperator);
}

TEST(Login, SetsACookieThatScriptsAndOtherSitesDoNotGet) {
  Response ok = dispatcher().answer(
      request({{"host", "h:1"}, {"origin", "http://h:1"}}, "POST", R"({"token":"look"})"), "/api/v1/session");
  EXPECT_EQ(ok.status, 200);
  EXPECT_NE(ok.body.find("\"role\":\"viewer\""), std::string::npos);
  const std::string cookie = header(ok, "Set-Cookie");
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Strict"), std::string::npos);
  EXPECT_EQ(cookie.find("Secure"), std::string::npos);
  EXPECT_EQ(cookie.find("Path"), std::string::npos) << "the default path keeps the prefix of a proxy";
  Response tls = dispatcher().answer(request({{"x-forwarded-proto", "https"}}, "POST", R"({"token":"act"})"),
                                     "/api/v1/session");
  EXPECT_NE(header(tls, "Set-Cookie").find("Secure"), std::string::npos);
}

TEST(Login, RefusesWrongTokensAndBodies) {
  for (auto [body, status] : std::vector<std::pair<std::string, int>>{{R"({"token":"x"})", 401},
                                                                      {R"({"token":""})", 401},
                                                                      {R"({"token":5})", 400},
                                                                      {R"([])", 400},
                                                                      {"", 400},
                                                                      {R"({"token":"look")", 400}}) {
    Response answer = dispatcher().answer(request({}, "POST", body), "/api/v1/session");
    EXPECT_EQ(answer.status, status) << body;
    EXPECT_EQ(header(answer, "Set-Cookie"), "") << body;
  }
}

TEST(Login, ForgetsTheCookie) {
  Response gone = dispatcher().answer(
      request({{"host", "h"}, {"origin", "http://h"}, {"cookie", cookie_of("act")}}, "DELETE"),
      "/api/v1/session");
  EXPECT_EQ(gone.status, 200);
  EXPECT_NE(header(gone, "Set-Cookie").find("Max-Age=0"), std::string::npos);
}

TEST(Login, RequestsOfOtherOriginsChangeNothing) {
  struct Case {
    std::map<std::string, std::string> headers;
    int status;
  };
  const std::string cookie = cookie_of("act");
  for (const Case& c : std::vector<Case>{
           {{{"host", "a:8420"}, {"origin", "http://a:8420"}, {"cookie", cookie}}, 200},
           {{{"host", "a"}, {"origin", "http://a:80"}, {"cookie", cookie}}, 200},
           {{{"host", "a:443"}, {"origin", "https://a"}, {"cookie", cookie}}, 200},
           {{{"host", "A"}, {"origin", "http://a"}, {"cookie", cookie}}, 200},
           {{{"host", "inside:8420"}, {"x-forwarded-host", "a"}, {"origin", "https://a"}, {"cookie", cookie}},
            200},
           {{{"host", "a"}, {"origin", "http://b"}, {"cookie", cookie}}, 403},
           {{{"host", "a"}, {"origin", "http://a.b"}, {"cookie", cookie}}, 403},
           {{{"host", "a:8420"}, {"origin", "http://a"}, {"cookie", cookie}}, 403},
           {{{"host", "a"}, {"origin", "null"}, {"cookie", cookie}}, 403},
           {{{"host", "a"}, {"cookie", cookie}}, 403},
           {{{"host", "a"}, {"authorization", "Bearer act"}}, 200},
           {{{"host", "a"}, {"authorization", "Bearer act"}, {"origin", "http://b"}}, 403},
           {{{"host", "a"}, {"authorization", "Bearer look"}}, 403},
           {{{"host", "a"}}, 401}}) {
    Response answer = dispatcher().answer(request(c.headers, "POST"), "/act");
    EXPECT_EQ(answer.status, c.status) << (c.headers.count("origin") ? c.headers.at("origin") : "no origin");
  }
  EXPECT_EQ(dispatcher({}).answer(request({{"host", "a"}, {"origin", "http://b"}}, "POST"), "/act").status,
            403)
      << "without tokens too: a page of somebody else must not act for who visits it";
  EXPECT_EQ(dispatcher({}).answer(request({{"host", "a"}}, "POST"), "/act").status, 200);
}

}  // namespace
}  // namespace waybill::http
