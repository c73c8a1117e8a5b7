// Any request target gives a Target or an error; a Target's path is what its segments say.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "http/router.h"
#include "http/target.h"

using namespace waybill::http;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Router router({{"GET", "/", Role::kAnyone, nullptr},
                              {"GET", "/api/v1/topics", Role::kViewer, nullptr},
                              {"GET", "/api/v1/topics/{topic}/buckets", Role::kViewer, nullptr},
                              {"POST", "/api/v1/topics/{topic}/{what}", Role::kOperator, nullptr}});
  auto target = parse_target({reinterpret_cast<const char*>(data), size});
  if (!target) return 0;
  std::string joined;
  for (const std::string& segment : target->segments) joined += "/" + segment;
  ASSERT(joined == target->path);
  ASSERT(target->query.size() <= kQueryParamsMax);
  Router::Found found = router.find("GET", target->segments);
  ASSERT(found.route == nullptr || found.route->method == "GET");
  return 0;
}
