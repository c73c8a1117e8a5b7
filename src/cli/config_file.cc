// Reading configuration files and what they refer to.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cli/config.h"
#include "cli/kafka_properties.h"
#include "cli/kpi_config.h"
#include "cli/ledger_config.h"
#include "cli/watch_config.h"

namespace waybill::cli {
namespace {

constexpr size_t kSecretBytesMax = 64 * 1024;

/// kNotFound, kDenied or kUnavailable with the path and the reason; kLimit when it is larger than `max`.
Result<std::string> read_whole(const std::string& path, size_t max) {
  auto error = [&path](int number) {
    Errc code = number == ENOENT ? Errc::kNotFound : number == EACCES ? Errc::kDenied : Errc::kUnavailable;
    return fail(code, fmt::format("cannot read {}: {}", path, std::strerror(number)));
  };
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) return error(errno);
  std::string text(max + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) return error(errno);
  if (text.size() > max) return fail(Errc::kLimit, fmt::format("{} is larger than {} bytes", path, max));
  return text;
}

/// What `parse` makes of the file, or of the first default one that exists when `path` is empty; beside it,
/// the path of that file. The error is ready to print: a line per fault.
template <class Parsed>
tl::expected<std::pair<std::string, Parsed>, std::string> load(
    const std::string& path, const ConfigWorld& world,
    tl::expected<Parsed, std::vector<Diagnostic>> (*parse)(std::string_view, const ConfigWorld&)) {
  const std::vector<std::string> candidates = path.empty() ? default_config_files() : std::vector{path};
  for (const std::string& candidate : candidates) {
    auto text = read_whole(candidate, kYamlBytesMax);
    if (!text && path.empty() && text.error().code == Errc::kNotFound) continue;
    if (!text) return tl::make_unexpected(text.error().message + "\n");
    ConfigWorld here = world;
    here.folder = candidate.substr(0, candidate.rfind('/') + 1);
    auto parsed = parse(*text, here);
    if (parsed) return std::pair{candidate, std::move(*parsed)};
    std::string lines;
    for (const Diagnostic& diagnostic : parsed.error()) lines += diagnostic.str(candidate) + "\n";
    return tl::make_unexpected(std::move(lines));
  }
  return tl::make_unexpected(fmt::format(
      "there is no configuration: {} do not exist; name one with -c FILE\n", fmt::join(candidates, " and ")));
}

}  // namespace

ConfigWorld real_world() {
  return {.variable = [](std::string_view name) -> std::optional<std::string> {
            const char* value = std::getenv(std::string(name).c_str());
            return value ? std::optional<std::string>(value) : std::nullopt;
          },
          .read_file = [](const std::string& path) { return read_whole(path, kSecretBytesMax); },
          .check_property = check_kafka_property,
          .read_table = read_whole};
}

std::vector<std::string> default_config_files() { return {"./waybill.yaml", "/etc/waybill/waybill.yaml"}; }

tl::expected<LoadedConfig, std::string> load_config(const std::string& path, const ConfigWorld& world) {
  return load(path, world, parse_config).map([](auto&& found) {
    return LoadedConfig{std::move(found.first), std::move(found.second)};
  });
}

tl::expected<KpiConfig, std::string> load_kpis(const std::string& path, const ConfigWorld& world) {
  return load(path, world, parse_kpis).map([](auto&& found) { return std::move(found.second); });
}

tl::expected<WatchConfig, std::string> load_watches(const std::string& path, const ConfigWorld& world) {
  return load(path, world, parse_watches)
      .map([](auto&& found) { return std::move(found.second); })
      .map_error([](std::string lines) { return lines.substr(0, lines.find_last_not_of('\n') + 1); });
}

tl::expected<std::vector<LedgerSettings>, std::string> load_ledgers(const std::string& path,
                                                                    const ConfigWorld& world) {
  return load(path, world, parse_ledgers).map([](auto&& found) { return std::move(found.second); });
}

}  // namespace waybill::cli
