"""`redis:` shows what the API says, through outages of either side, and an older value never replaces a newer one."""

import json
import subprocess
import time

import pytest
import yaml

from harness import process
from harness.figures import redis_shows, windows
from harness.redis import Redis
from harness.wait import wait_until
from harness.waybill import Waybill
from test_kpi_run import Sender, kpis
from test_kpi import FIXTURE

SHOWN = ("recharge", "recharge_failures", "recharge_steps", "recharge_map", "payments", "interfaces", "funnel")
PASSWORD = "p w'\":@/%"


@pytest.fixture
def redis():
    made = Redis("--requirepass", PASSWORD).start()
    yield made
    made.close()


@pytest.fixture
def make_server(binary, tmp_path):
    made = []

    def make(config):
        server = Waybill(binary, tmp_path / "server", "127.0.0.1:1", "none")
        settings = {"listen": f"127.0.0.1:{server.port}", "store": f"sqlite:{server.store}", **config}
        server.config_file.write_text(yaml.safe_dump(settings, sort_keys=False))
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


def lines_counted(server):
    return sum(w["values"]["lines"] for w in windows(server, "recharge_steps")["windows"])


def all_shown(redis, server):
    return all(redis_shows(redis, server, name) > 0 for name in SHOWN)


def metric(server, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in server.metrics().splitlines() if line.startswith(name))


def configured(kafka, topic, unique, redis, tmp_path, **more):
    secret = tmp_path / "redis-password"
    secret.write_text(PASSWORD + "\n")
    return {"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "kpis": kpis(topic, unique("kpi")),
            "redis": {"url": redis.url, "password_file": str(secret), "ttl": "36h", **more}}


def test_redis_shows_the_figures_through_kills_an_emptied_and_a_restored_redis(kafka, make_server, redis, unique, tmp_path):
    topic = kafka.create_topic(unique("pay"), partitions=3)
    server = make_server(configured(kafka, topic, unique, redis, tmp_path)).start()
    sender = Sender(kafka.bootstrap, topic)
    lines = FIXTURE.read_text().splitlines()[:4_400]

    def send(first, last):
        sender.send(lines[first:last])
        wait_until(lambda: lines_counted(server) == last, 20, "lines are counted")

    send(0, 1_000)
    wait_until(lambda: all_shown(redis, server), 15, "Redis shows the figures")
    some = sorted(redis.hashes("waybill:recharge:*"))[0]
    assert 129_000_000 < redis("PTTL", some) <= 129_600_000
    events = [dict(zip(fields[::2], fields[1::2])) for _, fields in redis("XRANGE", "waybill:live", "-", "+")]
    last = {event["key"]: json.loads(event["data"]) for event in events}
    for window in windows(server, "recharge")["windows"]:
        event = last[f"waybill:recharge:{window['start_ms']}"]
        assert event == {"name": "recharge", **{field: window[field] for field in ("start", "start_ms", "by", "values")}}

    # Both die; Redis comes back empty, later than the server.
    redis("SAVE")
    redis.stop()
    sender.send(lines[1_000:2_000])
    server.kill()
    server.start()
    wait_until(lambda: lines_counted(server) == 2_000, 20, "lines are counted while Redis is away")
    (redis.folder / "dump.rdb").rename(redis.folder / "older.rdb")
    redis.start()
    wait_until(lambda: all_shown(redis, server), 20, "an empty Redis is filled")

    # It comes back with what it held long ago.
    send(2_000, 3_000)
    redis.stop()
    (redis.folder / "older.rdb").rename(redis.folder / "dump.rdb")
    redis.start()
    wait_until(lambda: all_shown(redis, server), 20, "an older state is replaced")

    # It is emptied while nothing else happens.
    redis("FLUSHALL")
    wait_until(lambda: all_shown(redis, server), 10, "an emptied Redis is filled")

    # What is newer than what would be written stays.
    newer = sorted(redis.hashes("waybill:recharge_steps:*"))[0]
    redis("HSET", newer, "_sequence", 2**52, "lines", "newer")
    send(3_000, 4_400)
    wait_until(lambda: redis_shows(redis, server, "recharge") > 0, 15, "the rest is shown")
    assert redis("HGET", newer, "lines") == "newer"
    wait_until(lambda: redis("HGET", "waybill:kpi:recharge", "caught_up") == "1", 10, "it has caught up")
    status = redis.hashes("waybill:kpi:*")["waybill:kpi:recharge"]
    assert status["complete"] == "0" and "1 of 2 agents silent" in status["why"]
    server.stop()


@pytest.mark.full
def test_after_a_long_outage_everything_is_written_anew(kafka, make_server, redis, unique, tmp_path):
    topic = kafka.create_topic(unique("pay"), partitions=3)
    server = make_server(configured(kafka, topic, unique, redis, tmp_path, outbox_rows=1_000)).start()
    sender = Sender(kafka.bootstrap, topic)
    lines = FIXTURE.read_text().splitlines()[:4_400]
    sender.send(lines[:400])
    wait_until(lambda: all_shown(redis, server), 20, "Redis shows the figures")
    redis("SAVE")
    redis.stop()
    for first in range(400, 4_400, 250):
        sender.send(lines[first:first + 250])
        time.sleep(0.15)
    wait_until(lambda: "redis 127.0.0.1" in server.log_text() and "everything is written anew" in server.log_text(), 20,
               "what waits is given up")
    wait_until(lambda: lines_counted(server) == 4_400, 20, "lines are counted while Redis is away")
    wait_until(lambda: metric(server, "waybill_outbox_rows") < 1_000, 10, "the outbox is bounded")
    server.kill()
    server.start()
    redis.start()
    wait_until(lambda: all_shown(redis, server), 20, "Redis shows the figures again")


def test_hops_are_shown_as_buckets(kafka, make_waybill, clients, redis, unique, topic, tmp_path):
    secret = tmp_path / "redis-password"
    secret.write_text(PASSWORD)
    server = make_waybill(config={"redis": {"url": redis.url, "password_file": str(secret)}}).start()
    group = unique("readers:a%b")
    producer = clients.producer()
    producer.send(topic, 500)
    producer.close()
    consumer = clients.consumer(group, [topic])
    consumer.wait_messages(500)
    consumer.close()

    def shown():
        buckets = server.buckets(topic)["buckets"]
        assert sum(b["produced"]["count"] for b in buckets) == 500
        for bucket in buckets:
            name = group.replace("%", "%25").replace(":", "%3A")
            for side, key in (("", ""), (group, name)):
                found = redis.hashes(f"waybill:hop:main:{topic}:{key}:{bucket['start']}".replace("*", "\\*"))
                assert len(found) == 1, (side, redis.hashes("waybill:hop:*").keys())
                fields = next(iter(found.values()))
                assert int(fields["produced.count"]) == bucket["produced"]["count"] and fields["group"] == side
                if side:
                    figures = bucket["groups"][group]
                    assert [int(fields[f]) for f in ("consumed", "lost", "redelivered", "pending")] == [
                        figures[f] for f in ("consumed", "lost", "redelivered", "pending")]
                    assert float(fields["latency_ms.p99"]) == figures["latency_ms"]["p99"]
        assert sum(b["groups"][group]["consumed"] for b in buckets) == 500
        return True

    wait_until(shown, 20, "hops are in Redis")


def test_faults_of_the_section_are_told_with_their_places(binary, tmp_path):
    file = tmp_path / "waybill.yaml"
    file.write_text("""clusters: {main: {bootstrap.servers: "127.0.0.1:1"}}
audit: {clusters: [main]}
redis: {url: "rediss://h", user: u, ttl: 1s, more: 1}
kpis:
  live:
    time: {field: t}
    values: {_a: count}
""")
    done = subprocess.run([binary, "check", "-c", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    for fault in (":3:14: redis.url: TLS is not spoken", ":3:34: redis.user: a password is needed", "redis.ttl",
                  "unknown key \"redis.more\""):
        assert fault in done.stderr, done.stderr
    file.write_text(file.read_text().replace('"rediss://h", user: u, ttl: 1s, more: 1', f'"redis://127.0.0.1:{process.free_port()}"'))
    done = subprocess.run([binary, "check", "-c", file], capture_output=True, text=True, timeout=20)
    assert 'a KPI cannot be called "live" here' in done.stderr and "no value can begin with '_'" in done.stderr
