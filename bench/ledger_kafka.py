#!/usr/bin/env python3
"""CPU time of a ledger over a topic against that of a bare read: `waybill run` into SQLite, `waybill ledger` once, and kcat, over the
same topic of two partitions, turn by turn. The lines are checked. Prints a JSON array; ratios are medians of single rounds."""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from confluent_kafka import Producer  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
PARTITIONS = 2


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of_command(command):
    """Seconds of CPU of a command that ends, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def fill(kafka, binary, folder, messages):
    """Lines of generated logs, in the order of their times, over two partitions."""
    log = folder / "app.log"
    subprocess.run([binary, "gen", "ledger", "--messages", str(messages), "--seed", "3", "--out", log,
                    "--begin-ms", str(int(time.time() * 1000) - 1_200_000)], check=True)
    topic = kafka.create_topic("logs", partitions=PARTITIONS)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 500_000})
    lines = 0
    with log.open("rb") as file:
        for line in file:
            while True:
                try:
                    producer.produce(topic, line.rstrip(b"\n"), partition=lines % PARTITIONS)
                    break
                except BufferError:
                    producer.poll(0.1)
            lines += 1
    producer.flush(120)
    return topic, lines


def of_run(binary, folder, bootstrap, topic, lines, number, profile):
    """Seconds of CPU of `waybill run` from its start until all lines are counted."""
    config = {"clusters": {"main": {"bootstrap.servers": bootstrap}},
              "ledgers": {f"l{number}": {"discover": True, "source": {"cluster": "main", "topics": [topic]}}}}
    server = Waybill(binary, folder / f"run{number}", config=config,
                     command=["perf", "record", "-g", "-o", profile, "--"] if profile else None)
    try:
        server.start(timeout=60)

        def read():
            found = server.get("/api/v1/ledgers")["ledgers"]
            return found and found[0]["lines"] >= lines and found

        found = wait_until(read, 300, "all lines", interval=0.2)
        assert found[0]["lines"] == lines
        seconds = cpu_of(server.process.pid)
        if not profile:  # else the signal is perf's
            server.stop(30)
        return seconds
    finally:
        server.close()


def of_once(binary, folder, bootstrap, topic, lines):
    config = folder / "once.yaml"
    config.write_text(json.dumps({"clusters": {"main": {"bootstrap.servers": bootstrap}},
                                  "ledgers": {"l": {"discover": True, "source": {"cluster": "main", "topics": [topic]}}}}))
    seconds, out = cpu_of_command([binary, "ledger", "-c", config, "--format", "json"])
    assert json.loads(out)["lines"] == lines
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=330_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["run"], help="without the peers, e.g. for a profile")
    parser.add_argument("--profile", help="perf record's file")
    options = parser.parse_args()
    binary = options.build.resolve() / "waybill"
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = pathlib.Path(name)
        kafka = LocalBroker(name).start()
        try:
            topic, lines = fill(kafka, binary, folder, options.messages)
            rounds = []
            for number in range(options.rounds):
                figures = {"run": of_run(binary, folder, kafka.bootstrap, topic, lines, number, options.profile)}
                if not options.only:
                    figures["once"] = of_once(binary, folder, kafka.bootstrap, topic, lines)
                    figures["kcat"], out = cpu_of_command(["kcat", "-C", "-b", kafka.bootstrap, "-t", topic, "-e", "-q", "-o",
                                                           "beginning", "-f", "\n"])
                    assert out.count(b"\n") == lines
                rounds.append(figures)
                print(figures, file=sys.stderr)
        finally:
            kafka.close()
    rows = []
    for name in rounds[0]:
        row = {"name": f"ledger over Kafka: {name}", "lines": lines,
               "cpu_s": round(statistics.median(r[name] for r in rounds), 2)}
        if "kcat" in rounds[0] and name != "kcat":
            row["of_kcat"] = round(statistics.median(r[name] / r["kcat"] for r in rounds), 2)
        rows.append(row)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
