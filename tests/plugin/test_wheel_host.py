"""The plugin in the confluent-kafka wheel, which carries its own librdkafka under another name."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.plain_build
MAIN = pathlib.Path(__file__).with_name("wheel_main.py")


@pytest.fixture
def wheel(kafka, plugin, topic, audit_topic):
    """Runs wheel_main.py; `settings` are client properties, the plugin's among them, in any order."""

    def run(do, count, settings=None, audit=None, with_plugin=True, env=None, **options):
        base = {"bootstrap.servers": kafka.bootstrap, **(settings or {})}
        if with_plugin:
            base = {"waybill.report.topic": audit or audit_topic, "plugin.library.paths": str(plugin), **base}
        options = {"do": do, "count": count, "topic": topic, "producer": base, "consumer": base, **options}
        result = subprocess.run([sys.executable, str(MAIN), json.dumps(options)], capture_output=True, text=True,
                                timeout=120, env={**os.environ, **(env or {})})
        assert result.returncode == 0, f"exit {result.returncode}\n{result.stderr}"
        return {**json.loads(result.stdout), "stderr": result.stderr}

    return run


def test_counts_bytes_and_offsets_equal_what_the_application_saw(wheel, told, topic):
    seen = wheel("produce", 5000, {"waybill.service": "shop", "waybill.data_center": "dc1"})
    tally = told()
    assert len(seen["acked"]) == 5000
    assert tally.covered("PRODUCED", "", topic) == {(p, o): 1 for p, o, _, _ in seen["acked"]}
    assert tally.bytes["PRODUCED", "", topic] == tally.bytes["SENT", "", topic] == sum(m[3] for m in seen["acked"])
    reports = [r for all_of in tally.reporters.values() for r in all_of]
    assert {(r.service, r.data_center) for r in reports} == {("shop", "dc1")}
    assert {c.library.split()[0] for c in tally.clients} == {"librdkafka"}
    assert {c.flags & 4 for c in tally.clients} == {0}
    tally.check_numbers()


def test_buckets_equal_the_times_of_the_messages(wheel, told, topic, kafka, reports, audit_topic):
    seen = wheel("produce", 2000, {"waybill.bucket.ms": "1000", "linger.ms": "1"})
    want = collections.Counter(time_ms // 1000 * 1000 for _, _, time_ms, _ in seen["acked"])
    got = collections.Counter()
    for raw in reports.read_all(kafka.bootstrap, audit_topic):
        assert raw.report.bucket_ms == 1000
        for entry in raw.report.entries:
            if entry.tier == reports.pb().PRODUCED:
                got[entry.start_ms] += entry.count
    assert got == want


def test_a_backfill_with_old_times_goes_to_far_and_is_covered(wheel, told, topic, kafka, reports, audit_topic):
    wheel("produce", 100, timestamp=1_500_000_000_000)
    kinds = collections.Counter()
    for raw in reports.read_all(kafka.bootstrap, audit_topic):
        for entry in raw.report.entries:
            kinds[entry.tier, entry.bucket] += entry.count
    pb = reports.pb()
    assert kinds == {(pb.SENT, pb.FAR): 100, (pb.PRODUCED, pb.FAR): 100}
    assert len(told().covered("PRODUCED", "", topic)) == 100


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_every_hand_out_is_counted_also_after_a_seek_back(wheel, told, topic, unique, protocol):
    wheel("produce", 400)
    group = unique("group")
    seen = wheel("consume", 400, {"group.id": group, "auto.offset.reset": "earliest", "group.protocol": protocol},
                 seeks=[[0, 0, 30]], linger=0.2)["read"]
    tally = told()
    covered = tally.covered("CONSUMED", group, topic)
    handed_out = collections.Counter(map(tuple, seen))
    assert set(handed_out) == set(covered)
    # The batch call may show the hook messages that a seek then discards: never fewer than the application got.
    assert all(covered[place] >= times for place, times in handed_out.items())
    assert sum(covered.values()) == tally.consumed(group, topic)
    assert sum(n - 1 for n in covered.values()) >= 30
    tally.check_numbers()


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_rebalance_begins_a_new_session_and_quiet_heartbeats_do_not(wheel, topic, unique, kafka, reports, protocol,
                                                                      audit_topic):
    wheel("produce", 100)
    settings = {"group.id": unique("group"), "auto.offset.reset": "earliest", "group.protocol": protocol}
    if protocol == "classic":
        settings["heartbeat.interval.ms"] = "200"
    wheel("consume", 100, settings, linger=6.5)
    sessions = [p.session for raw in reports.read_all(kafka.bootstrap, audit_topic) for p in raw.report.positions]
    assert sessions and min(sessions) > 1, "joining the group is a rebalance"
    assert len(set(sessions[1:])) == 1, f"heartbeats of 6 s changed the session: {sessions}"


def test_sends_that_fail_are_counted_by_code(wheel, told, topic, kafka):
    small = kafka.create_topic(topic + "-small", partitions=1, max_message_bytes=1000)
    seen = wheel("produce", 20, {"linger.ms": "0"}, topic=small, size=5000)
    assert seen["failed"] == [10] * 20
    tally = told()
    assert dict(tally.failed) == {10: 20}
    assert (tally.sent(small), tally.produced(small), tally.unknown) == (20, 0, 0)
    assert tally.covered("PRODUCED", "", small) == {}


def test_a_forked_worker_reports_for_itself(wheel, told, topic):
    seen = wheel("fork", 200)
    assert seen["exit"] == 0
    tally = told()
    assert tally.covered("PRODUCED", "", topic) == {(p, o): 1 for p, o, _, _ in seen["acked"]}
    assert tally.produced(topic) == 600
    tally.check_numbers()


def test_counts_wait_for_an_audit_topic_that_is_created_later(kafka, plugin, topic, told, unique):
    late = unique("late-reports")
    options = {"do": "consume", "count": 10, "topic": topic, "linger": 8, "consumer": {
        "bootstrap.servers": kafka.bootstrap, "plugin.library.paths": str(plugin), "waybill.report.topic": late,
        "group.id": unique("group"), "auto.offset.reset": "earliest"}}
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for i in range(10):
        producer.produce(topic, str(i))
    producer.flush(10)
    with subprocess.Popen([sys.executable, str(MAIN), json.dumps(options)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        time.sleep(3)
        assert late not in kafka.admin.list_topics(timeout=10).topics, "the plugin must not create it"
        kafka.create_topic(late, partitions=3)
        out, err = process.communicate(timeout=60)
    assert len(json.loads(out)["read"]) == 10
    assert err.count("waybill:") == 1, err
    tally = told(late)
    assert tally.consumed(options["consumer"]["group.id"], topic) == 10
    tally.check_numbers()


def test_unknown_properties_are_warnings_and_errors_when_required(wheel, told, topic):
    seen = wheel("produce", 5, {"waybill.servcie": "x"})
    assert 'no property "waybill.servcie"' in seen["stderr"] and "waybill.service" in seen["stderr"]
    assert told().produced(topic) == 5
    with pytest.raises(AssertionError, match="waybill.bucket.ms"):
        wheel("produce", 5, {"waybill.required": "true", "waybill.bucket.ms": "x"}, env={"WAYBILL_REQUIRED": "true"})


def test_reports_are_small_beside_what_they_report(wheel, kafka, reports, audit_topic):
    """Also a guard against a report per message: 20,000 messages of 500 bytes."""
    wheel("produce", 20000, {"linger.ms": "5"}, size=500)
    sizes = [len(raw.value) for raw in reports.read_all(kafka.bootstrap, audit_topic)]
    assert sum(sizes) < 20000 * 500 * 0.001
