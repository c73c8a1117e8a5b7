"""What is lost can be accepted, and delivered again: exactly that, once, and never silently twice."""

import base64
import json
import pathlib
import subprocess
import sys
import time

import pytest
import yaml
from confluent_kafka import Consumer, TopicPartition
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from harness import oracle, process
from harness.wait import wait_until
from harness.waybill import run_command

SPEC = pathlib.Path(__file__).resolve().parents[1] / "src" / "http" / "openapi.yaml"
START = int(time.time() * 1000) - 3_600_000  # the messages' own time: an hour ago
PRODUCER = """
import json, sys
from confluent_kafka import Producer
config, topic, partition, count, base, start = json.loads(sys.argv[1])
producer = Producer(config)
for i in range(count):
    n = base + i
    value = None if n % 10 == 9 else bytes([0xff, 0xfe, n % 256]) if n % 10 == 8 else b"value-%d" % n
    key = None if n % 7 == 6 else b"key-%d" % n
    headers = [("n", b"%d" % n), ("raw", bytes([0x80, n % 256])), ("none", None), ("n", b"again")]
    producer.produce(topic, value, key, partition, timestamp=start + n, headers=headers)
    producer.poll(0)
assert producer.flush(30) == 0
"""


def produce(clients, topic, partition, count, base):
    """Audited messages with keys, headers and values of every kind."""
    subprocess.run([sys.executable, "-c", PRODUCER,
                    json.dumps([clients.config(), topic, partition, count, base, START])],
                   env=process.environment(), check=True, timeout=60)


def log_of(bootstrap, topic, partitions=4):
    """{(partition, offset): (key, value, headers, time)} of all that the topic holds."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "nobody", "enable.partition.eof": False,
                         "isolation.level": "read_committed", "enable.auto.commit": False})
    result = {}
    try:
        for partition in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            if low == high:
                continue
            consumer.assign([TopicPartition(topic, partition, low)])
            last = low - 1
            deadline = time.monotonic() + 20
            while last < high - 1 and time.monotonic() < deadline:
                message = consumer.poll(1.0)
                if message is None or message.error():
                    continue
                last = message.offset()
                result[(partition, last)] = (message.key(), message.value(), message.headers() or [],
                                             message.timestamp()[1])
            assert last == high - 1
    finally:
        consumer.close()
    return result


class Loss:
    """A group that was handed all but some messages, which are `lost`."""

    def __init__(self, clients, waybill, topic, group):
        self.topic, self.group, self.waybill = topic, group, waybill
        self.consumer = clients.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500)
        self.consumer.wait_event("assigned")
        for partition in range(2):
            produce(clients, topic, partition, 100, 1000 * partition)
        self.consumer.wait_messages(200)
        self.consumer.pause()
        for partition in range(2):
            produce(clients, topic, partition, 50, 1000 * partition + 100)
        self.consumer.seek(topic, 0, 137)
        self.consumer.seek(topic, 1, 101)
        self.consumer.resume()
        self.consumer.wait_messages(300 - 38)
        self.places = {(0, o) for o in range(100, 137)} | {(1, 100)}
        self.wait("lost", self.places, 60)

    def found(self, state):
        return oracle.places([f for f in self.waybill.findings(self.topic, group=self.group) if f["state"] == state])

    def wait(self, state, places, timeout=20):
        def same():
            assert self.found(state) == places
            return True
        wait_until(same, timeout, f"{state}: {len(places)} places")
        wait_until(lambda: self.waybill.group(self.topic, self.group)[state] == len(places), 10, f"the count of {state}")

    def decisions(self):
        return self.waybill.get(f"/api/v1/topics/{self.topic}/decisions", group=self.group)["decisions"]

    def metric(self, name):
        for line in self.waybill.metrics().splitlines():
            if line.startswith(name + "{") and f'"{self.topic}"' in line and f'"{self.group}"' in line:
                return float(line.rsplit(" ", 1)[1])
        return None


@pytest.fixture
def loss(clients, waybill, topic, unique):
    return Loss(clients, waybill, topic, unique("readers"))


def again(before, topic, place):
    """What a replay of the message at `place` must look like."""
    key, value, headers, stamp = before[place]
    return key, value, headers + [("waybill-replay", f"{topic}/{place[0]}/{place[1]}".encode())], stamp


def post(waybill, path, status, **body):
    """Asks, and checks the answer against the description of the API."""
    import requests
    answer = requests.post(waybill.url + path, json=body, timeout=60)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["status"] == status and answer.json()["detail"]
        return answer.json()
    openapi = OpenAPI.from_dict(dict(yaml.safe_load(SPEC.read_text()), servers=[{"url": waybill.url}]))
    openapi.validate_response(RequestsOpenAPIRequest(answer.request), RequestsOpenAPIResponse(answer))
    return answer.json()


def test_replay_into_another_topic_puts_back_exactly_what_was_lost(kafka, binary, loss, unique):
    topic, group, waybill = loss.topic, loss.group, loss.waybill
    other = kafka.create_topic(unique("again"), partitions=4)
    before = log_of(kafka.bootstrap, topic)
    command = ["replay", topic, "--group", group, "--url", waybill.url]

    dry = run_command(binary, *command, "--to-topic", other, "--dry-run")
    assert dry.returncode == 0 and "38 messages would be replayed" in dry.stdout, dry.stderr
    out = run_command(binary, *command, "--stdout")
    assert out.returncode == 0, out.stderr
    lines = [json.loads(line) for line in out.stdout.splitlines()]
    assert {(m["partition"], m["offset"]) for m in lines} == loss.places
    for m in lines:
        key, value, headers, stamp = before[(m["partition"], m["offset"])]
        part = lambda item, name: base64.b64decode(item[name + "_base64"]) if name + "_base64" in item else \
            item[name].encode() if item[name] is not None else None  # noqa: E731
        assert (part(m, "key"), part(m, "value"), m["timestamp"]) == (key, value, stamp)
        assert [(h["name"], part(h, "value")) for h in m["headers"]] == headers
    assert log_of(kafka.bootstrap, other) == {} and loss.found("lost") == loss.places and not loss.decisions()

    # Of partition 1 nothing is left to be read; that is said and not passed over.
    kafka.admin.delete_records([TopicPartition(topic, 1, 120)])[TopicPartition(topic, 1, 120)].result(20)
    done = run_command(binary, *command, "--to-topic", other, "--reason", "for the books")
    assert done.returncode == 1 and "37 messages delivered" in done.stdout, done.stdout + done.stderr
    assert "partition 1: 100 (1): not replayable, expired" in done.stderr
    copies = log_of(kafka.bootstrap, other)
    wanted = [again(before, topic, place) for place in sorted(loss.places) if place[0] == 0]
    assert sorted(copies.values(), key=lambda m: m[3]) == wanted
    loss.wait("replayed", {(0, o) for o in range(100, 137)})
    loss.wait("lost", {(1, 100)})
    finding = [f for f in waybill.findings(topic, group=group) if f["state"] == "replayed"]
    assert {f["reason"] for f in finding} == {"skipped"} and all(f["found_at"] for f in finding)
    new = {}
    for f in finding:
        for i in range(f["count"]):
            new[(f["partition"], f["first_offset"] + i)] = (f["replayed_to"]["partition"],
                                                            f["replayed_to"]["first_offset"] + i)
    assert {old: copies[place] for old, place in new.items()} == {
        place: again(before, topic, place) for place in loss.places if place[0] == 0}
    decision = loss.decisions()[0]
    assert (decision["kind"], decision["state"], decision["to_topic"]) == ("replay", "done", other)
    assert decision["reason"] == "for the books" and decision["messages"] == 37

    twice = run_command(binary, *command, "--partition", "0", "--to-topic", other)
    assert twice.returncode == 3 and "replayed already" in twice.stderr and "--again" in twice.stderr
    assert log_of(kafka.bootstrap, other) == copies


def test_replay_in_place_is_replayed_once_the_group_has_consumed_it(kafka, clients, binary, loss, unique):
    topic, group, waybill = loss.topic, loss.group, loss.waybill
    neighbour = unique("neighbour")
    clients.consumer(neighbour, [topic], plugin=False, enable_auto_commit=True).wait_messages(300)
    before = log_of(kafka.bootstrap, topic)
    command = ["replay", topic, "--group", group, "--same-topic", "--url", waybill.url]

    first = run_command(binary, *command)
    assert first.returncode == 2 and "--yes" in first.stderr
    assert f"group {neighbour} gets these messages too" in first.stdout and group not in first.stdout
    assert log_of(kafka.bootstrap, topic) == before and not loss.decisions()

    loss.consumer.pause()
    done = run_command(binary, *command, "--yes")
    assert done.returncode == 0 and "38 messages delivered" in done.stdout, done.stdout + done.stderr
    after = log_of(kafka.bootstrap, topic)
    fresh = {place: message for place, message in after.items() if place not in before}
    assert {place: after[place] for place in before} == before
    assert sorted(fresh.values(), key=lambda m: m[3]) == sorted(
        (again(before, topic, place) for place in loss.places), key=lambda m: m[3])
    wait_until(lambda: loss.decisions()[0]["state"] == "delivered", 20, "it waits for the group")
    assert loss.found("lost") == loss.places
    pending = run_command(binary, *command, "--yes")
    assert pending.returncode == 3 and "has put back" in pending.stderr
    assert log_of(kafka.bootstrap, topic) == after

    loss.consumer.resume()
    loss.consumer.wait_messages(300)
    loss.wait("replayed", loss.places, 30)
    loss.wait("lost", set())
    for f in waybill.findings(topic, group=group, state="replayed"):
        for i in range(f["count"]):
            old = (f["partition"], f["first_offset"] + i)
            now = (f["replayed_to"]["partition"], f["replayed_to"]["first_offset"] + i)
            assert fresh[now] == again(before, topic, old)
    wait_until(lambda: loss.decisions()[0]["state"] == "done", 20, "the decision is done")
    assert loss.metric("waybill_lost_messages") == 0 and loss.metric("waybill_replayed_messages") == 38
    assert loss.metric("waybill_lost_found_total") == 38 and loss.metric("waybill_lost_retracted_total") == 0


def test_accept_closes_exactly_its_range_once_whatever_dies(binary, loss):
    topic, group, waybill = loss.topic, loss.group, loss.waybill
    path = f"/api/v1/topics/{topic}/accept"
    what = {"group": group, "partition": 0, "first_offset": 110, "last_offset": 119}
    assert post(waybill, path, 200, **what, reason="reset", dry_run=True)["messages"] == 10
    assert loss.found("lost") == loss.places and not loss.decisions()
    post(waybill, path, 400, **what, reason=" ")
    post(waybill, path, 400, group=group, reason="all of it?")
    post(waybill, path, 404, **(what | {"partition": 3}), reason="reset")
    post(waybill, "/api/v1/topics/no-such-topic/accept", 404, **what, reason="reset")
    post(waybill, f"/api/v1/topics/{topic}/replay", 400, group=group)
    post(waybill, f"/api/v1/topics/{topic}/replay", 400, group=group, same_topic=True)
    post(waybill, f"/api/v1/topics/{topic}/replay", 404, group="nobody", stdout=True)

    told = post(waybill, path, 202, **what, reason="offsets were reset on purpose", by="ann")
    waybill.kill()  # between the decision and its commit, as far as that can be hit from outside
    assert told["messages"] == 10
    assert told["ranges"] == [{"partition": 0, "first_offset": 110, "last_offset": 119}]
    for point in ("commit.before", "commit.rows", "commit.after"):
        waybill.start(ready=False, WAYBILL_FAILPOINT=point + ":1")
        waybill.process.wait(60)
        assert waybill.process.returncode != 0
    waybill.start()
    closed = {(0, o) for o in range(110, 120)}
    loss.wait("accepted", closed, 30)
    loss.wait("lost", loss.places - closed)
    finding, = [f for f in waybill.findings(topic, group=group) if f["state"] == "accepted"]
    assert finding["reason"] == "skipped" and finding["found_at"] and finding["decision"] == told["decision"]
    decision, = loss.decisions()
    assert (decision["state"], decision["messages"], decision["by"]) == ("applied", 10, "ann")
    assert decision["reason"] == "offsets were reset on purpose"
    assert loss.metric("waybill_lost_messages") == 28 and loss.metric("waybill_accepted_messages") == 10
    assert loss.metric("waybill_lost_found_total") == 38

    rest = ["accept", topic, "--group", group, "--from", START - 60_000, "--to", START + 60_000, "--reason", "test data"]
    dry = run_command(binary, *rest, "--dry-run", "--url", waybill.url)
    assert dry.returncode == 0 and "28 messages" in dry.stdout and "nothing was changed" in dry.stdout, dry.stderr
    assert run_command(binary, *rest, WAYBILL_URL=waybill.url).returncode == 0
    loss.wait("accepted", loss.places)
    fails = run_command(binary, "lost", topic, "--group", group, "--fail-on", "lost", "--url", waybill.url)
    assert fails.returncode == 0, "what is accepted fails nothing"


def test_a_crash_in_the_middle_of_a_replay_is_said(kafka, binary, loss, unique):
    topic, group, waybill = loss.topic, loss.group, loss.waybill
    other = kafka.create_topic(unique("again"), partitions=1)
    waybill.stop()
    waybill.start(WAYBILL_FAILPOINT="replay.sent:1")
    command = ["replay", topic, "--group", group, "--to-topic", other, "--url", waybill.url]
    dead = run_command(binary, *command)
    assert dead.returncode == 3
    waybill.process.wait(20)
    assert len(log_of(kafka.bootstrap, other, 1)) == 38
    waybill.start()
    second = run_command(binary, *command)
    assert second.returncode == 3 and "may have delivered" in second.stderr and "--again" in second.stderr
    assert len(log_of(kafka.bootstrap, other, 1)) == 38
    third = run_command(binary, *command, "--again")
    assert third.returncode == 0 and "may have delivered" in third.stderr
    assert "38 messages delivered" in third.stdout
    assert len(log_of(kafka.bootstrap, other, 1)) == 76
    loss.wait("replayed", loss.places)


def test_a_viewer_may_not_decide(binary, make_waybill):
    tokens = [{"role": role, "token": f"secret-{role}-canary"} for role in ("viewer", "operator")]
    server = make_waybill(config={"auth": {"tokens": tokens}}).start()
    what = {"accept": ["--partition", "0", "--offsets", "1-2", "--reason", "reset"], "replay": ["--stdout"]}
    for command, arguments in what.items():
        line = [command, "orders", "--group", "g", "--url", server.url, *arguments]
        viewer = run_command(binary, *line, WAYBILL_TOKEN="secret-viewer-canary")
        assert viewer.returncode == 3 and "operator" in viewer.stderr
        operator = run_command(binary, *line, WAYBILL_TOKEN="secret-operator-canary")
        assert operator.returncode == 3 and '"orders" is known' in operator.stderr
