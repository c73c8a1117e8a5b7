#!/usr/bin/env python3
"""Bytes of reports against bytes of payload: four producers of 10,000 messages/s of 500 B on 4 partitions, keyed, linger 5 ms."""
import argparse
import json
import subprocess
import sys
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

REPORT_TOPIC = "waybill-reports"


def end_of(consumer, topic, partition):
    """One past the newest offset; a topic that was just made needs a moment until its leaders answer."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def ends(consumer, topic):
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    return {p: end_of(consumer, topic, p) for p in partitions}


def reports_since(consumer, before):
    """Count and bytes (key and value) of the reports written since `before`."""
    count = size = 0
    for partition, begin in before.items():
        end = end_of(consumer, REPORT_TOPIC, partition)
        if end == begin:
            continue
        consumer.assign([TopicPartition(REPORT_TOPIC, partition, begin)])
        position = begin
        deadline = time.monotonic() + 60
        while position < end and time.monotonic() < deadline:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            position = message.offset() + 1
            count += 1
            size += len(message.value() or b"") + len(message.key() or b"")
        if position < end:
            sys.exit(f"{REPORT_TOPIC}[{partition}] could not be read to its end ({position} of {end})")
    return count, size


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", required=True, help="the program bench_client")
    parser.add_argument("--plugin", required=True, help="path of libwaybill_rdkafka.so")
    parser.add_argument("--bootstrap", required=True, help="a broker without other audited clients")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--producers", type=int, default=4)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=500)
    args = parser.parse_args()

    topic = f"waybill-traffic-{int(time.time())}"
    admin = AdminClient({"bootstrap.servers": args.bootstrap})
    existing = admin.list_topics(timeout=10).topics
    wanted = [NewTopic(topic, 4, 1)] + ([] if REPORT_TOPIC in existing else [NewTopic(REPORT_TOPIC, 16, 1)])
    for future in admin.create_topics(wanted).values():
        future.result(30)
    consumer = Consumer({"bootstrap.servers": args.bootstrap, "group.id": topic, "enable.auto.commit": False})
    before = ends(consumer, REPORT_TOPIC)
    count = args.rate * args.seconds
    running = [subprocess.Popen(
        [args.client, "produce", args.bootstrap, topic, str(count), str(args.size), "--rate", str(args.rate), "--keys", "1000",
         "-X", "linger.ms=5", "-X", f"client.id=traffic-{n}", "-X", f"plugin.library.paths={args.plugin}"],
        stdout=subprocess.PIPE, text=True) for n in range(args.producers)]
    results = []
    for process in running:
        out, _ = process.communicate(timeout=args.seconds + 120)
        if process.returncode != 0:
            sys.exit(f"a producer failed: exit {process.returncode} {out}")
        results.append(json.loads(out))
    payload = sum(r["bytes"] for r in results)
    reports, size = reports_since(consumer, before)
    consumer.close()
    seconds = max(r["wall_s"] for r in results)
    print(json.dumps({
        "payload_messages": sum(r["messages"] for r in results), "payload_bytes": payload, "reports": reports, "report_bytes": size,
        "share_percent": round(100 * size / payload, 4), "bytes_per_second_per_reporter": round(size / seconds / args.producers, 1),
        "bytes_per_message": round(size / sum(r["messages"] for r in results), 4)}, indent=2))


if __name__ == "__main__":
    main()
