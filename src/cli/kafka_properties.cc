#include "cli/kafka_properties.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cli/suggest.h"

namespace waybill::cli {
namespace {

constexpr std::array<std::string_view, 7> kSecrets = {"sasl.password",
                                                      "ssl.key.password",
                                                      "ssl.key.pem",
                                                      "ssl.keystore.password",
                                                      "ssl_key_password",
                                                      "sasl.oauthbearer.config",
                                                      "sasl.oauthbearer.client.secret"};

constexpr std::array<std::string_view, 7> kOwn = {"group.id",
                                                  "client.id",
                                                  "group.instance.id",
                                                  "enable.auto.commit",
                                                  "enable.auto.offset.store",
                                                  "auto.offset.reset",
                                                  "partition.assignment.strategy"};

/// Names of all properties, from the table that librdkafka prints.
const std::vector<std::string>& property_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    char* text = nullptr;
    size_t size = 0;
    FILE* out = open_memstream(&text, &size);
    if (!out) return found;
    rd_kafka_conf_properties_show(out);
    std::fclose(out);
    std::unique_ptr<char, decltype(&std::free)> keep(text, &std::free);
    std::string_view all(text, size);
    while (!all.empty()) {
      std::string_view line = all.substr(0, all.find('\n'));
      all.remove_prefix(std::min(all.size(), line.size() + 1));
      std::string_view name = line.substr(0, line.find_first_of(" |"));
      if (line.find('|') != std::string_view::npos && name.find('.') != std::string_view::npos)
        found.emplace_back(name);
    }
    return found;
  }();
  return names;
}

}  // namespace

std::span<const std::string_view> secret_properties() { return kSecrets; }

bool is_secret_property(std::string_view name) {
  return std::find(kSecrets.begin(), kSecrets.end(), name) != kSecrets.end();
}

Result<void> check_kafka_property(const std::string& name, const std::string& value) {
  if (name == "plugin.library.paths") {
    return fail(Errc::kInvalid, "plugin.library.paths belongs into the clients that are counted, not here");
  }
  if (std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end()) {
    return fail(Errc::kInvalid, fmt::format("{} is set by Waybill itself; leave it out", name));
  }
  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(),
                                                                          &rd_kafka_conf_destroy);
  std::array<char, 512> reason{};
  switch (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason.data(), reason.size())) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_INVALID:
      return fail(Errc::kInvalid, fmt::format("{}: {}", name, reason.data()));
    case RD_KAFKA_CONF_UNKNOWN:
      break;
  }
  std::vector<std::string_view> names(property_names().begin(), property_names().end());
  std::string near = suggestion(name, names);
  return fail(Errc::kInvalid,
              fmt::format("librdkafka {} has no property \"{}\"{} Any property of librdkafka is allowed",
                          rd_kafka_version_str(), name, near.empty() ? "." : near));
}

}  // namespace waybill::cli
