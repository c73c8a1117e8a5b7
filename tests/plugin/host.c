/* A librdkafka application for the plugin's tests: host BOOTSTRAP PLUGIN TOPIC COMMAND [NUMBER].
 * It knows nothing of the plugin but its path. Prints what it saw as "name value" lines. */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *bootstrap;
static const char *plugin;
static const char *topic;
static atomic_long acked, failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  (void)opaque;
  if (message->err) {
    ++failed;
  } else {
    ++acked;
  }
}

static void must(rd_kafka_conf_res_t result, const char *what, const char *reason) {
  if (result == RD_KAFKA_CONF_OK) return;
  fprintf(stderr, "%s: %s\n", what, reason);
  exit(3);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char reason[512];
  must(rd_kafka_conf_set(conf, name, value, reason, sizeof reason), name, reason);
}

static rd_kafka_conf_t *plain_conf(void) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  if (*plugin) set(conf, "plugin.library.paths", plugin);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  return conf;
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  char reason[512];
  rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof reason);
  if (rk) return rk;
  fprintf(stderr, "rd_kafka_new: %s\n", reason);
  exit(3);
}

static void send_some(rd_kafka_t *rk, long count) {
  for (long i = 0; i < count; ++i) {
    char value[32];
    int length = snprintf(value, sizeof value, "%ld", i);
    while (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(value, length),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(rk, 10);
    }
    if (i % 64 == 0) rd_kafka_poll(rk, 0);
  }
}

static void produce(long count) {
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, plain_conf());
  send_some(rk, count);
  rd_kafka_flush(rk, 30000);
  rd_kafka_destroy(rk);
}

/* A client per message, as careless applications have it. */
static void churn(long count) {
  for (long i = 0; i < count; ++i) {
    rd_kafka_t *rk = make(i % 10 == 9 ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, plain_conf());
    if (i % 10 == 0) {
      send_some(rk, 1);
      rd_kafka_flush(rk, 30000);
    }
    rd_kafka_destroy(rk);
  }
}

/* Destroyed with messages in the queue and in flight. */
static void inflight(long count) {
  rd_kafka_conf_t *conf = plain_conf();
  /* Full batches leave at once; what does not fill one still waits when the client goes. */
  set(conf, "linger.ms", "60000");
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, conf);
  send_some(rk, count);
  rd_kafka_destroy(rk);
}

/* The topic does not exist, so messages have no partition when the client goes: librdkafka acknowledges none. */
static void no_partition(long count) {
  rd_kafka_conf_t *conf = plain_conf();
  set(conf, "topic.metadata.propagation.max.ms", "60000");
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, conf);
  send_some(rk, count);
  usleep(300 * 1000);
  rd_kafka_destroy(rk);
}

static void *sender(void *rk) {
  send_some(rk, 2000);
  return NULL;
}

static void threads(long count) {
  pthread_t all[64];
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, plain_conf());
  for (long i = 0; i < count; ++i) pthread_create(&all[i], NULL, sender, rk);
  for (long i = 0; i < count; ++i) pthread_join(all[i], NULL);
  rd_kafka_flush(rk, 30000);
  rd_kafka_destroy(rk);
}

/* Parent and child each have their own client; the child also destroys nothing of the parent's. */
static void fork_once(long count) {
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, plain_conf());
  send_some(rk, count);
  rd_kafka_flush(rk, 30000);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    acked = 0;
    send_some(rk, 5); /* into a client whose threads are gone: must not hang or crash */
    produce(count);
    printf("child_acked %ld\n", (long)acked);
    fflush(stdout);
    exit(0); /* runs exit handlers, as Python's children do */
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("child_status %d\n", status);
  send_some(rk, count);
  rd_kafka_flush(rk, 30000);
  rd_kafka_destroy(rk);
}

/* rd_kafka_new() refuses this combination after the plugin has seen the configuration. */
static void failed_new(long count) {
  for (long i = 0; i < count; ++i) {
    char reason[512];
    rd_kafka_conf_t *conf = plain_conf();
    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "1");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (rk) exit(4);
    rd_kafka_conf_destroy(conf);
  }
  produce(10);
}

/* Own properties travel with a copy, and the copy is audited once. */
static void conf_dup(long count) {
  rd_kafka_conf_t *conf = plain_conf();
  set(conf, "waybill.service", "copied");
  rd_kafka_conf_t *copy = rd_kafka_conf_dup(conf);
  rd_kafka_conf_t *second = rd_kafka_conf_dup(copy);
  rd_kafka_conf_destroy(conf);
  rd_kafka_conf_destroy(copy);
  set(second, "plugin.library.paths", plugin); /* again: must not count twice */
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, second);
  send_some(rk, count);
  rd_kafka_flush(rk, 30000);
  rd_kafka_destroy(rk);
}

static void acks_zero(long count) {
  rd_kafka_conf_t *conf = plain_conf();
  set(conf, "acks", "0");
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, conf);
  send_some(rk, count);
  rd_kafka_flush(rk, 30000);
  rd_kafka_destroy(rk);
}

/* acks=0 on a topic object alone: the client's configuration does not show it. */
static void acks_zero_topic(long count) {
  char reason[512];
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, plain_conf());
  rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
  must(rd_kafka_topic_conf_set(topic_conf, "acks", "0", reason, sizeof reason), "acks", reason);
  rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, topic_conf);
  for (long i = 0; i < count; ++i) {
    rd_kafka_produce(rkt, 0, RD_KAFKA_MSG_F_COPY, "x", 1, NULL, 0, NULL);
  }
  rd_kafka_flush(rk, 30000);
  rd_kafka_topic_destroy(rkt);
  rd_kafka_destroy(rk);
}

static void transaction(long count) {
  rd_kafka_conf_t *conf = plain_conf();
  set(conf, "transactional.id", topic); /* unique, as the topic is */
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, conf);
  rd_kafka_error_t *error = rd_kafka_init_transactions(rk, 30000);
  if (!error) error = rd_kafka_begin_transaction(rk);
  if (!error) send_some(rk, count);
  if (!error) error = rd_kafka_commit_transaction(rk, 30000);
  if (!error) error = rd_kafka_begin_transaction(rk);
  if (!error) send_some(rk, 1), rd_kafka_flush(rk, 10000); /* else 2.0.2 may end what the broker has not begun */
  if (!error) send_some(rk, count - 1);
  if (!error) error = rd_kafka_abort_transaction(rk, 30000);
  if (error) {
    fprintf(stderr, "transaction: %s\n", rd_kafka_error_string(error));
    exit(3);
  }
  rd_kafka_destroy(rk);
}

static int32_t bad_partitioner(const rd_kafka_topic_t *rkt, const void *key, size_t length, int32_t partitions,
                               void *opaque, void *message_opaque) {
  (void)rkt, (void)key, (void)length, (void)opaque, (void)message_opaque;
  return partitions + 7;
}

/* Inside rd_kafka_produce_batch() a failing partitioner passes the application's own struct to the hook. */
static void partitioner(long count) {
  rd_kafka_t *rk = make(RD_KAFKA_PRODUCER, plain_conf());
  rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
  rd_kafka_topic_conf_set_partitioner_cb(topic_conf, bad_partitioner);
  rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, topic_conf);
  const struct rd_kafka_metadata *metadata;
  if (rd_kafka_metadata(rk, 0, rkt, &metadata, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_message_t *batch = calloc((size_t)count, sizeof *batch);
  for (long i = 0; i < count; ++i) batch[i].payload = "x", batch[i].len = 1, batch[i].key = "k", batch[i].key_len = 1;
  printf("queued %d\n", rd_kafka_produce_batch(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, batch, (int)count));
  rd_kafka_flush(rk, 10000);
  rd_kafka_topic_destroy(rkt);
  rd_kafka_destroy(rk);
  free(batch);
}

/* Two clients of one process, in two consumer groups, by subscribe and poll. */
static void consume(long count) {
  rd_kafka_conf_t *conf = plain_conf();
  set(conf, "group.id", getenv("HOST_GROUP"));
  set(conf, "auto.offset.reset", "earliest");
  rd_kafka_t *rk = make(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(rk);
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(rk, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  long read = 0;
  while (read < count) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 1000);
    if (!message) continue;
    if (!message->err) ++read;
    rd_kafka_message_destroy(message);
  }
  printf("read %ld\n", read);
  rd_kafka_commit(rk, NULL, 0);
  rd_kafka_consumer_close(rk);
  rd_kafka_destroy(rk);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(long);
  } commands[] = {{"produce", produce},       {"churn", churn},           {"inflight", inflight},
                  {"threads", threads},       {"fork", fork_once},        {"failed_new", failed_new},
                  {"conf_dup", conf_dup},     {"acks_zero", acks_zero},   {"acks_zero_topic", acks_zero_topic},
                  {"transaction", transaction}, {"partitioner", partitioner}, {"consume", consume},
                  {"no_partition", no_partition}};
  if (argc < 5) return 2;
  bootstrap = argv[1];
  plugin = argv[2];
  topic = argv[3];
  long number = argc > 5 ? atol(argv[5]) : 1;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; ++i) {
    if (strcmp(commands[i].name, argv[4]) != 0) continue;
    commands[i].run(number);
    printf("acked %ld\nfailed %ld\n", (long)acked, (long)failed);
    printf("all_gone %d\n", rd_kafka_wait_destroyed(5000) == 0);
    return 0;
  }
  return 2;
}
