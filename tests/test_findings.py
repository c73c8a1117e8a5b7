"""Seeks and stops appear as ranges, offset by offset, and nothing else does."""

import pytest

from harness import oracle
from harness.clients import read_and_pause, skip
from harness.findings import expect
from harness.wait import wait_until


@pytest.fixture
def stream(clients, waybill, topic, group):
    """A producer and one consumer of the group that has read 4,000 messages and is paused."""
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic])
    read_and_pause(producer, consumer, topic, 1000)
    return producer, consumer


def test_seek_forward_is_lost_offset_by_offset_and_late_when_it_arrives(stream, waybill, topic, group):
    producer, consumer = stream
    skip(producer, consumer, topic, 500, ((0, 1000 + 37), (2, 1000 + 499)))
    assert len(consumer.messages) == 4000 + 500 - 37 + 500 + 1 + 500
    skipped = oracle.skipped([producer], [consumer], topic)
    assert skipped == {(0, o) for o in range(1000, 1037)} | {(2, o) for o in range(1000, 1499)}
    expect(waybill, topic, group, lost=skipped)
    consumer.pause()

    # What arrives after all is late, and no longer lost.
    before = len(consumer.messages)
    consumer.seek(topic, 0, 1000)
    consumer.resume()
    consumer.wait_messages(before + 500)
    again = oracle.repeated([consumer], topic)
    assert again == {(0, o) for o in range(1037, 1500)}

    def retracted():
        findings = waybill.findings(topic, group=group)
        assert oracle.places([f for f in findings if f["state"] == "lost"]) == {(2, o) for o in range(1000, 1499)}
        assert oracle.places([f for f in findings if f["state"] == "late"]) == {(0, o) for o in range(1000, 1037)}
        assert oracle.places([f for f in findings if f["state"] == "redelivered"]) == again
        return not [f for f in findings if f["state"] in ("suspected", "unconfirmed", "pending")]
    wait_until(retracted, 45, "the loss is withdrawn")


def test_seek_back_is_redelivered_offset_by_offset(stream, waybill, topic, group):
    producer, consumer = stream
    for partition, target in ((1, 990), (3, 0)):
        consumer.seek(topic, partition, target)
    consumer.resume()
    consumer.wait_messages(4000 + 10 + 1000)
    again = oracle.repeated([consumer], topic)
    assert again == {(1, o) for o in range(990, 1000)} | {(3, o) for o in range(1000)}
    findings = expect(waybill, topic, group, redelivered=again)
    assert {(f["partition"], f["reason"]) for f in findings} == {(1, "rewind"), (3, "rewind")}


def test_what_is_not_read_yet_is_pending(stream, waybill, topic, group):
    producer, consumer = stream
    for partition, count in ((0, 100), (3, 1)):
        producer.send(topic, count, partition=partition, size=50)
    waiting = oracle.ahead([producer], [consumer], topic)
    assert len(waiting) == 101
    expect(waybill, topic, group, pending=waiting)
    wait_until(lambda: waybill.group(topic, group)["lag_messages"] >= 101, 30, "the lag counts them")
    consumer.resume()
    consumer.wait_messages(4101)
    expect(waybill, topic, group)


@pytest.mark.parametrize("next_client, reason", [("rdkafka", "restart"), ("another", "handover")])
def test_next_reader_that_repeats_is_a_restart_or_a_handover(next_client, reason, stream, clients, waybill, topic, group):
    """The same client id on the same host after the first has gone is that program started again."""
    producer, first = stream
    first.commit()
    first.resume()
    producer.send(topic, 60, partition=1, size=50)
    first.wait_messages(4060)
    first.close()  # 60 messages were handed out and never committed
    second = clients.consumer(group, [topic], client_id=next_client)
    second.wait_messages(60)
    again = oracle.repeated([first, second], topic)
    assert again == {(1, o) for o in range(1000, 1060)}
    findings = expect(waybill, topic, group, redelivered=again)
    assert {f["reason"] for f in findings} == {reason}


def test_a_consumer_killed_before_its_commit_is_a_restart_or_handover_and_never_a_loss(stream, clients, waybill, topic, group):
    producer, first = stream
    wait_until(lambda: waybill.group(topic, group)["consumed"] == 4000, 30, "all is counted")
    first.kill()
    second = clients.consumer(group, [topic])
    second.wait_messages(4000, timeout=90)
    producer.send(topic, 100, size=50)
    second.wait_messages(4100)

    def judged():
        findings = waybill.findings(topic, group=group)
        assert oracle.places([f for f in findings if f["state"] == "redelivered"]) == oracle.repeated([first, second], topic)
        assert not [f for f in findings if f["state"] in ("lost", "suspected")], findings
        return True
    wait_until(judged, 45, "redelivered after a kill")


def test_findings_come_in_pages_and_by_filter(stream, waybill, topic, group):
    producer, consumer = stream
    for partition in range(4):
        consumer.seek(topic, partition, 995 - partition)
    consumer.resume()
    consumer.wait_messages(4000 + 5 + 6 + 7 + 8)
    again = oracle.repeated([consumer], topic)
    expect(waybill, topic, group, redelivered=again)
    path = f"/api/v1/topics/{topic}/findings"
    first = waybill.get(path, group=group, limit=1)
    assert len(first["findings"]) == 1 and first["next"]
    assert oracle.places(waybill.findings(topic, limit=1)) == again
    assert waybill.findings(topic, group="nobody") == []
    assert waybill.findings(topic, state="suspected") == []
    assert oracle.places(waybill.findings(topic, state="redelivered")) == again
