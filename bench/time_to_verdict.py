#!/usr/bin/env python3
"""How long after a skip the API says suspected, and lost: real readers with default settings (auto-commit every 5 s) skip again
and again while a producer sends. Prints one JSON object; exits 1 when the losses are not exactly the planned skips."""

import argparse
import json
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.clients import Clients  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.oracle import places  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

SKIP = 10  # messages


class Skips:
    """The skips of one group: when each happened, when each was first called what."""

    def __init__(self, clients, topic, group):
        # librdkafka's own defaults, but for where a new group begins.
        self.reader = clients.consumer(group, [topic], enable_auto_commit=True, session_timeout_ms=45_000,
                                       heartbeat_interval_ms=3_000, fetch_wait_max_ms=500)
        self.topic, self.group = topic, group
        self.at = {}                              # (partition, first) -> when
        self.seen = {"suspected": {}, "lost": {}}

    def skip(self, partition, newest):
        """Stands still until there is enough to skip, then skips it."""
        self.reader.pause()
        at = self.reader.last[self.topic, partition] + 1
        deadline = time.monotonic() + 60
        while newest(partition) <= at + SKIP + 1:
            assert time.monotonic() < deadline, "the producer is too slow"
            time.sleep(0.02)
        done = self.reader.count_events("jumped")
        self.reader.jump([[self.topic, partition, at, at + SKIP + 1]])
        self.reader.resume()
        while self.reader.count_events("jumped") == done:
            assert time.monotonic() < deadline, "the reader did not come there"
            time.sleep(0.005)
        self.at[partition, at + 1] = time.monotonic()

    def look(self, waybill):
        for state, seen in self.seen.items():
            for finding in waybill.findings(self.topic, group=self.group, state=state):
                seen.setdefault((finding["partition"], finding["first_offset"]), time.monotonic())

    def seconds(self, state):
        """A skip that was never seen as suspected was so at the latest when it was called lost."""
        lost = self.seen["lost"]
        seen = self.seen[state]
        return [min(seen.get(skip, lost[skip]), lost[skip]) - when for skip, when in self.at.items() if skip in lost]


def quantiles(values):
    ordered = sorted(values)
    return {name: round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 2)
            for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}


def measure(kafka, build, folder, options):
    audit_topic = kafka.create_topic("waybill-reports", partitions=16)
    topic = kafka.create_topic("orders", partitions=4)
    clients = Clients(kafka.bootstrap, build / "libwaybill_rdkafka", audit_topic, folder)
    waybill = Waybill(build / "waybill", folder / "waybill", kafka.bootstrap, audit_topic)
    try:
        waybill.start(timeout=60)
        producer = clients.producer(linger_ms=5)
        producer.send(topic, 400, partition=[0, 1, 2, 3])
        groups = [Skips(clients, topic, f"group-{number}") for number in range(options.groups)]
        producer.send(topic, 10**7, wait=False, partition=[0, 1, 2, 3], rate=400)

        def newest(partition):
            return next(m[2] for m in reversed(producer.acked) if m[1] == partition)
        while not all(len(g.reader.last) == 4 for g in groups):
            time.sleep(0.1)
        errors = []

        def work(group):
            try:
                for number in range(options.skips):
                    group.skip(number % 4, newest)
                    time.sleep(options.every)
            except Exception as error:  # noqa: BLE001 (shown below)
                errors.append(repr(error))
        threads = [threading.Thread(target=work, args=(group,), daemon=True) for group in groups]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + options.skips * (options.every + 5) + 90
        while time.monotonic() < deadline and not errors:
            for group in groups:
                group.look(waybill)
            done = not any(thread.is_alive() for thread in threads)
            if done and all(group.seen["lost"].keys() >= group.at.keys() for group in groups):
                break
            time.sleep(0.1)
        assert not errors, errors
        for group in groups:
            planned = {(p, o) for p, first in group.at for o in range(first, first + SKIP)}
            found = places(waybill.findings(topic, group=group.group, state="lost"))
            assert planned == found, f"{group.group}: {sorted(planned ^ found)[:5]}"
        count = sum(len(group.at) for group in groups)
        return {"skips": count, **{f"{state}_s_{name}": value for state in ("suspected", "lost")
                                   for name, value in quantiles([s for g in groups for s in g.seconds(state)]).items()}}
    finally:
        clients.close()
        waybill.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--groups", type=int, default=8)
    parser.add_argument("--skips", type=int, default=25, help="of each group")
    parser.add_argument("--every", type=float, default=1.5, help="seconds between the skips of a group")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waybill-verdict-") as name:
        kafka = LocalBroker(name)
        try:
            print(json.dumps(measure(kafka.start(), options.build.resolve(), pathlib.Path(name), options)))
        finally:
            kafka.close()


if __name__ == "__main__":
    main()
