#!/usr/bin/env python3
"""How the API and the page answer over a large store: 10,000 topics of four partitions and two groups, 30 days of buckets of 1,000
of them (minutes for 48 hours, hours before), 1 M findings. `api_load.py --build DIR [--seconds N] [--rate N]`. The rows of one
really audited topic are multiplied inside SQLite; then requests arrive at a steady rate, as pages make them, and each is
timed from the moment when it was due. Prints one JSON object."""

import argparse
import collections
import http.client
import json
import pathlib
import random
import sqlite3
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "web")]

from browser import launched  # noqa: E402
from harness.clients import Clients  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

TOPICS, BUSY, FINDINGS, GROUPS = 10_000, 1_000, 1_000_000, ("billing", "search")
MINUTE, HOUR = 60_000, 3_600_000
WORKERS = 16


def audited(kafka, server, build, folder):
    """Lets the server audit one topic with both groups, so that the rows to multiply are its own; then it is stopped."""
    topic = kafka.create_topic("pattern", partitions=4)
    clients = Clients(kafka.bootstrap, build / "libwaybill_rdkafka", "reports", folder)
    producer = clients.producer(linger_ms=5)
    readers = [clients.consumer(group, [topic], enable_auto_commit=True) for group in GROUPS]
    producer.send(topic, 2000, size=50, keys=97)
    for reader in readers:
        reader.wait_messages(2000)
    wait_until(lambda: all((server.group(topic, group) or {}).get("consumed") == 2000 for group in GROUPS), 60, "all is counted")
    clients.close()
    time.sleep(3)
    server.stop()


def columns(db, table, **replaced):
    """The table's columns for a SELECT, with some replaced by an expression."""
    return ", ".join(replaced.get(name, f'p."{name}"') for _, name, *_ in db.execute(f'PRAGMA table_info("{table}")'))


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) "
NAME = "printf('topic-%05d', {})"


def multiply(path, now_ms):
    """Fills the store; returns its counts of rows."""
    db = sqlite3.connect(path)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000", "locking_mode=EXCLUSIVE"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("CREATE TEMP TABLE t AS " + NUMBERS.format(count=TOPICS) + f"SELECT i, {NAME.format('i')} AS name FROM n")
    db.execute(f"INSERT INTO audit_partition SELECT {columns(db, 'audit_partition', topic='t.name')} "
               "FROM t, audit_partition p WHERE p.topic = 'pattern'")
    newest = now_ms // HOUR * HOUR
    db.execute("CREATE TEMP TABLE one AS SELECT * FROM audit_bucket WHERE topic = 'pattern' AND kind = 0 AND count > 0 GROUP BY grp")
    for table, step, count, last in (("audit_bucket", MINUTE, 48 * 60, now_ms // MINUTE * MINUTE), ("audit_hour", HOUR, 720, newest)):
        db.execute(NUMBERS.format(count=count) + f"INSERT INTO {table} SELECT "
                   f"{columns(db, table, topic='t.name', start=f'{last} - n.i * {step}', settled='1')} FROM t, n, one p WHERE t.i < {BUSY}")
    each = FINDINGS // TOPICS
    db.execute(NUMBERS.format(count=each) +
               "INSERT INTO audit_finding (cluster, topic, incarnation, part, grp, first_offset, state, last_offset, reason, bucket_start,"
               " times, found_ms, verified_ms, lost_ms) "
               f"SELECT 'main', t.name, 0, n.i % 4, 'billing', n.i * 100, CASE n.i % 2 WHEN 0 THEN 'lost' ELSE 'redelivered' END, n.i * 100 + 9,"
               f" CASE n.i % 2 WHEN 0 THEN 'skipped' ELSE 'rewind' END, {newest} - n.i * {HOUR}, n.i % 2, {now_ms}, {now_ms}, {now_ms} FROM t, n")
    db.execute("UPDATE audit_finding SET incarnation = (SELECT min(incarnation) FROM audit_partition WHERE topic = 'pattern')")
    db.commit()
    counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
              for table in ("audit_partition", "audit_bucket", "audit_hour", "audit_finding")}
    db.execute("PRAGMA journal_mode=WAL").fetchall()
    db.close()
    return counts


def routes(random_):
    """What pages ask for: (kind, path)."""
    busy = f"topic-{random_.randrange(BUSY):05d}"
    anyone = f"topic-{random_.randrange(TOPICS):05d}"
    return random_.choice((
        ("overview", "/api/v1/overview?from=-1h&limit=50"), ("overview search", f"/api/v1/overview?from=-1h&q={anyone[:9]}"),
        ("overview lost", "/api/v1/overview?from=-1h&state=lost"),
        ("buckets 2 h", f"/api/v1/topics/{busy}/buckets?from=-2h&histogram=true"), ("buckets 24 h", f"/api/v1/topics/{busy}/buckets?from=-24h"),
        ("buckets 30 d", f"/api/v1/topics/{busy}/buckets?from=-30d"), ("partitions", f"/api/v1/topics/{anyone}/partitions"),
        ("findings of a topic", f"/api/v1/topics/{anyone}/findings?limit=100"), ("findings", "/api/v1/findings?limit=100"),
        ("findings lost", f"/api/v1/findings?state=lost&topic={anyone}&limit=100"), ("rates", f"/api/v1/topics/{busy}/rates"),
        ("reporters", "/api/v1/reporters")))


def load(port, rate, seconds):
    """Milliseconds by kind of route."""
    taken, lock, began = collections.defaultdict(list), threading.Lock(), time.monotonic() + 0.2

    def work(number):
        random_, connection = random.Random(number), http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for turn in range(number, int(rate * seconds), WORKERS):
            kind, path = routes(random_)
            due = began + turn / rate
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {body[:200]}")
            with lock:
                taken[kind].append((time.monotonic() - due) * 1000)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if sum(map(len, taken.values())) != int(rate * seconds):
        sys.exit("api_load: some requests failed")
    return taken


def first_view(url, times=5):
    """Seconds until the overview shows its topics in a fresh browser context, worst of `times`."""
    worst = 0.0
    with launched() as browser:
        for _ in range(times):
            context = browser.new_context()
            page = context.new_page()
            began = time.monotonic()
            page.goto(url + "/#/")
            page.get_by_text("topic-00000").first.wait_for(timeout=30_000)
            worst = max(worst, time.monotonic() - began)
            context.close()
    return worst


def figures(values):
    ordered = sorted(values)
    return {"p50_ms": round(ordered[len(ordered) // 2], 1), "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
            "max_ms": round(ordered[-1], 1), "requests": len(ordered)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="waybill-api-") as name:
        folder, kafka = pathlib.Path(name), LocalBroker(name)
        server = None
        try:
            kafka.start().create_topic("reports", partitions=16)
            server = Waybill(build / "waybill", folder / "server", kafka.bootstrap, "reports", config={"retention": {"findings": "90d"}})
            server.start()
            audited(kafka, server, build, folder)
            began = time.monotonic()
            rows = multiply(server.store, int(time.time() * 1000))
            print(f"{rows}, written in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            server.start(timeout=60)
            load(server.port, options.rate, 5)
            taken = load(server.port, options.rate, options.seconds)
            result = {"rows": rows, "store_mb": round(server.store.stat().st_size / 1e6), **figures([v for values in taken.values() for v in values]),
                      "first_view_s": round(first_view(server.url), 2), "routes": {kind: figures(values) for kind, values in sorted(taken.items())}}
        finally:
            if server:
                server.close()
            kafka.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
