// A program that gets the webhook body on its standard input.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "alert/notifier.h"
#include "alert/payload.h"

namespace waybill::alert {
namespace {

constexpr Millis kLookEvery{10};

/// Writes all of it unless the other side closes or the time is over.
void feed(int to, std::string_view text, std::chrono::steady_clock::time_point until) {
  while (!text.empty() && std::chrono::steady_clock::now() < until) {
    const ssize_t put = write(to, text.data(), text.size());
    if (put > 0) {
      text.remove_prefix(static_cast<size_t>(put));
    } else if (errno == EAGAIN || errno == EINTR) {
      pollfd ready{to, POLLOUT, 0};
      poll(&ready, 1, 50);
    } else {
      return;
    }
  }
}

class Command final : public Notifier {
 public:
  Command(NotifierSettings settings, NotifierContext context)
      : settings_(std::move(settings)), context_(std::move(context)) {}

  Sent send(std::span<const Notice> notices, Now) override {
    const std::string body = webhook_body(settings_.name, context_.external_url, notices) + "\n";
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) return {Sent::Outcome::kRetry, std::strerror(errno)};
    const auto until = std::chrono::steady_clock::now() + kTransferMax;
    pid_t child = 0;
    const int error = start(pipe_ends[0], child);
    close(pipe_ends[0]);
    if (error != 0) {
      close(pipe_ends[1]);
      return {Sent::Outcome::kRetry, fmt::format("{}: {}", settings_.command.front(), std::strerror(error))};
    }
    fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK);
    feed(pipe_ends[1], body, until);
    close(pipe_ends[1]);
    return wait_for(child, until);
  }

 private:
  int start(int input, pid_t& child) const {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    sigset_t none, normal;
    sigemptyset(&none);
    sigemptyset(&normal);
    for (int s : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) sigaddset(&normal, s);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &normal);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<char*> arguments;
    for (const auto& word : settings_.command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    // The environment holds what the configuration may take secrets from; the program gets none of it.
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char* environment[] = {path, nullptr};
    const int error = posix_spawn(&child, arguments[0], &files, &attributes, arguments.data(), environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
  }

  static Sent wait_for(pid_t child, std::chrono::steady_clock::time_point until) {
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() >= until) {
        kill(-child, SIGKILL);
        waitpid(child, &status, 0);
        return {Sent::Outcome::kRetry, "the command took longer than 10 s and was killed"};
      }
      std::this_thread::sleep_for(kLookEvery);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (WIFEXITED(status))
      return {Sent::Outcome::kRetry, fmt::format("the command ended with code {}", WEXITSTATUS(status))};
    return {Sent::Outcome::kRetry, "the command was ended by a signal"};
  }

  NotifierSettings settings_;
  NotifierContext context_;
};

}  // namespace

std::unique_ptr<Notifier> make_command(NotifierSettings settings, NotifierContext context) {
  return std::make_unique<Command>(std::move(settings), std::move(context));
}

}  // namespace waybill::alert
