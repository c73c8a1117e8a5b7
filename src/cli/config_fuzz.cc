// Any text gives a configuration or up to 20 faults with places inside the file; a secret never shows in
// them.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "cli/config.h"

using namespace waybill;
using namespace waybill::cli;

namespace {

constexpr std::string_view kSecret = "canary-5f0e9d7c2b";

ConfigWorld world() {
  return {.variable = [](std::string_view name) -> std::optional<std::string> {
            if (name == "S") return std::string(kSecret);
            return std::nullopt;
          },
          .read_file = [](const std::string& path) -> Result<std::string> {
            if (path.size() % 2 == 0) return std::string(kSecret);
            return fail(Errc::kNotFound, "no such file");
          },
          .check_property = [](const std::string& name, const std::string& value) -> Result<void> {
            if (name.size() % 2 == 0) return {};
            return fail(Errc::kInvalid, "refused: " + name + "=" + value);
          }};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find(kSecret) != std::string_view::npos) return 0;
  auto config = parse_config(text, world());
  if (config) {
    ASSERT(!config->clusters.empty() && !config->audit.clusters.empty());
    ASSERT(config->listen.loopback || !config->tokens.empty() ||
           text.find("none") != std::string_view::npos || text.find('$') != std::string_view::npos ||
           text.find('\\') != std::string_view::npos);
    for (const std::string& name : config->audit.clusters) ASSERT(config->cluster(name).name == name);
    return 0;
  }
  ASSERT(!config.error().empty() && config.error().size() <= kDiagnosticsMax);
  for (const Diagnostic& d : config.error()) ASSERT(d.line >= 1 && d.column >= 1 && !d.message.empty());
  return 0;
}
