#!/usr/bin/env python3
"""How many scattered losses an hour the verifier proves at its default budget of 1 MiB/s. A reader's report with holes all over
a real log is planted (so that the reader's speed does not matter); measured from the first verdict to the last, and what the
collector received from the broker meanwhile, by the kernel's count. Prints one JSON object; exits 1 on any wrong verdict."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness import oracle, reports  # noqa: E402
from harness.clients import Clients  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

PARTITIONS, SIZE = 4, 200


def murmur2(data):
    """Kafka's hash of keys, for the audit partition of a topic's name."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    for at in range(0, len(data) & ~3, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ (k >> 24)) * m & mask)
    tail = data[len(data) & ~3:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)


def reader_report(topic, group, each, every, now_ms):
    """A reader that was handed everything but one message in `every`, committed, and said goodbye."""
    pb = reports.pb()
    report = pb.Report(version=1, reporter=bytes(range(16)), number=1, from_ms=now_ms - 1000, complete_up_to_ms=now_ms,
                       closed=True, cluster_id="", host="bench", pid=1, bucket_ms=60_000, audit_partitions=16, topics=[topic])
    report.clients.add(ref=1, client_id="reader", kind=pb.CONSUMED, group=group, library="bench")
    lost = set()
    for partition in range(PARTITIONS):
        holes = range(every // 2, each - 1, every)
        lost |= {(partition, hole) for hole in holes}
        seen, end = [], 0
        for begin, stop in zip((0, *(hole + 1 for hole in holes)), (*holes, each)):
            seen += [begin - end, stop - begin]
            end = stop
        report.coverage.add(client=1, tier=pb.CONSUMED, tier_name=group, topic=0, partition=partition, bucket=pb.NORMAL,
                            start_ms=now_ms - now_ms % 60_000, session=1, seen=seen)
        report.positions.add(client=1, topic=0, partition=partition, session=1, session_first=1, next=each + 1, high=each + 1,
                             committed=each + 1, last_time_ms=now_ms)
    return report.SerializeToString(), lost


def received(pid):
    """Bytes that the process has got over connections that are open now."""
    text = subprocess.run(["ss", "-tinpH"], stdout=subprocess.PIPE, text=True, timeout=10).stdout
    lines = text.splitlines()
    return sum(int(re.search(r"bytes_received:(\d+)", info).group(1))
               for head, info in zip(lines, lines[1:]) if f"pid={pid}," in head and "bytes_received" in info)


def measure(kafka, build, folder, messages, every):
    topic, group, each = f"log-{every}", f"readers-{every}", messages // PARTITIONS
    kafka.create_topic(topic, partitions=PARTITIONS)
    audit_topic = kafka.create_topic(f"reports-{every}", partitions=16)
    clients = Clients(kafka.bootstrap, build / "libwaybill_rdkafka", audit_topic, folder)
    waybill = Waybill(build / "waybill", folder / f"waybill-{every}", kafka.bootstrap, audit_topic, {"group": f"w-{every}"})
    try:
        waybill.start(timeout=60)
        # Batches as of 10,000 messages/s with a linger of 5 ms: the broker sends whole ones only.
        producer = clients.producer(linger_ms=5, batch_num_messages=50, queue_buffering_max_messages=200_000)
        for _ in range(0, messages, 100_000):
            producer.send(topic, 100_000, size=SIZE, partition=list(range(PARTITIONS)), patience=60)
        wait_until(lambda: waybill.topic(topic)["produced"] == messages, 60, "all is counted")
        value, lost = reader_report(topic, group, each, every, int(time.time() * 1000))
        place = (murmur2(topic.encode()) & 0x7FFFFFFF) % 16
        reports.write(kafka.bootstrap, audit_topic, [reports.RawReport(place, 0, 0, b"", value)])
        samples, bytes_before = [], received(waybill.process.pid)
        while not samples or samples[-1][1] < len(lost):
            count = waybill.group(topic, group)["lost"] if waybill.topic(topic)["groups"] else 0
            samples.append((time.monotonic(), count))
            assert time.monotonic() - samples[0][0] < 400, f"{count} of {len(lost)} after 400 s"
            time.sleep(0.2)
        got = received(waybill.process.pid) - bytes_before
        assert oracle.places(waybill.findings(topic, group=group, state="lost")) == lost, "not exactly the planted losses"
        first = next(i for i, (_, count) in enumerate(samples) if count > 0)
        seconds = samples[-1][0] - samples[max(0, first - 1)][0]
        return {"name": f"verifier, one loss in {every}", "ranges": len(lost), "seconds": round(seconds, 1),
                "ranges_per_hour": round(len(lost) / seconds * 3600), "received_mb_per_s": round(got / seconds / 1e6, 2)}
    finally:
        clients.close()
        waybill.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=800_000)
    parser.add_argument("--every", type=int, nargs="+", default=[100, 1000])
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="waybill-verifier-") as name:
        reports.generate(name)
        kafka = LocalBroker(name)
        try:
            kafka.start()
            for every in options.every:
                rows.append(measure(kafka, options.build.resolve(), pathlib.Path(name), options.messages, every))
        finally:
            kafka.close()
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
