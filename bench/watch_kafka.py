#!/usr/bin/env python3
"""CPU of `waybill run` with watches over a topic against a bare librdkafka read of the same messages, in turns.

Web log lines of 420 B; the counts must be the fixture's truth. The CPU time of ours is that of the whole process from its start
until everything is committed: HTTP, SQLite and librdkafka's threads included. Prints one JSON object."""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from confluent_kafka import Producer  # noqa: E402

from harness.fixtures import fixture  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill, run_command  # noqa: E402

RULES = {"status5xx": ("status", r"5\d{2}"),
         "timeout": ("message", r"upstream timed out \(\d+: [A-Za-z ]+\)"),
         "oom": ("message", r"(?i)out ?of ?memory|oom-kill"),
         "scanner": ("http_user_agent", r"(?:sqlmap|nikto|masscan|zgrab)/\d+\.\d+")}


def fill(bootstrap, topic, times):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "batch.size": 1_000_000,
                         "queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 1 << 20})
    lines = fixture("weblog.ndjson").read_bytes().splitlines()
    for turn in range(times):
        for number, line in enumerate(lines):
            while True:
                try:
                    producer.produce(topic, line, partition=(turn + number) % 4)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(120) == 0
    return times * len(lines)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_with_waybill(binary, folder, bootstrap, topic, names, messages, truth):
    """CPU seconds of one `waybill run` from its start until it has committed everything."""
    sources = [{"cluster": "main", "topics": [topic], "start": "begin"}]
    server = Waybill(binary, folder, config={
        "clusters": {"main": {"bootstrap.servers": bootstrap}}, "watch": {"group": folder.name},
        "watches": {name: {"where": {RULES[name][0]: RULES[name][1]}, "sources": sources} for name in names}})
    try:
        server.start()
        wait_until(lambda: sum(s["lines"] for s in server.get("/api/v1/watches")["sources"]) >= messages, 120, "all is read",
                   interval=0.3)
        cpu = cpu_seconds(server.process.pid)
        found = {watch["name"]: watch["matched"] for watch in server.get("/api/v1/watches")["watches"]}
        assert found == {name: truth[name] for name in names}, found
        return cpu
    finally:
        server.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--times", type=int, default=400, help="the fixture of 3,000 lines so many times")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    reader = next(path for path in args.build.rglob("bench_source") if path.is_file())
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = pathlib.Path(name)
        broker = LocalBroker(folder).start()
        try:
            topic = broker.create_topic("weblog", partitions=4)
            messages = fill(broker.bootstrap, topic, args.times)
            truth = {rule: count * args.times for rule, count in json.loads(fixture("weblog.truth.json").read_text()).items()}
            time.sleep(3)  # the broker writes what it has got
            bare, ours = [], {1: [], 4: []}
            for turn in range(args.rounds):
                done = json.loads(run_command(reader, broker.bootstrap, topic, 1, timeout=300).stdout)
                assert done["messages"] == messages
                bare.append(messages / done["bare_per_cpu_second"])
                for rules, seconds in ours.items():
                    seconds.append(read_with_waybill(args.build / "waybill", folder / f"server-{rules}-{turn}", broker.bootstrap,
                                                     topic, list(RULES)[:rules], messages, truth))
        finally:
            broker.close()
    base = statistics.median(bare)
    print(json.dumps({"messages": messages, "bare_cpu_s": round(base, 3),
                      **{f"{rules}_rules_cpu_s": round(statistics.median(s), 3) for rules, s in ours.items()},
                      **{f"{rules}_rules_ratio": round(statistics.median(s) / base, 3) for rules, s in ours.items()}}))


if __name__ == "__main__":
    main()
