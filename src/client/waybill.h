/* Waybill's C API: for applications that move messages without librdkafka (with it, use the plugin).
 *
 * The library counts; the application carries the reports to the audit topic:
 *
 *   waybill_t *w = waybill_new(&config, errstr, sizeof errstr);
 *   waybill_client_t *c = waybill_client_new(w, WAYBILL_PRODUCED, "orders-service", NULL);
 *   waybill_topic_t *t = waybill_topic(c, "orders");
 *   waybill_sent(t, now_ms, bytes);                         on every send
 *   waybill_produced(t, partition, offset, time_ms, bytes, latency_ms);   on every acknowledgement
 *   ...
 *   about every 100 ms: while (waybill_poll_report(w, &report)) deliver(report), then waybill_report_done().
 *
 * All functions are thread-safe unless they say otherwise. Times are epoch milliseconds; a negative time
 * means that the message has none. No function blocks or does I/O. Handles belong to the waybill_t and die
 * with it. */
#ifndef WAYBILL_H
#define WAYBILL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waybill_s waybill_t;
typedef struct waybill_client_s waybill_client_t;
typedef struct waybill_topic_s waybill_topic_t;

/* Zero-initialise it and set `size` to sizeof(waybill_config_t): newer versions may append fields. Strings
 * are copied. */
typedef struct waybill_config {
  size_t size;
  const char* cluster_id;   /* required: the Kafka cluster's id */
  int32_t audit_partitions; /* required: partitions of the audit topic (waybill-reports), > 0 */
  const char* service;      /* optional, as are the next three */
  const char* data_center;
  const char* host; /* default: the host name */
  const char* ip;
  int64_t bucket_ms;          /* width of a bucket; 0 = 60000 */
  int64_t report_interval_ms; /* 1 to 2000; 0 = 1000 */
} waybill_config_t;

typedef enum waybill_kind {
  WAYBILL_PRODUCED = 2, /* sends and their acknowledgements */
  WAYBILL_CONSUMED = 3, /* hands out messages; `name` is the consumer group, NULL for a reader without one */
  WAYBILL_CUSTOM = 5    /* any other point where messages are counted; `name` names it and is required */
} waybill_kind_t;

/* A report on its way. `bytes` stay valid until waybill_report_done() for the same partition. */
typedef struct waybill_report {
  int32_t partition; /* of the audit topic */
  const void* bytes; /* the value of the Kafka message; no key */
  size_t length;
} waybill_report_t;

/* NULL on error, with the reason in errstr (may be NULL). */
waybill_t* waybill_new(const waybill_config_t* config, char* errstr, size_t errstr_size);
/* Frees everything; nothing may be in use. Call waybill_close() and deliver the last reports before. */
void waybill_free(waybill_t* w);

/* `kind` is a waybill_kind_t; `client_id` names the client for people. NULL: bad arguments, or more than 1000
 * clients. */
waybill_client_t* waybill_client_new(waybill_t* w, int kind, const char* client_id, const char* name);
/* The application is done with the client; its handles must not be used any more. Sends without an outcome
 * will be reported as unknown. */
void waybill_client_close(waybill_client_t* client);
/* What the client hands out from now on follows a rebalance: gaps across it prove nothing. */
void waybill_rebalanced(waybill_client_t* client);

/* The same handle for the same name. NULL: bad arguments, or more than 1000 topics. */
waybill_topic_t* waybill_topic(waybill_client_t* client, const char* topic);

/* Each returns 1 when counted and 0 when dropped (a bad argument, or beyond a limit; the reports say so). */
int waybill_sent(waybill_topic_t* topic, int64_t time_ms, uint64_t bytes);
/* Acknowledged. `offset` < 0: acknowledged, offset unknown. `latency_ms`: since the send. */
int waybill_produced(waybill_topic_t* topic, int32_t partition, int64_t offset, int64_t time_ms,
                     uint64_t bytes, int64_t latency_ms);
/* Failed for good with `code`, or timed out after it may have been written. */
int waybill_failed(waybill_topic_t* topic, int32_t code, int64_t time_ms);
int waybill_unknown(waybill_topic_t* topic, int64_t time_ms);
/* Handed out (WAYBILL_CONSUMED) or passed by (WAYBILL_CUSTOM). */
int waybill_consumed(waybill_topic_t* topic, int32_t partition, int64_t offset, int64_t time_ms,
                     uint64_t bytes);
/* `next` is the committed position: the offset to read next. */
int waybill_committed(waybill_topic_t* topic, int32_t partition, int64_t next);

/* 1 and a report that is to be sent now, or 0. To be called every 20 to 200 ms by one thread at a time: it
 * does what is due. The application sends `bytes` to `partition` of the audit topic and tells the outcome
 * with waybill_report_done(). There is at most one report per partition under way. */
int waybill_poll_report(waybill_t* w, waybill_report_t* report);
/* `delivered` = 0: the same bytes will be offered again. May be called from a delivery callback. */
void waybill_report_done(waybill_t* w, int32_t partition, int delivered);
/* Everything that is counted by now goes into last reports, marked closed; later counts are ignored. Poll
 * until waybill_closed() is 1 (all delivered) or for as long as the application can wait. */
void waybill_close(waybill_t* w);
int waybill_closed(const waybill_t* w);

#ifdef __cplusplus
}
#endif
#endif
