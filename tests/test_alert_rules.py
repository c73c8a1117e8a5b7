"""Rules over hops, ledgers and our own sources, each made to fire by what was injected, with its exact figure, and to end."""

import json
import time

import pytest
from confluent_kafka import Producer

from harness.receivers import HttpReceiver
from harness.wait import wait_until
from harness.waybill import Waybill


@pytest.fixture
def receiver():
    one = HttpReceiver()
    yield one
    one.close()


def told(receiver, name, status="firing"):
    """The notices of a rule that the receiver has got."""
    return [a for a in receiver.alerts() if a["labels"]["alertname"] == name and a["status"] == status]


def evidence(server, name):
    (found,) = [a for a in server.get("/api/v1/alerts")["alerts"] if a["labels"]["alertname"] == name]
    return found["evidence"]


def test_slow_repeated_and_unread_messages_are_told(make_waybill, clients, topic, group, receiver):
    rules = {"slow": {"kind": "latency", "percentile": 50, "above": "2s", "min_count": 20, "topics": [topic]},
             "repeated": {"kind": "redelivered", "ratio": 0.2, "min_count": 20, "groups": [group]},
             "seldom": {"kind": "redelivered", "ratio": 0.3, "min_count": 20},
             "few": {"kind": "redelivered", "ratio": 0.2, "min_count": 49},
             "behind": {"kind": "lag", "above": 7, "topics": [topic]},
             "far": {"kind": "lag", "above": 8},
             "stale": {"kind": "lag", "older": "3s"}}
    server = make_waybill(config={"alerts": rules, "notifiers": {"ops": {"webhook": receiver.url, "allow_private": True}}})
    server.start()
    producer = clients.producer(linger_ms=5)
    producer.send(topic, 40, partition=0, size=50)
    time.sleep(2.5)
    consumer = clients.consumer(group, [topic])
    consumer.wait_messages(40)
    consumer.pause()
    consumer.seek(topic, 0, 30)
    consumer.resume()
    consumer.wait_messages(50)
    consumer.pause()
    producer.send(topic, 8, partition=0, size=50)
    wait_until(lambda: all(told(receiver, name) for name in ("slow", "repeated", "behind", "stale")), 45, "four rules are told")
    hop = {"cluster": "main", "topic": topic, "group": group}
    for name in ("slow", "repeated", "behind", "stale"):
        assert told(receiver, name)[0]["labels"] == {"alertname": name, "severity": "warning", **hop}
    assert 2500 <= evidence(server, "slow")["latency_ms"] < 60_000 and evidence(server, "slow")["percentile"] == 50
    repeated = evidence(server, "repeated")
    assert (repeated["redelivered"], repeated["consumed"]) == (10, 40)
    assert evidence(server, "behind")["lag_messages"] == 8
    assert evidence(server, "stale")["lag_seconds"] > 3
    consumer.resume()
    consumer.wait_messages(58)
    wait_until(lambda: told(receiver, "behind", "resolved") and told(receiver, "stale", "resolved"), 45, "nothing is unread")
    assert not any(told(receiver, name) for name in ("seldom", "few", "far")), "a limit is not what lies at it"


def test_our_own_sources_and_ledgers_are_told(binary, kafka, topic, unique, tmp_path, receiver):
    """An open transaction holds up whoever reads committed messages: so many are waiting, until it ends."""
    logs = kafka.create_topic(unique("logs"), partitions=1)
    now = int(time.time() * 1000)
    config = {"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}, "gone": {"bootstrap.servers": "127.0.0.1:1"}},
              "watch": {"group": unique("watchers")},
              "watches": {"any": {"text": "x", "sources": [{"cluster": c, "topics": [topic]} for c in ("main", "gone")]}},
              "ledgers": {"pay": {"deadline": "1s", "producers": [{"name": "p", "consumers": {"q": "the queue"}}],
                                  "source": {"cluster": "main", "topics": [logs]}}},
              "alerts": {"own_lag": {"above": 19, "for": "0s"}, "source_degraded": {"for": "0s"}},
              "notifiers": {"ops": {"webhook": receiver.url, "allow_private": True}}}
    server = Waybill(binary, tmp_path / "server", config=config)
    try:
        server.start()
        lines = [{"st": 1, "type": "tmmProduce", "ptime": now, "producer": "p", "uid": uid} for uid in ("1", "2", "3")]
        lines += [{"uid": "2", "ptime": now, "type": "tmmConsume", "producer": "p", "consumer": "q", "ctime": now + 5}]
        plain = Producer({"bootstrap.servers": kafka.bootstrap})
        for line in lines:
            plain.produce(logs, json.dumps(line).encode())
        assert plain.flush(30) == 0
        held = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": unique("held"), "linger.ms": 5})
        held.init_transactions(30)
        held.begin_transaction()
        for i in range(20):
            held.produce(topic, b"x", partition=0)
        assert held.flush(30) == 0
        wait_until(lambda: all(told(receiver, name) for name in ("own_lag", "source_degraded", "unconsumed")), 45, "three are told")
        assert evidence(server, "own_lag")["lag_messages"] == 20
        assert told(receiver, "source_degraded")[0]["labels"]["source"] == "watch/gone"
        unconsumed = evidence(server, "unconsumed")
        assert {m["uid"] for m in unconsumed["messages"]} == {"1", "3"} and unconsumed["count"] == 2
        held.commit_transaction(30)
        for uid in ("1", "3"):
            line = {"uid": uid, "ptime": now, "type": "tmmConsume", "producer": "p", "consumer": "q", "ctime": now + 9000}
            plain.produce(logs, json.dumps(line).encode())
        assert plain.flush(30) == 0
        wait_until(lambda: told(receiver, "own_lag", "resolved") and told(receiver, "unconsumed", "resolved"), 45, "both are over")
        assert not told(receiver, "source_degraded", "resolved")
    finally:
        server.close()
