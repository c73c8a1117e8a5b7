#include "flow/failpoint.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace waybill::flow {
namespace {

struct Failpoint {
  std::string name;
  std::atomic<int64_t> left{0};

  Failpoint() {
    const char* text = std::getenv("WAYBILL_FAILPOINT");
    if (!text) return;
    std::string_view spec(text);
    size_t colon = spec.rfind(':');
    name = spec.substr(0, colon);
    left = colon == std::string_view::npos ? 1 : std::atoll(spec.data() + colon + 1);
  }
};

}  // namespace

void failpoint(std::string_view name) {
  static Failpoint point;
  if (point.left.load(std::memory_order_relaxed) <= 0 || name != point.name) return;
  if (point.left.fetch_sub(1) != 1) return;
  std::fprintf(stderr, "failpoint %s\n", point.name.c_str());
  std::abort();
}

}  // namespace waybill::flow
