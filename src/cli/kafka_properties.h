#pragma once
// Which librdkafka properties a cluster may set.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace waybill::cli {

/// Properties whose value must not be shown; each has a twin NAME_file.
std::span<const std::string_view> secret_properties();
bool is_secret_property(std::string_view name);

/// Asks the librdkafka that we run with, on a configuration that is thrown away. kInvalid: unknown (with a
/// suggestion), refused by librdkafka (its reason), or one that Waybill sets itself. The message repeats the
/// value as librdkafka does.
Result<void> check_kafka_property(const std::string& name, const std::string& value);

}  // namespace waybill::cli
