/* LD_PRELOAD=libwaybill_preload.so turns the plugin on in programs that cannot be configured: rd_kafka_new() is the one
 * function that every client passes. It appends the plugin to plugin.library.paths and changes nothing else. Without the
 * plugin beside it, or with WAYBILL_ENABLED=false, it does nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN_NAME "libwaybill_rdkafka.so"

typedef rd_kafka_t *(*new_fn)(rd_kafka_type_t, rd_kafka_conf_t *, char *, size_t);

/* The plugin in the folder of this library, or in WAYBILL_PLUGIN. 0 when there is none. */
static int plugin_path(char *path, size_t size) {
  const char *set = getenv("WAYBILL_PLUGIN");
  Dl_info self;
  if (set && *set) {
    return snprintf(path, size, "%s", set) < (int)size && access(path, R_OK) == 0;
  }
  if (!dladdr((const void *)&plugin_path, &self) || !self.dli_fname) return 0;
  const char *slash = strrchr(self.dli_fname, '/');
  int folder = slash ? (int)(slash - self.dli_fname) + 1 : 0;
  return snprintf(path, size, "%.*s%s", folder, self.dli_fname, PLUGIN_NAME) < (int)size &&
         access(path, R_OK) == 0;
}

static void add_plugin(rd_kafka_conf_t *conf, void *library) {
  __typeof__(&rd_kafka_conf_get) get = (__typeof__(&rd_kafka_conf_get))dlsym(library, "rd_kafka_conf_get");
  __typeof__(&rd_kafka_conf_set) set = (__typeof__(&rd_kafka_conf_set))dlsym(library, "rd_kafka_conf_set");
  char path[PATH_MAX];
  char list[4 * PATH_MAX] = "";
  char reason[512];
  size_t size = sizeof(list);
  if (!get || !set || !plugin_path(path, sizeof(path))) return;
  if (get(conf, "plugin.library.paths", list, &size) != RD_KAFKA_CONF_OK) list[0] = '\0';
  if (strstr(list, "libwaybill_rdkafka")) return;
  size_t used = strlen(list);
  if (used + strlen(path) + 2 > sizeof(list)) return;
  snprintf(list + used, sizeof(list) - used, "%s%s", used ? ";" : "", path);
  if (set(conf, "plugin.library.paths", list, reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
    fprintf(stderr, "waybill: not audited: %s\n", reason);
  }
}

/* The rd_kafka_new() that the caller would have got without us: from the libraries that the caller itself is linked with (a
 * Python wheel carries its own librdkafka, which RTLD_NEXT does not see), else the next one of the program. `library` becomes a
 * handle in which that copy's other functions are found. */
static new_fn real_new(const void *caller, void **library);

__attribute__((visibility("default"))) rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                                                char *errstr, size_t errstr_size) {
  const char *enabled = getenv("WAYBILL_ENABLED");
  void *library = NULL;
  new_fn next = real_new(__builtin_return_address(0), &library);
  if (!next) {
    snprintf(errstr, errstr_size, "waybill: no librdkafka behind libwaybill_preload.so");
    return NULL;
  }
  /* Without a configuration the caller asks for the defaults: there is nothing to set the plugin on. */
  if (conf && library && !(enabled && strcmp(enabled, "false") == 0)) add_plugin(conf, library);
  return next(type, conf, errstr, errstr_size);
}

static new_fn real_new(const void *caller, void **library) {
  Dl_info info;
  new_fn found;
  void *handle = NULL;
  if (dladdr(caller, &info) && info.dli_fname) handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  found = handle ? (new_fn)dlsym(handle, "rd_kafka_new") : NULL;
  if (!found || found == &rd_kafka_new) found = (new_fn)dlsym(RTLD_NEXT, "rd_kafka_new");
  if (!found) return NULL;
  if (dladdr((const void *)found, &info) && info.dli_fname) {
    *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD); /* for ever: the library stays loaded anyway */
  }
  return found;
}
