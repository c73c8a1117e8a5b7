#include "http/dispatch.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "http/json.h"
#include "http/web.h"

namespace waybill::http {
namespace {

std::vector<Route> routes() {
  auto echo = [](const Request& request) {
    Response response;
    response.body = request.method + " " + request.path;
    for (const auto& [name, value] : request.path_params) response.body += " " + name + "=" + value;
    if (auto group = request.param("group")) response.body += " group=" + *group;
    return response;
  };
  auto broken = [](const Request&) -> Response { throw std::runtime_error("the secret cause"); };
  return {{"GET", "/healthz", Role::kAnyone, echo},
          {"GET", "/topics/{topic}/buckets", Role::kViewer, echo},
          {"POST", "/topics/{topic}/accept", Role::kOperator, echo},
          {"DELETE", "/topics/{topic}/accept", Role::kOperator, echo},
          {"GET", "/broken", Role::kAnyone, broken}};
}

Response ask(std::vector<Token> tokens, std::string method, std::string_view target,
             std::string authorization = "") {
  Dispatcher dispatcher(routes(), std::move(tokens), [](LogLevel, std::string_view) {});
  Request request;
  request.method = std::move(method);
  if (!authorization.empty()) request.headers.emplace("authorization", authorization);
  return dispatcher.answer(std::move(request), target);
}

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(Dispatch, AHandlerGetsPathParametersAndQuery) {
  Response response = ask({}, "GET", "/topics/my%20topic/buckets?group=g1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "GET /topics/my topic/buckets topic=my topic group=g1");
}

TEST(Dispatch, HeadFindsTheGetRoute) { EXPECT_EQ(ask({}, "HEAD", "/healthz").status, 200); }

TEST(Dispatch, UnknownPathsAndMethodsAreProblems) {
  Response response = ask({}, "GET", "/topics//buckets");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(
      response.body,
      R"({"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at /topics//buckets"})");
  response = ask({}, "GET", "/topics/t/accept");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header(response, "Allow"), "DELETE, POST");
  response = ask({}, "PUT", "/healthz");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header(response, "Allow"), "GET, HEAD");
  EXPECT_EQ(ask({}, "GET", "/%zz").status, 400);
}

TEST(Dispatch, RolesAreAskedForWhenThereAreTokens) {
  std::vector<Token> tokens = {{Role::kViewer, "viewer-token"}, {Role::kOperator, "operator-token"}};
  struct Case {
    std::string method, target, authorization;
    int status;
  };
  for (const Case& c : std::vector<Case>{
           {"GET", "/healthz", "", 200},
           {"GET", "/topics/t/buckets", "", 401},
           {"GET", "/topics/t/buckets", "Bearer wrong", 401},
           {"GET", "/topics/t/buckets", "Bearer viewer-toke", 401},
           {"GET", "/topics/t/buckets", "Bearer viewer-tokenviewer-token", 401},
           {"GET", "/topics/t/buckets", "Bearer ", 401},
           {"GET", "/topics/t/buckets", "Basic viewer-token", 401},
           {"GET", "/topics/t/buckets", "Bearer viewer-token", 200},
           {"GET", "/topics/t/buckets", "bearer   viewer-token ", 200},
           {"GET", "/topics/t/buckets", "Bearer operator-token", 200},
           {"POST", "/topics/t/accept", "Bearer viewer-token", 403},
           {"POST", "/topics/t/accept", "Bearer operator-token", 200},
           {"GET", "/nowhere", "", 404},
       }) {
    EXPECT_EQ(ask(tokens, c.method, c.target, c.authorization).status, c.status)
        << c.target << " " << c.authorization;
  }
  EXPECT_EQ(header(ask(tokens, "GET", "/topics/t/buckets"), "WWW-Authenticate"), "Bearer realm=\"waybill\"");
}

TEST(Dispatch, AnExceptionIsA500ThatTellsTheLogOnly) {
  std::string logged;
  Dispatcher dispatcher(routes(), {}, [&logged](LogLevel, std::string_view line) { logged = line; });
  Request request;
  request.method = "GET";
  Response response = dispatcher.answer(request, "/broken");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_NE(logged.find("the secret cause"), std::string::npos);
}

TEST(Dispatch, EveryAnswerCarriesSecurityHeaders) {
  for (const char* target : {"/healthz", "/nowhere", "/broken", "/%"}) {
    Response response = ask({}, "GET", target);
    EXPECT_NE(header(response, "Content-Security-Policy").find("default-src 'self'"), std::string::npos)
        << target;
    EXPECT_NE(header(response, "Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos)
        << target;
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff") << target;
  }
}

TEST(Dispatch, ConstantTimeComparisonIsAComparison) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abcabc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", ""));
  EXPECT_FALSE(equal_in_constant_time("", "abc"));
}

TEST(Json, StringsAreValidJsonAndHarmlessInMarkup) {
  EXPECT_EQ(json_string("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(json_string("</script>&\x01\x7f"), R"("\u003c/script\u003e\u0026\u0001\u007f")");
  EXPECT_EQ(json_string("\xff"), "\"\xef\xbf\xbd\"");
}

TEST(Web, EveryFileOfThePageIsServedPlainOrCompressedAndKept) {
  Dispatcher dispatcher(web_routes(), {{Role::kOperator, "t"}}, [](LogLevel, std::string_view) {});
  const auto ask = [&](std::string_view target, std::map<std::string, std::string> headers) {
    Request request;
    request.method = "GET";
    request.headers = std::move(headers);
    return dispatcher.answer(request, target);
  };
  ASSERT_GE(web_files().size(), 4U);
  EXPECT_EQ(ask("/", {}).body, ask("/index.html", {}).body);
  for (const WebFile& file : web_files()) {
    const std::string target = "/" + std::string(file.name);
    EXPECT_EQ(ask(target, {}).body, file.bytes) << target;
    EXPECT_EQ(ask(target, {{"accept-encoding", "gzip, br"}}).body, file.gzip) << target;
    EXPECT_EQ(file.gzip.substr(0, 2), "\x1f\x8b") << target;
    Response current = ask(target, {{"if-none-match", "\"x\", W/" + std::string(file.etag)}});
    EXPECT_EQ(current.status, 304) << target;
    EXPECT_TRUE(current.body.empty()) << target;
    EXPECT_EQ(file.immutable, file.name.starts_with("assets/")) << target;
  }
}

TEST(Web, TheDocumentHasNothingThatThePolicyForbids) {
  for (const WebFile& file : web_files()) {
    if (file.name != "index.html") continue;
    for (std::string_view forbidden : {"style=", "<style", "onclick=", "<script>", "http://", "https://"})
      EXPECT_EQ(file.bytes.find(forbidden), std::string_view::npos) << forbidden;
  }
}

}  // namespace
}  // namespace waybill::http
