#!/usr/bin/env python3
"""From a hit to the webhook: records that match a watch, among a stream of others on the same topic, and when a local receiver has
the alert. Prints one JSON object; exits 1 when an alert is missing or came twice."""

import argparse
import collections
import json
import pathlib
import subprocess
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
LINE = json.dumps({"level": "INFO", "host": "web-17", "path": "/api/v1/orders/4711", "text": "x" * 330})


def feed(client, bootstrap, topic, megabytes, seconds):
    """The process that sends other lines at a steady rate."""
    rate = int(megabytes * 1e6 / len(LINE))
    return subprocess.Popen([client, "produce", bootstrap, topic, str(int(rate * seconds)), "0", "--rate", str(rate), "--value", LINE,
                             "-X", "linger.ms=20", "-X", "batch.size=1048576"], stdout=subprocess.PIPE, text=True)


def quantile(sorted_values, q):
    return sorted_values[min(len(sorted_values) - 1, int(q * len(sorted_values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench")
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
        feeder = None
        try:
            server.start()
            if options.load > 0:
                client = next(path for path in options.build.rglob("bench_client") if path.is_file())
                feeder = feed(client, broker.bootstrap, topic, options.load, 10 + options.hits * options.every)
            time.sleep(5)
            producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
            begin, at = time.monotonic(), {}
            for i in range(options.hits):
                at[f"hit-{i}"] = time.time()
                producer.produce(topic, json.dumps({"level": "ERROR", "host": f"hit-{i}"}).encode(), partition=i % PARTITIONS)
                producer.flush(10)
                time.sleep(max(0, begin + (i + 1) * options.every - time.monotonic()))
            deadline = time.monotonic() + 30
            while len(receiver.alerts()) < options.hits and time.monotonic() < deadline:
                time.sleep(0.1)
            arrived, told = {}, collections.Counter()
            for seconds, _, _, body in receiver.requests:
                for alert in json.loads(body)["alerts"]:
                    if alert["status"] == "firing":
                        told[alert["labels"]["host"]] += 1
                        arrived.setdefault(alert["labels"]["host"], seconds)
            sent = json.loads(feeder.communicate(timeout=120)[0]) if feeder else {"bytes": 0, "wall_s": 1}
        finally:
            if feeder:
                feeder.kill()
                feeder.wait(10)
            server.close()
            receiver.close()
            broker.close()
    took = sorted(arrived[host] - when for host, when in at.items() if host in arrived)
    right = told == {host: 1 for host in at}
    print(json.dumps({"hits": options.hits, "load_mb_per_s": round(sent["bytes"] / sent["wall_s"] / 1e6, 1),
                      "requests": len(receiver.requests), "exactly_once": right,
                      **{f"p{int(q * 100)}_s": round(quantile(took, q), 3) for q in (0.5, 0.9, 0.99)}, "max_s": round(took[-1], 3)}))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
