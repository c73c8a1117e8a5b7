#include "cli/plugin_trial.h"

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace waybill::cli {
namespace {

/// In the child: one line to `out`, empty when the plugin is loaded.
[[noreturn]] void load_and_exit(const std::string& path, int out) {
  std::array<char, 512> reason{};
  auto done = rd_kafka_conf_set(rd_kafka_conf_new(), "plugin.library.paths", path.c_str(), reason.data(),
                                reason.size());
  if (done == RD_KAFKA_CONF_OK) _exit(0);
  ssize_t written = write(out, reason.data(), std::strlen(reason.data()));
  _exit(written < 0 ? 2 : 1);
}

}  // namespace

Result<void> try_plugin(const std::string& path, Millis timeout) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Errc::kUnavailable, std::strerror(errno));
  pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return fail(Errc::kUnavailable, std::strerror(errno));
  }
  if (child == 0) load_and_exit(path, ends[1]);
  close(ends[1]);
  pollfd readable{ends[0], POLLIN, 0};
  bool ended =
      poll(&readable, 1, static_cast<int>(timeout.count())) > 0;  // also when the child closes its end
  std::array<char, 512> text{};
  ssize_t size = ended ? read(ends[0], text.data(), text.size()) : 0;
  close(ends[0]);
  if (!ended) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return fail(Errc::kUnavailable, "loading it does not end");
  if (WIFSIGNALED(status))
    return fail(Errc::kCorrupt, std::string("loading it ends with ") + strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) == 0) return {};
  return fail(Errc::kNotFound, std::string(text.data(), static_cast<size_t>(size > 0 ? size : 0)));
}

}  // namespace waybill::cli
