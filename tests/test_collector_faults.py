"""The collector killed, frozen, fed twice, out of order, and with a hole: the same answer, or an honest "incomplete"."""

import collections
import random
import signal

import pytest

from harness import oracle, recording
from harness.reports import runs
from harness.wait import wait_until
from harness.waybill import FAILPOINTS

COUNTS = ("consumed", "lost", "redelivered", "late", "pending", "suspected", "unconfirmed", "excused", "accepted",
          "replayed")


@pytest.fixture(scope="module")
def recorded(kafka, reports, plugin, tmp_path_factory):
    names = iter(range(1000))
    unique = lambda stem: f"{stem}-faults-{next(names)}-{tmp_path_factory.getbasetemp().name}"  # noqa: E731
    return recording.record(kafka, reports, plugin, unique, tmp_path_factory.mktemp("recording"))


def answer(waybill, recorded):
    """Everything that the API says about the recorded topics, without the figures that depend on the hour of asking."""
    result = {}
    for topic in recorded.topics:
        entry = waybill.topic(topic)
        groups = {g["name"]: {name: g[name] for name in COUNTS} for g in entry["groups"]}
        buckets = waybill.buckets(topic)
        for bucket in buckets["buckets"]:
            bucket.pop("settled")
        findings = [{k: v for k, v in f.items() if k not in ("found_at", "verified_at")} for f in waybill.findings(topic)]
        result[topic] = {"produced": entry["produced"], "unaudited": entry["unaudited"], "complete": entry["complete"],
                         "reasons": entry["incomplete_reasons"], "groups": groups, "buckets": buckets,
                         "findings": findings}
    return result


def check_truth(waybill, recorded):
    """The answer is what the clients themselves said, to the offset."""
    for (topic, group), count in recorded.expected_counts().items():
        if group is None:
            assert waybill.topic(topic)["produced"] == count
            continue
        entry = waybill.group(topic, group)
        assert entry["consumed"] == count, (topic, group)
        findings = waybill.findings(topic, group=group)
        oracle.check_sorted_and_joined(findings)
        by_state = {state: oracle.places([f for f in findings if f["state"] == state]) for state in COUNTS[1:]}
        assert by_state["lost"] == recorded.skipped(topic, group)
        assert by_state["redelivered"] == recorded.redelivered(topic, group)
        for state in ("suspected", "late", "pending", "unconfirmed", "excused"):
            assert not by_state[state], (state, topic, group)
    return all(waybill.topic(topic)["complete"] for topic in recorded.topics)


def differences(one, two, path=""):
    """Paths where two JSON values differ, with both values."""
    if isinstance(one, dict) and isinstance(two, dict):
        return [d for key in sorted(one.keys() | two.keys())
                for d in differences(one.get(key), two.get(key), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return [d for i, (a, b) in enumerate(zip(one, two)) for d in differences(a, b, f"{path}/{i}")]
    return [] if one == two else [f"{path}: {one} instead of {two}"]


def same(waybill, recorded, reference, timeout=60):
    def compare():
        check_truth(waybill, recorded)
        found = differences(answer(waybill, recorded), reference)
        assert not found, "\n".join(found[:10])
        return True
    wait_until(compare, timeout, "the same answer")


@pytest.fixture(scope="module")
def reference(recorded, kafka, reports, binary, tmp_path_factory):
    """The answer of a collector that nothing happens to."""
    from harness.waybill import Waybill
    name = tmp_path_factory.getbasetemp().name
    topic = kafka.create_topic(f"reference-{name}", partitions=16)
    reports.write(kafka.bootstrap, topic, recorded.raw)
    server = Waybill(binary, tmp_path_factory.mktemp("reference"), kafka.bootstrap, topic, {"group": f"ref-{name}"})
    try:
        server.start()
        wait_until(lambda: check_truth(server, recorded), 60, "the undisturbed collector tells the truth")
        return answer(server, recorded)
    finally:
        server.close()


def parts(raw, count):
    """The recorded reports in `count` parts, each partition in its order."""
    size = -(-len(raw) // count)
    return [raw[i:i + size] for i in range(0, len(raw), size)]


def test_the_recording_planted_its_faults(recorded):
    alpha = recorded.groups["alpha"]
    assert len(recorded.skipped(recorded.topics[0], alpha)) >= 3 * 100
    assert len(recorded.redelivered(recorded.topics[1], alpha)) >= 100
    assert len({raw.partition for raw in recorded.raw}) >= 2
    assert len(recorded.raw) >= 20


def test_killed_five_times(recorded, reference, kafka, reports, make_waybill, audit_topic):
    waybill = make_waybill().start()
    for part in parts(recorded.raw, 6)[:5]:
        reports.write(kafka.bootstrap, audit_topic, part)
        wait_until(lambda: waybill.get("/api/v1/topics")["topics"], 30, "it works on the reports")
        waybill.kill()
        waybill.start()
    for part in parts(recorded.raw, 6)[5:]:
        reports.write(kafka.bootstrap, audit_topic, part)
    same(waybill, recorded, reference)


@pytest.mark.parametrize("name", FAILPOINTS)
def test_killed_at_failpoint(name, recorded, reference, kafka, reports, make_waybill, audit_topic):
    waybill = make_waybill().start(ready=False, WAYBILL_FAILPOINT=f"{name}:2")
    for part in parts(recorded.raw, 8):
        if waybill.process.poll() is None:
            reports.write(kafka.bootstrap, audit_topic, part)
            wait_until(lambda: waybill.process.poll() is not None or committed(waybill), 30, "a commit or the end")
    wait_until(lambda: waybill.process.poll() is not None, 30, f"it dies at {name}")
    assert waybill.process.returncode == -signal.SIGABRT
    present = {(raw.partition, raw.value) for raw in reports.read_all(kafka.bootstrap, audit_topic)}
    waybill.start()
    reports.write(kafka.bootstrap, audit_topic, [r for r in recorded.raw if (r.partition, r.value) not in present])
    same(waybill, recorded, reference)


def committed(waybill):
    try:
        return bool(waybill.get("/api/v1/topics")["topics"])
    except AssertionError:
        return False


def test_frozen_past_its_session(recorded, reference, kafka, reports, make_waybill, audit_topic, unique):
    group = unique("frozen")
    waybill = make_waybill(audit={"group": group}).start()
    first, *rest = parts(recorded.raw, 4)
    reports.write(kafka.bootstrap, audit_topic, first)
    wait_until(lambda: committed(waybill), 30, "it works")
    waybill.freeze()
    for part in rest:
        reports.write(kafka.bootstrap, audit_topic, part)
    wait_until(lambda: kafka.members(group) == 0, 40, "the broker has given it up")
    waybill.thaw()
    same(waybill, recorded, reference, timeout=90)


def test_reports_twice(recorded, reference, kafka, reports, waybill, audit_topic):
    for part in parts(recorded.raw, 5):
        reports.write(kafka.bootstrap, audit_topic, part)
        reports.write(kafka.bootstrap, audit_topic, part)
    reports.write(kafka.bootstrap, audit_topic, recorded.raw)
    same(waybill, recorded, reference)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reports_out_of_order(seed, recorded, reference, kafka, reports, waybill, audit_topic):
    shuffled = list(recorded.raw)
    random.Random(seed).shuffle(shuffled)
    reports.write(kafka.bootstrap, audit_topic, shuffled)
    same(waybill, recorded, reference)


def withheld_report(recorded):
    """A report from the middle of a reader's life that carries coverage of alpha, and not the end of any partition: what
    nobody told to be read stays pending until something behind it is."""
    alpha = recorded.groups["alpha"]

    def ends(report):
        return {(report.topics[chunk.topic], chunk.partition): max(last for _, last in runs(chunk.seen))
                for chunk in report.coverage if chunk.tier_name == alpha and chunk.seen}

    tails = collections.defaultdict(int)
    for raw in recorded.raw:
        for place, end in ends(raw.report).items():
            tails[place] = max(tails[place], end)
    candidates = [raw for raw in recorded.raw if not raw.report.closed and ends(raw.report) and
                  all(end < tails[place] for place, end in ends(raw.report).items()) and
                  any(other.report.reporter == raw.report.reporter and other.partition == raw.partition and
                      other.report.number > raw.report.number for other in recorded.raw)]
    return candidates[len(candidates) // 2]


def test_one_report_withheld_is_incomplete_and_nothing_else(recorded, reference, kafka, reports, waybill, audit_topic):
    withheld = withheld_report(recorded)
    reports.write(kafka.bootstrap, audit_topic, [raw for raw in recorded.raw if raw is not withheld])
    touched = {withheld.report.topics[chunk.topic] for chunk in withheld.report.coverage}
    alpha = recorded.groups["alpha"]

    def incomplete():
        for topic in recorded.topics:
            entry = waybill.topic(topic)
            assert entry["produced"] == reference[topic]["produced"]
            if topic in touched:
                assert not entry["complete"] and any("report_missing" in str(r) for r in entry["incomplete_reasons"])
            for group in entry["groups"]:
                if group["name"] != alpha:
                    assert {name: group[name] for name in COUNTS} == reference[topic]["groups"][group["name"]]
            skipped = recorded.skipped(topic, alpha)
            hidden = {(chunk.partition, offset) for chunk in withheld.report.coverage
                      if withheld.report.topics[chunk.topic] == topic
                      for first, last in runs(chunk.seen) for offset in range(first, last + 1)}
            found = waybill.findings(topic, group=alpha)
            by_state = {state: oracle.places([f for f in found if f["state"] == state]) for state in COUNTS[1:]}
            assert by_state["lost"] <= skipped, f"a hole in the reports became a loss: {by_state['lost'] - skipped}"
            assert by_state["unconfirmed"] <= hidden | skipped
            assert {f["reason"] for f in found if f["state"] == "unconfirmed"} <= {"report_missing"}
            assert not by_state["suspected"] and not by_state["pending"] and not by_state["late"]
            assert by_state["lost"] | by_state["unconfirmed"] >= skipped
        return True
    wait_until(incomplete, 60, "incomplete, nothing else")

    reports.write(kafka.bootstrap, audit_topic, [withheld])

    def healed():
        """Complete and exact again, but for skips that were judged unconfirmed meanwhile: that verdict is final."""
        for topic in recorded.topics:
            assert waybill.topic(topic)["complete"]
            found = waybill.findings(topic, group=alpha)
            by_state = {state: oracle.places([f for f in found if f["state"] == state]) for state in COUNTS[1:]}
            assert by_state["lost"] | by_state["unconfirmed"] == recorded.skipped(topic, alpha)
            assert by_state["redelivered"] == recorded.redelivered(topic, alpha)
            for name, group in reference[topic]["groups"].items():
                assert waybill.group(topic, name)["consumed"] == group["consumed"]
        return True
    wait_until(healed, 60, "the hole is filled")
