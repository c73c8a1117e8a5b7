#!/usr/bin/env python3
"""From a hit to the webhook: records that match a watch, among a stream of others on the same topic, and when a local receiver has
the alert. Prints one JSON object; exits 1 when an alert is missing or came twice."""

import argparse
import collections
import json
import multiprocessing
import pathlib
import sys
import tempfile
import time

from confluent_kafka import Producer

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.kafka import LocalBroker  # noqa: E402
from harness.receivers import HttpReceiver  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

PARTITIONS = 8
LINE = json.dumps({"level": "INFO", "host": "web-17", "path": "/api/v1/orders/4711", "text": "x" * 330}).encode()


def feed(bootstrap, topic, megabytes, stop, sent):
    """Other lines at a steady rate until `stop`."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "batch.size": 1 << 20, "compression.type": "none",
                         "queue.buffering.max.messages": 200_000})
    begin, count = time.monotonic(), 0
    while not stop.is_set():
        due = (time.monotonic() - begin) * megabytes * 1e6 / len(LINE)
        while count < due and not stop.is_set():
            for _ in range(500):
                try:
                    producer.produce(topic, LINE, partition=count % PARTITIONS)
                except BufferError:
                    producer.poll(0.01)
                    continue
                count += 1
            producer.poll(0)
        sent.value = count * len(LINE)
        time.sleep(0.005)
    producer.flush(30)
    sent.value = count * len(LINE)


def quantile(sorted_values, q):
    return sorted_values[min(len(sorted_values) - 1, int(q * len(sorted_values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--hits", type=int, default=200)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between hits")
    parser.add_argument("--load", type=float, default=50, help="MB/s of other lines")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "kafka").mkdir()
        broker = LocalBroker(pathlib.Path(folder) / "kafka").start()
        receiver = HttpReceiver()
        topic = broker.create_topic("lines", partitions=PARTITIONS)
        watch = {"sources": [{"cluster": "main", "topics": [topic], "start": "begin"}], "where": {"level": "ERROR"}, "by": ["host"],
                 "notify": ["hook"]}
        server = Waybill(options.build / "waybill", pathlib.Path(folder) / "server", config={
            "clusters": {"main": {"bootstrap.servers": broker.bootstrap}}, "watches": {"errors": watch},
            "notifiers": {"hook": {"webhook": receiver.url, "allow_private": True}}})
        feeders, stop, sent = [], multiprocessing.Event(), []
        try:
            server.start()
            for _ in range(2 if options.load > 0 else 0):
                sent.append(multiprocessing.Value("q", 0))
                feeders.append(multiprocessing.Process(target=feed, args=(broker.bootstrap, topic, options.load / 2, stop, sent[-1])))
                feeders[-1].start()
            time.sleep(5)
            producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
            begin, bytes_before, at = time.monotonic(), sum(s.value for s in sent), {}
            for i in range(options.hits):
                at[f"hit-{i}"] = time.time()
                producer.produce(topic, json.dumps({"level": "ERROR", "host": f"hit-{i}"}).encode(), partition=i % PARTITIONS)
                producer.flush(10)
                time.sleep(max(0, begin + (i + 1) * options.every - time.monotonic()))
            rate = (sum(s.value for s in sent) - bytes_before) / (time.monotonic() - begin) / 1e6
            deadline = time.monotonic() + 30
            while len(receiver.alerts()) < options.hits and time.monotonic() < deadline:
                time.sleep(0.1)
            arrived, told = {}, collections.Counter()
            for seconds, _, _, body in receiver.requests:
                for alert in json.loads(body)["alerts"]:
                    if alert["status"] == "firing":
                        told[alert["labels"]["host"]] += 1
                        arrived.setdefault(alert["labels"]["host"], seconds)
        finally:
            stop.set()
            for feeder in feeders:
                feeder.join(40)
            server.close()
            receiver.close()
            broker.close()
    took = sorted(arrived[host] - when for host, when in at.items() if host in arrived)
    right = told == {host: 1 for host in at}
    print(json.dumps({"hits": options.hits, "load_mb_per_s": round(rate, 1), "requests": len(receiver.requests), "exactly_once": right,
                      **{f"p{int(q * 100)}_s": round(quantile(took, q), 3) for q in (0.5, 0.9, 0.99)}, "max_s": round(took[-1], 3)}))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
