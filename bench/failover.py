#!/usr/bin/env python3
"""How long figures stand still when a collector is killed: two `waybill run` on one PostgreSQL, SIGKILL of one in turn while
reports about 32 topics flow. Measured from the kill until every topic's count has moved on. Prints one JSON object."""

import argparse
import json
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from confluent_kafka import Producer  # noqa: E402
from harness.clients import Clients  # noqa: E402
from harness.databases import Postgresql  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

TOPICS = 32


def counts(collector):
    return {topic["name"]: topic["produced"] for topic in collector.get("/api/v1/topics")["topics"]}


def failover(one, other):
    """Seconds from the kill of one until the other shows that every topic moves."""
    wait_until(lambda: min(each.metric("waybill_runner_tasks") for each in (one, other)) >= 4 and len(counts(other)) == TOPICS, 120,
               "both work")
    moving = counts(other)
    wait_until(lambda: all(now > moving[name] for name, now in counts(other).items()), 120, "all moves")
    one.kill()
    began = time.monotonic()
    time.sleep(0.2)
    still = counts(other)   # what was committed when the killed one's last transaction was over
    wait_until(lambda: all(now > still[name] for name, now in counts(other).items()), 60, "all moves again", interval=0.05)
    seconds = time.monotonic() - began
    one.start(ready=False)
    return seconds


def measure(kafka, database, build, folder, kills):
    audit_topic = kafka.create_topic("waybill-reports", partitions=16)
    topics = [kafka.create_topic(f"topic-{number}", partitions=1) for number in range(TOPICS)]
    database.make("failover")
    collectors = [Waybill(build / "waybill", folder / name, kafka.bootstrap, audit_topic, {"group": "failover"},
                          {"store": database.place("failover")}) for name in ("one", "two")]
    stop = threading.Event()
    producer = Producer(Clients(kafka.bootstrap, build / "libwaybill_rdkafka", audit_topic, folder).config(linger_ms=5))

    def load():
        while not stop.wait(0.05):
            for topic in topics:
                producer.produce(topic, b"x" * 100)
            producer.poll(0)
    thread = threading.Thread(target=load, daemon=True)
    try:
        for collector in collectors:
            collector.start(timeout=60)
        thread.start()
        return [round(failover(collectors[n % 2], collectors[1 - n % 2]), 2) for n in range(kills)]
    finally:
        stop.set()
        if thread.is_alive():
            thread.join(10)
        producer.flush(10)
        for collector in collectors:
            collector.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waybill-failover-") as name:
        kafka, database = LocalBroker(name), Postgresql()
        try:
            seconds = measure(kafka.start(), database.start(), options.build.resolve(), pathlib.Path(name), options.kills)
        finally:
            kafka.close()
            database.close()
    ordered = sorted(seconds)
    print(json.dumps({"kills": len(seconds), "median_s": ordered[len(ordered) // 2], "max_s": ordered[-1], "seconds": seconds}))


if __name__ == "__main__":
    main()
