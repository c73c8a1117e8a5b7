/* Counts messages of an application that does not use librdkafka. It prints the reports instead of sending them; a real
 * application sends report.bytes to partition report.partition of the topic waybill-reports with its own Kafka client.
 *
 *   cc -Isrc examples/count_without_librdkafka.c -o count ... -lwaybill_client
 */
#include <stdio.h>
#include <time.h>

#include "client/waybill.h"

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 1 when the broker has acknowledged the report. */
static int deliver(const waybill_report_t *report) {
  printf("report of %zu bytes for partition %d\n", report->length, report->partition);
  return 1;
}

static void send_reports(waybill_t *w) {
  waybill_report_t report;
  while (waybill_poll_report(w, &report)) waybill_report_done(w, report.partition, deliver(&report));
}

int main(void) {
  char reason[256];
  waybill_config_t config = {0};
  config.size = sizeof config;
  config.cluster_id = "my-cluster";
  config.audit_partitions = 16;
  config.service = "checkout";
  waybill_t *w = waybill_new(&config, reason, sizeof reason);
  if (!w) {
    fprintf(stderr, "%s\n", reason);
    return 1;
  }
  waybill_client_t *producer = waybill_client_new(w, WAYBILL_PRODUCED, "checkout-1", NULL);
  waybill_topic_t *orders = waybill_topic(producer, "orders");
  for (int i = 0; i < 1000; ++i) {
    waybill_sent(orders, now_ms(), 100);
    waybill_produced(orders, 0, i, now_ms(), 100, 2); /* from the acknowledgement */
    if (i % 100 == 0) send_reports(w);
  }
  waybill_client_close(producer);
  waybill_close(w);
  while (!waybill_closed(w)) send_reports(w);
  waybill_free(w);
  return 0;
}
