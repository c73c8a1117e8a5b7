"""What is called lost is lost, offset by offset, and what only looks like it is called what it is."""

import time

import pytest
from confluent_kafka import TopicPartition

from harness import oracle
from harness.findings import expect, never
from harness.wait import wait_until


def states(waybill, topic, group):
    return {(f["state"], f["reason"]) for f in waybill.findings(topic, group=group)}


def test_a_skip_is_lost_within_fifteen_seconds_and_late_when_it_arrives(clients, waybill, topic, group):
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic], enable_auto_commit=True)
    producer.send(topic, 1000, partition=0, size=50)
    consumer.wait_messages(1000)
    consumer.pause()
    producer.send(topic, 500, partition=0, size=50)
    consumer.seek(topic, 0, 1100)
    began = time.monotonic()
    consumer.resume()
    lost = {(0, o) for o in range(1000, 1100)}
    findings = expect(waybill, topic, group, timeout=60, lost=lost)
    print(f"lost after {time.monotonic() - began:.1f} s")
    assert {(f["state"], f["reason"]) for f in findings} == {("lost", "skipped")}
    assert all(f["verified_at"] for f in findings)
    consumer.wait_messages(1400)
    consumer.pause()
    consumer.seek(topic, 0, 1040)
    consumer.resume()
    consumer.wait_messages(1400 + 460)
    expect(waybill, topic, group, timeout=60, lost={(0, o) for o in range(1000, 1040)},
           late={(0, o) for o in range(1040, 1100)}, redelivered={(0, o) for o in range(1100, 1500)})


def test_aborted_transactions_are_excused_and_open_ones_wait(clients, waybill, topic, group):
    producer = clients.producer(transactional_id=group + "-tx", linger_ms=5)
    consumer = clients.consumer(group, [topic], enable_auto_commit=True, isolation_level="read_committed")
    for outcome in ("commit", "abort", "commit"):
        producer.transaction("begin")
        producer.send(topic, 50, partition=0, size=50)
        producer.transaction(outcome)
    consumer.wait_messages(100)
    aborted = {(0, o) for o in range(51, 101)}
    findings = expect(waybill, topic, group, timeout=60, excused=aborted)
    assert {(f["state"], f["reason"]) for f in findings} == {("excused", "aborted")}

    producer.transaction("begin")
    producer.send(topic, 30, partition=0, size=50)
    waiting = {(0, o) for o in range(153, 183)}
    expect(waybill, topic, group, timeout=60, excused=aborted, pending=waiting)
    never(waybill, topic, group, 8, "lost", "suspected", "unconfirmed")
    producer.transaction("commit")
    consumer.wait_messages(130)
    expect(waybill, topic, group, timeout=60, excused=aborted)


def test_unread_messages_that_are_deleted_are_lost_by_expiry(kafka, clients, waybill, topic, group):
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic])
    producer.send(topic, 300, partition=1, size=50)
    consumer.wait_messages(300)
    consumer.commit()
    consumer.pause()
    producer.send(topic, 200, partition=1, size=50)
    expect(waybill, topic, group, timeout=60, pending={(1, o) for o in range(300, 500)})
    kafka.admin.delete_records([TopicPartition(topic, 1, 420)])
    findings = expect(waybill, topic, group, timeout=60, lost={(1, o) for o in range(300, 420)},
                      pending={(1, o) for o in range(420, 500)})
    assert {(f["state"], f["reason"]) for f in findings} == {("lost", "expired"), ("pending", "")}


def test_compaction_loses_nothing(kafka, clients, waybill, unique, group):
    topic = kafka.create_topic(unique("compacted"), partitions=1, cleanup_policy="compact", segment_ms=1000,
                               min_cleanable_dirty_ratio=0.001, max_compaction_lag_ms=1000)
    first = clients.consumer(group, [topic])
    producer = clients.producer(linger_ms=5)
    producer.send(topic, 5, size=50, keys=5)
    first.wait_messages(5)
    first.commit()
    first.close()
    for _ in range(6):
        producer.send(topic, 1000, size=50, keys=5)
        time.sleep(1.5)
    time.sleep(20)  # the cleaner runs every 15 s
    second = clients.consumer(group, [topic], enable_auto_commit=True)
    wait_until(lambda: second.offsets(topic, 0)[-1:] == [6004], 60, "the end is read")
    compacted = oracle.skipped([producer], [first, second], topic)
    assert len(compacted) > 1000, "compaction must have happened"
    findings = expect(waybill, topic, group, timeout=60, excused=compacted)
    assert {f["reason"] for f in findings} == {"compacted"}


def test_a_rollout_through_a_group_never_cries_lost(clients, waybill, topic, group):
    producer = clients.producer(linger_ms=5)
    first = clients.consumer(group, [topic], enable_auto_commit=True)
    producer.send(topic, 2000, size=50, keys=97)
    first.wait_messages(2000)
    second = clients.consumer(group, [topic], plugin=False, enable_auto_commit=True)
    wait_until(lambda: len(second.assignment()) == 2, 60, "the second has its share")
    producer.send(topic, 4000, size=50, keys=97)
    wait_until(lambda: oracle.distinct([first, second], topic) == 6000, 60, "all is read")
    never(waybill, topic, group, 10, "lost")
    second.close()
    wait_until(lambda: len(first.assignment()) == 4, 60, "the first has all again")
    producer.send(topic, 2000, size=50, keys=97)
    wait_until(lambda: oracle.distinct([first, second], topic) == 8000, 60, "all is read")
    never(waybill, topic, group, 25, "lost")
    unheard = {p for p in oracle.handed_out([second], topic)} - set(oracle.handed_out([first], topic))
    findings = expect(waybill, topic, group, timeout=60, unconfirmed=unheard,
                      redelivered=oracle.repeated([first], topic))
    assert {f["reason"] for f in findings if f["state"] == "unconfirmed"} == {"unaudited_member"}


def test_a_killed_consumer_loses_nothing(clients, waybill, topic, group):
    producer = clients.producer(linger_ms=5)
    first = clients.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500)
    producer.send(topic, 3000, size=50, keys=97, rate=1000)
    first.wait_messages(2900)
    producer.send(topic, 1000, size=50, keys=97)
    first.kill()
    second = clients.consumer(group, [topic], enable_auto_commit=True)
    wait_until(lambda: oracle.distinct([first, second], topic) >= 4000 or len(second.messages) >= 1, 90, "read on")
    producer.send(topic, 500, size=50, keys=97)
    never(waybill, topic, group, 30, "lost")
    wait_until(lambda: not [f for f in waybill.findings(topic, group=group) if f["state"] in ("suspected", "pending")],
               60, "all is judged")
    assert not [f for f in waybill.findings(topic, group=group) if f["state"] == "lost"]
