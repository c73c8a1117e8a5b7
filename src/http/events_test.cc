// Streams of events over real loopback sockets.
#include "http/events.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "http/loopback_client.h"
#include "http/server.h"
#include "http/web.h"

namespace waybill::http {
namespace {

/// Reads what a stream says.
class Listener {
 public:
  explicit Listener(uint16_t port) : client_(port) {
    EXPECT_TRUE(client_.send("GET /live HTTP/1.1\r\nHost: h\r\n\r\n"));
  }

  /// Everything so far, once it holds `text`; ends at the deadline or the end of the stream.
  const std::string& until(std::string_view text) {
    client_.receive(all_, [text](const std::string& all) { return all.find(text) != std::string::npos; });
    return all_;
  }

 private:
  LoopbackClient client_;
  std::string all_;
};

struct Served {
  std::shared_ptr<EventHub> hub;
  std::unique_ptr<Server> server;
};

Served serve(int streams_max, int64_t beat_ms = 15'000) {
  auto hub = std::make_shared<EventHub>(streams_max, event_text("change", "all"));
  std::vector<Route> routes = {{"GET", "/live", Role::kAnyone, [hub](const Request&) {
                                  auto place = hub->open();
                                  if (!place) return problem(503, "too many");
                                  return Response{.content_type = "text/event-stream",
                                                  .events = std::move(place)};
                                }}};
  ServerOptions options;
  options.port = 0;
  options.beat_ms = beat_ms;
  auto server = Server::open(options, std::move(routes), [](LogLevel, std::string_view) {});
  EXPECT_TRUE(server.has_value());
  return {hub, std::move(*server)};
}

template <class F>
bool eventually(F condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kDeadlineMs);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(Events, EveryListenerGetsEachEventInOrder) {
  Served served = serve(4);
  Listener a(served.server->port());
  Listener b(served.server->port());
  EXPECT_NE(a.until("event: hello").find("text/event-stream"), std::string::npos);
  b.until("event: hello");
  served.hub->publish("change", "1");
  served.hub->publish("change", "2");
  for (Listener* listener : {&a, &b}) {
    const std::string& text = listener->until("data: 2");
    EXPECT_LT(text.find("data: 1"), text.find("data: 2"));
  }
}

TEST(Events, MoreStreamsThanAllowedAreRefusedAndAPlaceComesBack) {
  Served served = serve(1);
  {
    Listener first(served.server->port());
    first.until("event: hello");
    Listener second(served.server->port());
    EXPECT_NE(second.until("503").find("503"), std::string::npos);
    EXPECT_EQ(served.hub->streams(), 1);
  }
  EXPECT_TRUE(eventually([&] { return served.hub->streams() == 0; })) << "a peer that went keeps no place";
  Listener third(served.server->port());
  third.until("event: hello");
}

TEST(Events, AStreamBeatsWhileNothingChanges) {
  Served served = serve(1, 20);
  Listener listener(served.server->port());
  listener.until("event: beat");
}

TEST(Events, ASlowReaderIsToldToReadEverythingAnew) {
  Served served = serve(1);
  Listener slow(served.server->port());
  slow.until("event: hello");
  const std::string large(200'000, 'x');  // more than sockets hold, so that events wait
  for (int i = 0; i < 400; ++i) served.hub->publish("large", large);
  served.hub->publish("last", "end");
  const std::string& text = slow.until("data: end");
  EXPECT_NE(text.find("event: change\ndata: all\n"), std::string::npos);
  size_t kept = 0;
  for (size_t at = text.find("event: large"); at != std::string::npos; at = text.find("event: large", at + 1))
    ++kept;
  EXPECT_LT(kept, 400U);
}

TEST(Events, AReaderThatTakesNothingIsLetGo) {
  Served served = serve(1, 50);
  Listener dead(served.server->port());
  dead.until("event: hello");
  const std::string large(1'000'000, 'x');
  for (int i = 0; i < 40; ++i) served.hub->publish("large", large);
  EXPECT_TRUE(eventually([&] { return served.hub->streams() == 0; }));
}

TEST(Events, TheServerEndsWithStreamsOpen) {
  Served served = serve(2);
  Listener listener(served.server->port());
  listener.until("event: hello");
  served.server.reset();
  EXPECT_EQ(served.hub->streams(), 0);
}

TEST(Web, GzipIsSentToWhoeverAcceptsIt) {
  for (auto [header, accepted] :
       std::vector<std::pair<std::string, bool>>{{"gzip, deflate, br", true},
                                                 {"deflate", false},
                                                 {"", false},
                                                 {"gzip;q=0", false},
                                                 {"gzip;q=0.5", true},
                                                 {"*", true},
                                                 {"gzip;q=0, *", false},
                                                 {"br;q=1.0, x-gzip ;q=0.1", true}}) {
    EXPECT_EQ(accepts_gzip(header), accepted) << header;
  }
}

}  // namespace
}  // namespace waybill::http
