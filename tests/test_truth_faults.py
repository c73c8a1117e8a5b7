"""Faults of readers, brokers and networks, on a real broker: no finding that is not true, and the true ones exactly."""

import os
import signal
import time

import pytest

from harness import oracle, process
from harness.clients import Clients
from harness.findings import expect, never
from harness.kafka import LocalBroker, LocalCluster
from harness.proxy import CuttingProxy
from harness.wait import wait_until
from harness.waybill import Waybill

WRONG = ("lost", "suspected", "unconfirmed")


@pytest.mark.full
def test_the_plugin_goes_to_one_of_two_consumers_and_then_to_the_other(clients, waybill, topic, group):
    producer = clients.producer(linger_ms=5)
    old = [clients.consumer(group, [topic], plugin=False, enable_auto_commit=True) for _ in range(2)]
    wait_until(lambda: sum(len(c.assignment()) for c in old) == 4 and all(c.assignment() for c in old), 60, "both read")
    everyone = list(old)
    for replaced in old:
        producer.send(topic, 2000, size=50, keys=97)
        wait_until(lambda: oracle.distinct(everyone, topic) == len(producer.acked), 60, "all is read")
        replaced.close()
        everyone.append(clients.consumer(group, [topic], enable_auto_commit=True))
        wait_until(lambda: everyone[-1].assignment(), 60, "the new one has its share")
        producer.send(topic, 2000, size=50, keys=97)
        wait_until(lambda: oracle.distinct(everyone, topic) == len(producer.acked), 60, "all is read")
    never(waybill, topic, group, 20, *WRONG)
    expect(waybill, topic, group, redelivered=oracle.repeated(everyone[2:], topic))


@pytest.mark.full
def test_a_handover_where_the_first_reader_reports_eight_seconds_late(clients, waybill, topic, group):
    producer = clients.producer(linger_ms=5)
    first = clients.consumer(group, [topic], waybill_report_interval_ms=2000)
    producer.send(topic, 400, size=50, keys=97)
    first.wait_messages(400)
    wait_until(lambda: waybill.group(topic, group)["pending"] == 0, 30, "all is told")
    producer.send(topic, 4000, size=50, keys=97)
    first.wait_messages(4400)
    first.commit()
    os.kill(first.process.pid, signal.SIGSTOP)  # most of what it read it has not told yet
    frozen = time.monotonic()
    second = clients.consumer(group, [topic], enable_auto_commit=True, waybill_report_interval_ms=100)
    wait_until(lambda: len(second.assignment()) == 4, 30, "the second has taken over")
    producer.send(topic, 1000, size=50, keys=97)
    second.wait_messages(1000)
    never(waybill, topic, group, max(0.0, 8 - (time.monotonic() - frozen)), *WRONG)
    os.kill(first.process.pid, signal.SIGCONT)
    never(waybill, topic, group, 20, "lost")
    wait_until(lambda: not [f for f in waybill.findings(topic, group=group) if f["state"] != "redelivered"], 30,
               "nothing is missing once it has told")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "kafka"
    path.mkdir()
    return path


@pytest.fixture
def own(tmp_path, plugin, binary, unique):
    """own(broker) gives clients and a ready server for a broker that the test may break."""
    made = []

    def make(broker):
        broker.create_topic("reports", partitions=16)
        maker = Clients(broker.bootstrap, plugin, "reports", tmp_path)
        server = Waybill(binary, tmp_path / "server", broker.bootstrap, "reports", {"group": unique("collector")}).start()
        made.extend([maker, server, broker])
        return maker, server

    yield make
    for thing in made:
        thing.close()


@pytest.mark.full
def test_an_unclean_election_truncates_and_says_which(folder, own, group):
    cluster = LocalCluster(folder).start()
    clients, waybill = own(cluster)
    warm = cluster.create_topic("warm", partitions=1)
    first = clients.consumer(group + "-warm", [warm])  # so that the groups' own topic is on the first broker
    first.wait_event("assigned")
    cluster.add_broker(2)
    cluster.add_broker(3)
    topic = cluster.create_replicated("orders", [2, 3], unclean_leader_election_enable="true", min_insync_replicas=1)
    producer = clients.producer(linger_ms=5, acks=1, enable_idempotence=False)
    consumer = clients.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500)
    producer.send(topic, 100, size=50)
    consumer.wait_messages(100)
    wait_until(lambda: waybill.group(topic, group)["lag_messages"] == 0, 60, "all is committed")
    consumer.pause()
    wait_until(lambda: cluster.in_sync(topic) == {2, 3}, 30, "the follower has all")
    cluster.stop_other(3)
    producer.send(topic, 50, size=50)
    lost = {(0, o) for o in range(100, 150)}
    expect(waybill, topic, group, timeout=60, pending=lost)
    cluster.kill_other(2)
    cluster.start_other(3)
    wait_until(lambda: cluster.leader(topic) == 3, 60, "the follower leads")
    findings = expect(waybill, topic, group, timeout=120, lost=lost)
    assert {f["reason"] for f in findings} == {"truncated"}


@pytest.mark.full
def test_what_retries_without_idempotence_write_twice_is_no_finding(folder, own, group):
    through, inside = process.free_port(), process.free_port()
    broker = LocalBroker(
        folder, listeners=f"PLAINTEXT://127.0.0.1:{{port}},CUT://127.0.0.1:{inside},CONTROLLER://127.0.0.1:{{controller}}",
        advertised_listeners=f"PLAINTEXT://127.0.0.1:{{port}},CUT://127.0.0.1:{through}",
        listener_security_protocol_map="PLAINTEXT:PLAINTEXT,CUT:PLAINTEXT,CONTROLLER:PLAINTEXT").start()
    proxy = CuttingProxy(through, f"127.0.0.1:{inside}")
    try:
        clients, waybill = own(broker)
        topic = broker.create_topic("orders", partitions=1)
        consumer = clients.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500)
        producer = clients.producer(bootstrap_servers=f"127.0.0.1:{through}", enable_idempotence=False, linger_ms=5,
                                    message_send_max_retries=100, retry_backoff_ms=50, acks=1)
        for _ in range(5):
            producer.send(topic, 400, size=50, rate=200, wait=False)
            time.sleep(0.7)
            proxy.deaf.set()
            time.sleep(0.5)
            proxy.cut()
            proxy.deaf.clear()
        wait_until(lambda: len(producer.acked) == 2000, 120, "all is acknowledged in the end")
        end = broker.end(topic)
        assert end > 2000 and not producer.failed, "some were written twice"
        consumer.wait_messages(end)
        wait_until(lambda: waybill.topic(topic)["produced"] == 2000, 60, "what was acknowledged is counted once")
        never(waybill, topic, group, 20, *WRONG, "redelivered")
        consumer.pause()
        producer.send(topic, 50, size=50)
        consumer.seek(topic, 0, end + 20)
        consumer.resume()
        expect(waybill, topic, group, timeout=60, lost={(0, o) for o in range(end, end + 20)})
    finally:
        proxy.close()
