#include "plugin/rdkafka_api.h"

#include <dlfcn.h>

#include <atomic>
#include <memory>

namespace waybill::plugin {
namespace {

/// Closes a dlopen() handle. The library stays: it is the one that called us.
struct Closer {
  void operator()(void* handle) const { dlclose(handle); }
};

/// Looks a name up in the object at `base` and nowhere else: a process may hold two copies of librdkafka.
void* find_in(void* handle, const void* base, const char* name) {
  void* symbol = dlsym(handle, name);
  Dl_info info;
  if (!symbol || !dladdr(symbol, &info) || info.dli_fbase != base) return nullptr;
  return symbol;
}

Result<std::unique_ptr<RdkafkaApi>> load(const Dl_info& library) {
  std::unique_ptr<void, Closer> handle(dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD));
  if (!handle) handle.reset(dlopen(nullptr, RTLD_LAZY | RTLD_NOLOAD));  // part of the program itself
  if (!handle) return fail(Errc::kNotFound, "the calling librdkafka cannot be opened");
  auto api = std::make_unique<RdkafkaApi>();
#define WAYBILL_LOAD(name) \
  api->name = reinterpret_cast<decltype(api->name)>(find_in(handle.get(), library.dli_fbase, #name));
  WAYBILL_RDKAFKA_REQUIRED(WAYBILL_LOAD)
  WAYBILL_RDKAFKA_OPTIONAL(WAYBILL_LOAD)
#undef WAYBILL_LOAD
#define WAYBILL_CHECK(name) \
  if (!api->name) return fail(Errc::kNotFound, "the calling librdkafka does not export " #name);
  WAYBILL_RDKAFKA_REQUIRED(WAYBILL_CHECK)
#undef WAYBILL_CHECK
  api->version = api->rd_kafka_version();
  return api;
}

}  // namespace

Result<const RdkafkaApi*> rdkafka_of(const void* caller) {
  Dl_info library;
  if (!dladdr(caller, &library) || !library.dli_fname) {
    return fail(Errc::kNotFound, "the caller of conf_init is in no known library");
  }
  // A list that only grows, without a lock: a fork at any moment leaves the child a usable one.
  struct Known {
    const void* base;
    std::unique_ptr<RdkafkaApi> api;
    Known* next;
  };
  static std::atomic<Known*> head{nullptr};
  for (Known* known = head.load(std::memory_order_acquire); known; known = known->next) {
    if (known->base == library.dli_fbase) return known->api.get();
  }
  auto api = load(library);
  if (!api) return tl::make_unexpected(api.error());
  auto* fresh = new Known{library.dli_fbase, std::move(*api), head.load(std::memory_order_relaxed)};
  while (
      !head.compare_exchange_weak(fresh->next, fresh, std::memory_order_release, std::memory_order_relaxed)) {
  }
  return fresh->api.get();
}

}  // namespace waybill::plugin
