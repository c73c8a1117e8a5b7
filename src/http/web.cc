#include "http/web.h"

namespace waybill::http {
namespace {

Route route_of(std::string pattern, const WebFile& file) {
  return {.method = "GET",
          .pattern = std::move(pattern),
          .role = Role::kAnyone,
          .handler = [file](const Request&) {
            return Response{.status = 200,
                            .content_type = std::string(file.content_type),
                            .body = std::string(file.bytes),
                            .headers = {{"Cache-Control", "no-cache"}}};
          }};
}

}  // namespace

std::vector<Route> web_routes() {
  std::vector<Route> routes;
  for (const WebFile& file : web_files()) {
    routes.push_back(route_of("/" + std::string(file.name), file));
    if (file.name == "index.html") routes.push_back(route_of("/", file));
  }
  return routes;
}

}  // namespace waybill::http
