"""The audit's hops as documents: sums as the API tells them, by service and host, and the panels over them."""

import time

import pytest

from harness import oracle
from harness.clients import read_and_pause, skip
from harness.wait import wait_until

from .panels import ask, panels, points

pytestmark = pytest.mark.full


def total(documents, field, **where):
    return sum(d.get(field, 0) for d in documents if all(d.get(key) == value for key, value in where.items()))


@pytest.mark.parametrize("kind", ["opensearch", "elasticsearch"])
def test_hops_are_counted_by_service_and_host_with_what_was_lost(request, kind, clients, make_waybill, topic, unique):
    server = request.getfixturevalue(kind)
    server.clear()
    make_waybill(audit={"index": {"search": "out"}}, config={"search": {"out": {"urls": [server.url]}}}).start()
    group = unique("readers")
    shop = clients.producer(linger_ms=5, env={"WAYBILL_SERVICE": "shop"})
    consumer = clients.consumer(group, [topic], env={"WAYBILL_SERVICE": "billing"})
    read_and_pause(shop, consumer, topic, 100)
    skip(shop, consumer, topic, 50, ((0, 137), (2, 101)))
    assert len(consumer.messages) == 600 - 38
    lost = len(oracle.skipped([shop], [consumer], topic))
    assert lost == 38

    def right():
        found = [d for d in server.documents("waybill-hops").values() if d["topic"] == topic]
        sent = total(found, "msgCount", tier="produced", service="shop")
        handled = total(found, "msgCount", tier="consumed", groupId=group, service="billing")
        assert (sent, handled, total(found, "lost", groupId=group)) == (600, 600 - lost, lost)
        return found

    found = wait_until(right, 60, "the documents say so")
    for d in found:
        assert d["end"] - d["begin"] == 60_000 and d["cluster"] == "main"
        if d["msgCount"]:
            assert d["host"] and d["ip"] and 0 <= d["latencyMean"] <= d["latencyMax"]
            assert d["latencyC95"] <= d["latencyC99"] <= d["latencyMax"]
        else:
            assert "service" not in d and "host" not in d and "latencyMean" not in d
    check_panels(server, found, topic, group)


def check_panels(search, documents, topic, group):
    now = int(time.time() * 1000)
    span = now - 3_600_000, now
    consumed = [d for d in documents if d["tier"] == "consumed"]
    for kind in ("elasticsearch", "opensearch"):
        targets = panels(kind, "hops")

        def values(title, metric="1"):
            return points(ask(search, "waybill-hops", targets[title], *span, topic=topic, group=group), targets[title], metric)

        assert sum(values("Lost").values()) == total(consumed, "lost") == sum(values("Lost, by group").values())
        assert sum(values("Redelivered").values()) == total(consumed, "redelivered")
        assert sum(values("Produced").values()) == 600
        assert {key[0] for key in values("Produced")} == {topic}
        assert sum(values("Consumed").values()) == total(consumed, "msgCount")
        latency = "Latency: largest and 99 %"
        assert max(values(latency, "1").values(), default=0) == max(d.get("latencyMax", 0) for d in consumed)
        assert max(values(latency, "3").values(), default=0) == max(d.get("latencyC99", 0) for d in consumed)
        mean = "Latency: mean and 95 %"
        assert max(values(mean, "3").values(), default=0) == max(d.get("latencyC95", 0) for d in consumed)
        assert all(value <= max(d.get("latencyMean", 0) for d in consumed) for value in values(mean).values())
        hosts = values("Services and hosts")
        assert {key[0]: value for key, value in hosts.items()} == {"shop": 600, "billing": total(consumed, "msgCount")}
