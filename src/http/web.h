#pragma once
// The page: files of web/, embedded at build time.

#include <span>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace waybill::http {

struct WebFile {
  std::string_view name;  ///< "index.html"
  std::string_view content_type;
  std::string_view bytes;
};

/// All embedded files; lives for ever.
std::span<const WebFile> web_files();

/// One GET route for each file and "/" for index.html. Open to everyone: the page holds no figures, it asks
/// the API for them.
std::vector<Route> web_routes();

}  // namespace waybill::http
