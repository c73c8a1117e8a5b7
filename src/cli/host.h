#pragma once
// Who we are.

#include <string>

namespace waybill::cli {

/// The machine's host name; "localhost" when it has none.
std::string host_name();
/// Unique for this life of the process: "waybill-<host>-<pid>-<8 hex digits>".
std::string owner_id();
/// "0.1.0"
std::string version();

}  // namespace waybill::cli
