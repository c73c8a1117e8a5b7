"""Two producers, two groups, four partitions, 200,000 messages: every figure exact."""

import time

import pytest

from harness import oracle
from harness.clients import wait_shared
from harness.wait import wait_until

PER_PRODUCER = 100_000
STATES = ("lost", "redelivered", "late", "pending", "suspected", "unconfirmed", "excused", "accepted", "replayed")


class Scene:
    """Everything produced and consumed once, for all tests of this file."""


@pytest.fixture
def scene(clients, make_waybill, topic, unique):
    scene = Scene()
    scene.topic = topic
    scene.waybill = make_waybill().start()
    scene.groups = {}
    for group, members in (("billing", 2), ("search", 1)):
        name = unique(group)
        scene.groups[name] = [clients.consumer(name, [topic]) for _ in range(members)]
        wait_shared(scene.groups[name], 4)
        for consumer in scene.groups[name]:
            consumer.pause()
    # Record times five minutes back, so that the buckets end before the test does and the latencies are large.
    start = int(time.time() * 1000) - 5 * oracle.MINUTE
    scene.producers = [clients.producer(linger_ms=5, acks="all") for _ in range(2)]
    for i, producer in enumerate(scene.producers):
        producer.send(topic, PER_PRODUCER, wait=False, size=100 + 50 * i, keys=1000, start_ms=start + i, step_ms=2.4)
    for producer in scene.producers:
        producer.wait_event("sent", 300)
        producer.flush()
        assert not producer.failed
    for consumers in scene.groups.values():
        for consumer in consumers:
            consumer.resume()
        wait_until(lambda: sum(len(c.messages) for c in consumers) >= 2 * PER_PRODUCER, 120, "all handed out")
        for consumer in consumers:
            consumer.commit()
    for client in [*scene.producers, *(c for consumers in scene.groups.values() for c in consumers)]:
        client.close()
    return scene


def key_bytes(count):
    return sum(len(b"key-%d" % (i % 1000)) for i in range(count))


def check_totals(scene):
    entry = scene.waybill.topic(scene.topic)
    assert (entry["produced"], entry["unaudited"]) == (2 * PER_PRODUCER, 0)
    assert entry["complete"] and entry["incomplete_reasons"] == []
    assert sorted(group["name"] for group in entry["groups"]) == sorted(scene.groups)
    for group in entry["groups"]:
        assert group["consumed"] == oracle.distinct(scene.groups[group["name"]], scene.topic) == 2 * PER_PRODUCER
        assert {state: group[state] for state in STATES} == {state: 0 for state in STATES}
        assert group["lag_messages"] == 0
    return True


def check_buckets(scene):
    answer = scene.waybill.buckets(scene.topic)
    expected = oracle.produced_by_bucket(scene.producers, scene.topic)
    assert len(expected) >= 4
    buckets = {bucket["start"]: bucket for bucket in answer["buckets"]}
    assert {start: bucket["produced"]["count"] for start, bucket in buckets.items()} == dict(expected)
    for group, consumers in scene.groups.items():
        consumed = oracle.consumed_by_bucket(consumers, scene.topic)
        assert {start: bucket["groups"][group]["consumed"] for start, bucket in buckets.items()} == dict(consumed)
    payload = PER_PRODUCER * 250 + 2 * key_bytes(PER_PRODUCER)
    assert sum(bucket["produced"]["bytes"] for bucket in buckets.values()) == payload
    for bucket in buckets.values():
        assert bucket["interval_ms"] == oracle.MINUTE and bucket["time_type"] == "create"
        assert bucket["complete"] and bucket["settled"]
        assert bucket["produced"]["failed"] == bucket["produced"]["unknown"] == 0
        for group in bucket["groups"].values():
            assert all(group[state] == 0 for state in STATES)
    assert answer["far"]["produced"]["count"] == answer["untimed"]["produced"]["count"] == 0
    return True


def check_latencies(scene):
    """Against the clients' own measure: the sketch may be 1.6 % off, the hook's clock a few ticks."""
    buckets = {bucket["start"]: bucket for bucket in scene.waybill.buckets(scene.topic)["buckets"]}
    for group, consumers in scene.groups.items():
        for start, own in oracle.latencies_by_bucket(consumers, scene.topic).items():
            told = buckets[start]["groups"][group]["latency_ms"]
            assert told["negative"] == 0
            assert told["mean"] == pytest.approx(sum(own) / len(own), abs=25)
            assert told["max"] == pytest.approx(own[-1], abs=300)
            for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                assert told[name] == pytest.approx(oracle.quantile(own, q), rel=0.016, abs=25), (group, start, name)


def check_coverage(scene, reports, kafka, audit_topic):
    """The reports, read by a protobuf reader that is not ours, cover exactly the offsets that the clients named."""
    produced, consumed = {}, {}
    for raw in reports.read_all(kafka.bootstrap, audit_topic):
        report = raw.report
        for chunk in report.coverage:
            assert report.topics[chunk.topic] == scene.topic and not chunk.again
            tier = produced if chunk.tier == reports.pb().PRODUCED else consumed.setdefault(chunk.tier_name, {})
            into = tier.setdefault(chunk.partition, set())
            for first, last in reports.runs(chunk.seen):
                offsets = set(range(first, last + 1))
                assert not into & offsets, "an offset was reported twice"
                into |= offsets
    assert {p: sorted(offsets) for p, offsets in produced.items()} == oracle.acked(scene.producers, scene.topic)
    for group in scene.groups:
        assert consumed[group] == produced


def check_rates(scene):
    for by in ("group", "reporter"):
        answer = scene.waybill.get(f"/api/v1/topics/{scene.topic}/rates", by=by)
        rates = answer["rates"]
        produced = sum(rate["produced"] for rate in rates)
        consumed = sum(rate["consumed"] for rate in rates)
        assert (produced, consumed) == (2 * PER_PRODUCER, 4 * PER_PRODUCER)


def test_200_000_messages_are_counted_exactly(scene, reports, kafka, audit_topic):
    wait_until(lambda: check_totals(scene), 60, "totals")
    wait_until(lambda: check_buckets(scene), 90, "settled buckets")
    check_latencies(scene)
    check_coverage(scene, reports, kafka, audit_topic)
    check_rates(scene)
    assert scene.waybill.findings(scene.topic) == []
    reporters = scene.waybill.reporters()
    assert len(reporters) == 5
    assert all(r["closed"] and not r["vanished"] and r["missing_reports"] == 0 for r in reporters)
