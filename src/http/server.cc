#include "http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <thread>

#include "http/dispatch.h"
#include "http/event_session.h"

namespace waybill::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::ip::tcp;

/// What all connections of a server share. Outlives them.
struct Shared {
  ServerOptions options;
  Dispatcher dispatcher;
  LogFn log;
  asio::thread_pool& workers;
  asio::thread_pool& slow_workers;
  std::atomic<int> connections{0};
};

Request take_request(wire::request<wire::string_body>& message) {
  Request request;
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    request.headers.emplace(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

/// The answer to what could not be read as a request; nothing when the peer is gone or silent.
std::optional<Response> answer_to(const beast::error_code& error, const ServerOptions& options) {
  if (error == wire::error::header_limit) {
    return problem(431, fmt::format("the header is larger than {} bytes", options.header_bytes_max));
  }
  if (error == wire::error::body_limit) {
    return problem(413, fmt::format("the body is larger than {} bytes", options.body_bytes_max));
  }
  bool parse_error = error.category() == make_error_code(wire::error::bad_method).category();
  if (!parse_error || error == wire::error::end_of_stream || error == wire::error::partial_message)
    return std::nullopt;
  return problem(400, "not a request of HTTP/1.1: " + error.message());
}

/// One connection: read, answer on a worker, write, again. All socket work is on the one I/O thread.
/// Shared ownership because each pending operation keeps its connection alive.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    ++shared_.connections;
  }
  ~Session() { --shared_.connections; }

  void read() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(shared_.options.header_bytes_max));
    parser_->body_limit(shared_.options.body_bytes_max);
    limit_time();
    wire::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, size_t) { self->on_read(error); });
  }

 private:
  /// One deadline for the whole request or the whole answer, however slowly the bytes trickle.
  void limit_time() { stream_.expires_after(std::chrono::milliseconds(shared_.options.request_ms_max)); }

  void on_read(const beast::error_code& error) {
    if (error) {
      std::optional<Response> response = answer_to(error, shared_.options);
      if (!response) return close();
      head_ = false;
      keep_ = false;
      version_ = 11;
      add_security_headers(*response);
      return write(std::move(*response));
    }
    wire::request<wire::string_body> message = parser_->release();
    head_ = message.method() == wire::verb::head;
    keep_ = message.keep_alive();
    version_ = message.version();
    stream_.expires_never();
    Request request = take_request(message);
    std::string target(message.target());
    const bool slow = shared_.dispatcher.slow(request.method, target);
    asio::post(
        slow ? shared_.slow_workers : shared_.workers,
        [self = shared_from_this(), request = std::move(request), target = std::move(target)]() mutable {
          Response response = self->shared_.dispatcher.answer(std::move(request), target);
          asio::post(self->stream_.get_executor(),
                     [self, response = std::move(response)]() mutable { self->write(std::move(response)); });
        });
  }

  /// The connection goes on as a stream of events and carries no other request.
  void stream(const Response& response) {
    std::string head =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Accel-Buffering: no\r\nContent-Type: "
        "text/event-stream\r\n";
    for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
    std::make_shared<EventSession>(stream_.release_socket(), response.events, head + "\r\n",
                                   std::chrono::milliseconds(shared_.options.beat_ms))
        ->start();
  }

  void write(Response response) {
    if (response.events && !head_ && response.status == 200) return stream(response);
    answer_ = {};
    answer_.version(version_);
    answer_.result(static_cast<unsigned>(response.status));
    answer_.set(wire::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) answer_.set(name, value);
    answer_.keep_alive(keep_);
    answer_.content_length(response.body.size());
    if (!head_) answer_.body() = std::move(response.body);
    limit_time();
    serializer_.emplace(answer_);
    auto done = [self = shared_from_this()](beast::error_code error, size_t) { self->on_write(error); };
    if (head_) {
      wire::async_write_header(stream_, *serializer_, std::move(done));
    } else {
      wire::async_write(stream_, *serializer_, std::move(done));
    }
  }

  void on_write(const beast::error_code& error) {
    serializer_.reset();
    if (error) return close();
    if (keep_) return read();
    linger();
  }

  /// Says that we are done and reads what still comes, within the deadline, so that the answer is not lost to
  /// a reset.
  void linger() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    drained_ = 0;
    limit_time();
    drain();
  }

  void drain() {
    stream_.async_read_some(asio::buffer(scrap_),
                            [self = shared_from_this()](beast::error_code error, size_t n) {
                              self->drained_ += n;
                              if (error || self->drained_ > self->shared_.options.body_bytes_max)
                                return self->close();
                              self->drain();
                            });
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<wire::request_parser<wire::string_body>> parser_;
  wire::response<wire::string_body> answer_;
  std::optional<wire::response_serializer<wire::string_body>> serializer_;
  std::array<char, 4096> scrap_{};
  size_t drained_ = 0;
  unsigned version_ = 11;
  bool head_ = false;
  bool keep_ = false;
};

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n";
constexpr std::chrono::milliseconds kAcceptPause{
    100};  ///< after accept() failed, e.g. out of file descriptors

class BeastServer : public Server {
 public:
  BeastServer(ServerOptions options, std::vector<Route> routes, LogFn log)
      : shared_{options, Dispatcher(std::move(routes), std::move(options.tokens), log), log, workers_,
                slow_workers_},
        acceptor_(io_),
        pause_(io_),
        workers_(static_cast<size_t>(std::max(1, options.threads))),
        slow_workers_(static_cast<size_t>(std::max(1, options.threads))) {}

  ~BeastServer() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    for (asio::thread_pool* pool : {&workers_, &slow_workers_}) pool->stop();
    for (asio::thread_pool* pool : {&workers_, &slow_workers_}) pool->join();
  }

  Result<void> listen() {
    const ServerOptions& options = shared_.options;
    beast::error_code error;
    auto address = asio::ip::make_address(options.address, error);
    if (error) return fail(Errc::kInvalid, fmt::format("{} is not an IP address", options.address));
    tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      Errc code = error == asio::error::access_denied ? Errc::kDenied : Errc::kUnavailable;
      return fail(code,
                  fmt::format("cannot listen on {}:{}: {}", options.address, options.port, error.message()));
    }
    port_ = acceptor_.local_endpoint(error).port();
    accept();
    thread_ = std::thread([this] { serve(); });
    return {};
  }

  uint16_t port() const override { return port_; }

 private:
  void serve() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& e) {
        shared_.log(LogLevel::kError, std::string("the HTTP server goes on after an exception: ") + e.what());
      }
    }
  }

  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        shared_.log(LogLevel::kWarn, "cannot accept a connection: " + error.message());
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this](beast::error_code stopped) {
          if (!stopped) accept();
        });
        return;
      }
      admit(std::move(socket));
      accept();
    });
  }

  void admit(tcp::socket socket) {
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (shared_.connections >= shared_.options.connections_max) {
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(kBusy), ignored);
      socket.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    std::make_shared<Session>(std::move(socket), shared_)->read();
  }

  // Destroyed from the bottom: queued work holds sessions, sessions hold sockets of io_ and count in shared_.
  Shared shared_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::thread_pool workers_;
  asio::thread_pool slow_workers_;
  std::thread thread_;
  uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(ServerOptions options, std::vector<Route> routes, LogFn log) {
  auto server = std::make_unique<BeastServer>(std::move(options), std::move(routes), std::move(log));
  if (auto listening = server->listen(); !listening) return tl::make_unexpected(std::move(listening.error()));
  return server;
}

}  // namespace waybill::http
