// The server over real loopback sockets.
#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "http/loopback_client.h"

namespace waybill::http {
namespace {

using Client = LoopbackClient;

std::vector<Route> routes() {
  return {{"GET", "/hello", Role::kAnyone, [](const Request&) { return Response{.body = "\"hello\""}; }},
          {"POST", "/echo", Role::kAnyone, [](const Request& r) { return Response{.body = r.body}; }},
          {"GET", "/large", Role::kAnyone,
           [](const Request&) { return Response{.body = std::string(8 << 20, 'x')}; }},
          {"GET", "/secret", Role::kViewer, [](const Request&) { return Response{.body = "\"s\""}; }}};
}

std::unique_ptr<Server> start(ServerOptions options = {}, std::vector<Route> served = routes()) {
  options.port = 0;
  auto server = Server::open(std::move(options), std::move(served), [](LogLevel, std::string_view) {});
  EXPECT_TRUE(server.has_value());
  return std::move(*server);
}

std::string round_trip(const Server& server, std::string_view request) {
  Client client(server.port());
  client.send(request);
  client.half_close();
  return client.receive_all();
}

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }
std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST(Server, AnswersAndKeepsTheConnection) {
  auto server = start();
  Client client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    std::string answer = client.receive_one();
    EXPECT_EQ(status_line(answer), "HTTP/1.1 200 OK");
    EXPECT_EQ(body(answer), "\"hello\"");
    EXPECT_NE(answer.find("X-Content-Type-Options: nosniff"), std::string::npos);
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  auto server = start();
  Client client(server->port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none"
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\ntwo");
  std::string answer = client.receive_all();
  size_t one = answer.find("one");
  EXPECT_NE(one, std::string::npos);
  EXPECT_GT(answer.find("two"), one);
  EXPECT_NE(answer.find("two"), std::string::npos);
}

TEST(Server, HeadHasTheLengthAndNoBody) {
  auto server = start();
  std::string answer = round_trip(*server, "HEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("Content-Length: 7"), std::string::npos);
  EXPECT_EQ(body(answer), "");
}

TEST(Server, Http10ClosesAfterTheAnswer) {
  auto server = start();
  Client client(server->port());
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body(client.receive_all()), "\"hello\"");
}

TEST(Server, ALargeAnswerArrivesWhole) {
  auto server = start();
  EXPECT_EQ(body(round_trip(*server, "GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).size(),
            size_t{8} << 20);
}

TEST(Server, ChunkedBodiesAreRead) {
  auto server = start();
  std::string answer =
      round_trip(*server,
                 "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(body(answer), "abcde");
}

TEST(Server, BadRequestsGetAProblemAndAnEnd) {
  auto server = start();
  struct Case {
    std::string request, status;
  };
  for (const Case& c : std::vector<Case>{
           {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"},
           {"GET /hello HTTP/9.9\r\n\r\n", "HTTP/1.1 400 Bad Request"},
           {"GET /hello HTTP/1.1\r\nno colon here\r\n\r\n", "HTTP/1.1 400 Bad Request"},
           {"POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 Bad Request"},
           {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n",
            "HTTP/1.1 400 Bad Request"},
           {"GET hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request"},
           {"GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 Not Found"},
           {"POST /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 405 Method Not Allowed"},
           {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n",
            "HTTP/1.1 413 Payload Too Large"},
       }) {
    std::string answer = round_trip(*server, c.request);
    EXPECT_EQ(status_line(answer), c.status) << c.request;
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos) << c.request;
  }
}

TEST(Server, AnEndlessHeaderIsCutOff) {
  auto server = start();
  Client client(server->port());
  std::string line = "GET /hello HTTP/1.1\r\nX-Endless: ";
  client.send(line);
  std::string piece(4096, 'a');
  for (int i = 0; i < 256 && client.send(piece); ++i) {
  }
  client.half_close();
  std::string answer = client.receive_all();
  EXPECT_EQ(status_line(answer), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(Server, AClientThatTricklesIsDropped) {
  auto server = start({.request_ms_max = 300});
  Client client(server->port());
  auto begin = std::chrono::steady_clock::now();
  std::atomic<bool> done = false;
  std::thread trickle([&] {
    for (char c : std::string(
             "GET /hello HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) {
      if (done || !client.send(std::string(1, c))) return;
      pollfd nothing{-1, 0, 0};
      poll(&nothing, 1, 50);
    }
  });
  EXPECT_EQ(client.receive_all(), "");
  auto took = std::chrono::steady_clock::now() - begin;
  done = true;
  trickle.join();
  EXPECT_GE(took, std::chrono::milliseconds(250));
  EXPECT_LT(took, std::chrono::milliseconds(2500));
}

TEST(Server, AClientThatDoesNotReadIsDropped) {
  std::atomic<int> served = 0;
  std::vector<Route> counting = {{"GET", "/large", Role::kAnyone, [&served](const Request&) {
                                    ++served;
                                    return Response{.body = std::string(32 << 20, 'x')};
                                  }}};
  auto server = start({.connections_max = 1, .request_ms_max = 300}, std::move(counting));
  Client deaf(server->port());
  deaf.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  // The one place is free again when the deaf one has been dropped.
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kDeadlineMs);
  std::string answer;
  do {
    answer = round_trip(*server, "GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  } while (status_line(answer) != "HTTP/1.1 404 Not Found" && std::chrono::steady_clock::now() < until);
  EXPECT_EQ(status_line(answer), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(served, 1);
}

TEST(Server, MoreConnectionsThanAllowedAreTurnedAway) {
  auto server = start({.connections_max = 2});
  Client first(server->port());
  Client second(server->port());
  for (const Client* client : {&first, &second}) {
    client->send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body(client->receive_one()), "\"hello\"");
  }
  Client third(server->port());
  EXPECT_EQ(status_line(third.receive_all()), "HTTP/1.1 503 Service Unavailable");
  first.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body(first.receive_one()), "\"hello\"");
}

TEST(Server, TokensAreCheckedOnTheWire) {
  auto server = start({.tokens = {{Role::kViewer, "abc"}}});
  EXPECT_EQ(status_line(round_trip(*server, "GET /secret HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")),
            "HTTP/1.1 401 Unauthorized");
  EXPECT_EQ(body(round_trip(
                *server,
                "GET /secret HTTP/1.1\r\nHost: h\r\naUTHORIZATION: Bearer abc\r\nConnection: close\r\n\r\n")),
            "\"s\"");
}

TEST(Server, ManyClientsAtOnceGetTheirOwnAnswers) {
  auto server = start({.threads = 4});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Client client(server->port());
      for (int i = 0; i < 50; ++i) {
        std::string text = "client-" + std::to_string(t) + "-" + std::to_string(i);
        client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(text.size()) +
                    "\r\n\r\n" + text);
        if (body(client.receive_one()) == text) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * 50);
}

TEST(Server, SlowRoutesThatAllWaitHoldUpNoOther) {
  std::mutex held;
  std::atomic<int> waiting{0};
  std::vector<Route> served = routes();
  served.push_back({"GET", "/slow/{name}", Role::kAnyone,
                    [&](const Request&) {
                      ++waiting;
                      std::lock_guard lock(held);
                      return Response{.body = "\"late\""};
                    },
                    true});
  std::unique_lock lock(held);
  auto server = start({.threads = 2}, std::move(served));
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 5; ++i) {
    slow.push_back(std::make_unique<Client>(server->port()));
    slow.back()->send("GET /slow/x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  while (waiting < 2) std::this_thread::yield();
  EXPECT_EQ(body(round_trip(*server, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")),
            "\"hello\"");
  EXPECT_EQ(waiting, 2) << "as many threads as options.threads";
  lock.unlock();
  for (const auto& client : slow) EXPECT_EQ(body(client->receive_one()), "\"late\"");
}

TEST(Server, StopsWhileConnectionsAreOpen) {
  auto server = start();
  Client idle(server->port());
  Client half(server->port());
  half.send("GET /hel");
  Client busy(server->port());
  busy.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  server.reset();
  idle.receive_all();
}

TEST(Server, ATakenPortIsNamed) {
  auto server = start();
  auto second = Server::open({.port = server->port()}, routes(), [](LogLevel, std::string_view) {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kUnavailable);
  EXPECT_EQ(second.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(server->port()) + ": Address already in use");
}

TEST(Server, AnAddressThatIsNoneIsRefused) {
  auto server =
      Server::open({.address = "localhost", .port = 0}, routes(), [](LogLevel, std::string_view) {});
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace waybill::http
