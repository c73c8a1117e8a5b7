#pragma once
// Finds the route of a method and a path. Immutable after construction: any thread.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace waybill::http {

class Router {
 public:
  /// A pattern's segments are literals or {name}; {name} takes one non-empty segment. The first route that
  /// fits wins.
  explicit Router(std::vector<Route> routes);

  struct Found {
    const Route* route = nullptr;                    ///< null: no such path, or the path has no such method
    std::map<std::string, std::string> path_params;  ///< of `route`
    std::string allow;                               ///< methods of the path, for a 405; empty: no such path
  };
  /// HEAD finds GET routes. Linear in the number of routes, of which there are few.
  Found find(std::string_view method, const std::vector<std::string>& segments) const;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
  };
  std::vector<Entry> entries_;
};

}  // namespace waybill::http
