#pragma once
// The page: what web/ was built to, embedded at build time.

#include <span>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace waybill::http {

struct WebFile {
  std::string_view name;  ///< "index.html", "assets/index-1a2b3c.js"
  std::string_view content_type;
  std::string_view bytes;
  std::string_view gzip;   ///< the same, compressed
  std::string_view etag;   ///< with its quotes
  bool immutable = false;  ///< the name changes with the content
};

/// All embedded files; lives for ever.
std::span<const WebFile> web_files();

/// One GET route for each file and "/" for index.html. Open to everyone: the page holds no figures, it asks
/// the API for them. Compressed for whoever accepts gzip; 304 when If-None-Match names the content.
std::vector<Route> web_routes();

/// Whether an Accept-Encoding header (RFC 9110 section 12.5.3) allows gzip.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace waybill::http
