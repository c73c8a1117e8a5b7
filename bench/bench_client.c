// A plain librdkafka client under load: what a user's own program costs, with and without the plugin.
//
//   bench_client produce|consume BOOTSTRAP TOPIC COUNT SIZE [--rate N] [--keys N] [--value TEXT] [-X
//   property=value]...
//
// The payload is SIZE times 'x', or TEXT. // Prints one JSON object: messages acknowledged (or handed out),
// payload bytes, wall and CPU seconds of the whole client life. Exits 1 when a message failed or the count is
// wrong: a fast wrong answer is no answer.
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { kPollEvery = 256, kGiveUpSeconds = 120 };

static int64_t acked, failed, handed_out, bytes_out;

static double wall_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static void on_delivery(rd_kafka_t* rk, const rd_kafka_message_t* m, void* opaque) {
  (void)rk, (void)opaque;
  if (m->err)
    failed++;
  else
    acked++;
}

static void on_message(rd_kafka_message_t* m, void* opaque) {
  (void)opaque;
  if (m->err) return;
  handed_out++;
  bytes_out += (int64_t)(m->len + m->key_len);
}

static void set(rd_kafka_conf_t* conf, const char* key, const char* value) {
  char err[512];
  if (rd_kafka_conf_set(conf, key, value, err, sizeof err) != RD_KAFKA_CONF_OK) {
    fprintf(stderr, "bench_client: %s\n", err);
    exit(2);
  }
}

static rd_kafka_t* make(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char err[512];
  rd_kafka_t* rk = rd_kafka_new(type, conf, err, sizeof err);
  if (!rk) {
    fprintf(stderr, "bench_client: %s\n", err);
    exit(2);
  }
  return rk;
}

/// Sleeps so that message number `n` leaves at its time when a rate is set.
static void pace(double began, int64_t n, int64_t rate) {
  if (rate <= 0 || n % 100 != 0) return;
  double ahead = began + (double)n / (double)rate - wall_seconds();
  if (ahead > 0) usleep((useconds_t)(ahead * 1e6));
}

static void produce(rd_kafka_conf_t* conf, const char* topic, int64_t count, const char* value, size_t size,
                    int64_t rate, int64_t keys) {
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t* rk = make(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t* rkt = rd_kafka_topic_new(rk, topic, NULL);
  char key[24];
  double began = wall_seconds();
  for (int64_t n = 0; n < count; n++) {
    pace(began, n, rate);
    int key_len = keys > 0 ? snprintf(key, sizeof key, "key-%lld", (long long)(n * 7919 % keys)) : 0;
    while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void*)value, size,
                            key_len ? key : NULL, (size_t)key_len, NULL) == -1 &&
           rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL)
      rd_kafka_poll(rk, 10);
    bytes_out += (int64_t)size + key_len;
    if (n % kPollEvery == 0) rd_kafka_poll(rk, 0);
  }
  rd_kafka_flush(rk, kGiveUpSeconds * 1000);
  rd_kafka_topic_destroy(rkt);
  rd_kafka_destroy(rk);
}

static void consume(rd_kafka_conf_t* conf, const char* topic, int64_t count) {
  char group[64];
  snprintf(group, sizeof group, "bench-%d-%ld", (int)getpid(), (long)time(NULL));
  set(conf, "group.id", group);
  set(conf, "auto.offset.reset", "earliest");
  rd_kafka_t* rk = make(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(rk);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(rk, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  double began = wall_seconds();
  while (handed_out < count && wall_seconds() - began < kGiveUpSeconds) {
    rd_kafka_message_t* m = rd_kafka_consumer_poll(rk, 100);
    if (!m) continue;
    on_message(m, NULL);
    rd_kafka_message_destroy(m);
  }
  rd_kafka_consumer_close(rk);
  rd_kafka_destroy(rk);
}

int main(int argc, char** argv) {
  if (argc < 6) {
    fprintf(stderr,
            "usage: bench_client produce|consume BOOTSTRAP TOPIC COUNT SIZE [--rate N] [--keys N] [--value "
            "TEXT] [-X property=value]...\n");
    return 2;
  }
  const int producing = strcmp(argv[1], "produce") == 0;
  const int64_t count = atoll(argv[4]);
  int64_t rate = 0, keys = 0;
  size_t size = (size_t)atoll(argv[5]);
  char* value = memset(malloc(size + 1), 'x', size);
  const double began = wall_seconds(), cpu_began = cpu_seconds();
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[2]);
  for (int i = 6; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--rate") == 0)
      rate = atoll(argv[i + 1]);
    else if (strcmp(argv[i], "--keys") == 0)
      keys = atoll(argv[i + 1]);
    else if (strcmp(argv[i], "--value") == 0) {
      free(value);
      value = strdup(argv[i + 1]);
      size = strlen(value);
    } else {
      char* equals = strchr(argv[i + 1], '=');
      if (strcmp(argv[i], "-X") != 0 || !equals) {
        fprintf(stderr, "bench_client: unknown option %s\n", argv[i]);
        return 2;
      }
      *equals = 0;
      set(conf, argv[i + 1], equals + 1);
    }
  }
  if (producing)
    produce(conf, argv[3], count, value, size, rate, keys);
  else
    consume(conf, argv[3], count);
  free(value);
  const int64_t messages = producing ? acked : handed_out;
  printf("{\"messages\":%lld,\"failed\":%lld,\"bytes\":%lld,\"wall_s\":%.4f,\"cpu_s\":%.4f}\n",
         (long long)messages, (long long)failed, (long long)bytes_out, wall_seconds() - began,
         cpu_seconds() - cpu_began);
  return messages == count && failed == 0 ? 0 : 1;
}
