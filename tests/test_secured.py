"""A cluster behind TLS, passwords and ACLs: clients report over the connection that they have, the collector needs the rights that
docs/operations.md names and no other, and a client that may not report does its work all the same."""

import subprocess

import pytest

from harness import oracle, process
from harness.clients import Clients, read_and_pause, skip
from harness.secured import SecuredBroker
from harness.wait import wait_until
from harness.waybill import Waybill

USERS = {"app": "app-secret", "shy": "shy-secret", "waybill": "collector-secret"}
COLLECTOR = "waybill"  # its group, and its user


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    broker = SecuredBroker(tmp_path_factory.mktemp("secured") / "broker", USERS).start()
    yield broker
    broker.close()


@pytest.fixture
def audit(secured, unique):
    """An audit topic that `app` may write and the collector may read."""
    name = secured.create_topic(unique("reports"), partitions=4)
    secured.allow("app", "topic", name, "write", "describe")
    secured.allow("waybill", "topic", name, "read", "describe")
    return name


@pytest.fixture
def topic(secured, unique):
    """A topic that both applications may write and read; the collector may look at it."""
    name = secured.create_topic(unique("orders"), partitions=4)
    for user in ("app", "shy"):
        secured.allow(user, "topic", name, "write", "read", "describe")
    secured.allow("waybill", "topic", name, "read", "describe")
    return name


@pytest.fixture
def group(secured, unique):
    name = unique("readers")
    secured.allow("app", "group", name, "read", "describe")
    secured.allow("waybill", "group", name, "describe")
    return name


@pytest.fixture
def server(secured, audit, binary, tmp_path, unique):
    name = unique(COLLECTOR)
    secured.allow("waybill", "group", name, "read")
    running = Waybill(binary, tmp_path / "server",
                      config={"clusters": {"main": secured.login("waybill")}, "audit": {"topic": audit, "group": name, "partitions": 4}})
    yield running.start()
    running.close()


@pytest.fixture
def users(secured, audit, plugin, tmp_path):
    """users(name) makes that user's clients; all end with the test."""
    made = []

    def make(user):
        folder = tmp_path / user
        folder.mkdir()
        made.append(Clients(secured.secured, plugin, audit, folder))
        return made[-1]
    yield make
    for one in made:
        one.close()


def by_scram(secured, user):
    return {name.replace(".", "_"): value for name, value in secured.login(user, "SCRAM-SHA-512").items()}


def test_clients_behind_tls_and_passwords_are_counted_exactly(secured, users, server, topic, group, audit):
    """The wheel's librdkafka by SCRAM-SHA-512, kcat with Debian's by PLAIN; the collector by PLAIN."""
    app = users("app")
    producer = app.producer(linger_ms=5, **by_scram(secured, "app"))
    consumer = app.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500, **by_scram(secured, "app"))
    read_and_pause(producer, consumer, topic, 100)
    skip(producer, consumer, topic, 50, ((0, 137), (2, 101)))
    lost = oracle.skipped([producer], [consumer], topic)
    assert len(lost) == 38
    settings = {**secured.login("app"), "plugin.library.paths": str(app.plugin), "waybill.report.topic": audit}
    options = [part for name, value in settings.items() for part in ("-X", f"{name}={value}")]
    piped = subprocess.run(["kcat", "-P", "-t", topic, "-p", "3", *options], input="line\n" * 70, text=True, capture_output=True, timeout=60,
                           env=process.environment())
    assert (piped.returncode, piped.stderr) == (0, "")
    consumer.wait_messages(4 * 150 + 70 - 38)
    consumer.commit()

    def counted():
        entry = server.topic(topic)
        assert (entry["produced"], entry["unaudited"], entry["complete"]) == (670, 0, True), entry
        reader, = entry["groups"]
        assert (reader["name"], reader["consumed"], reader["lost"], reader["pending"]) == (group, 632, 38, 0), reader
        return True
    wait_until(counted, 60, "every message is counted and the loss is proved")
    assert oracle.places(server.findings(topic, group=group, state="lost")) == lost


@pytest.mark.parametrize("rights", [(), ("describe",)], ids=["unseen", "read-only"])
def test_a_client_that_may_not_report_works_on_and_says_so_once(rights, secured, users, server, topic, group, audit):
    if rights:
        secured.allow("shy", "topic", audit, *rights)
    open_, shy = users("app"), users("shy")
    audited = open_.producer(**by_scram(secured, "app"))
    silent = shy.producer(**by_scram(secured, "shy"))
    later = shy.producer(**by_scram(secured, "shy"))
    for _ in range(3):
        audited.send(topic, 40, partition=0)
        silent.send(topic, 50, partition=0)
    assert len(silent.acked) == 150 and not silent.failed
    later.send(topic, 7, partition=1)
    audited.send(topic, 5, partition=0)
    said = wait_until(lambda: [line for line in silent.log.read_text().splitlines() if line.startswith("waybill")], 20, "a warning")

    def unaudited():
        entry = server.topic(topic)
        assert (entry["produced"], entry["unaudited"]) == (125, 157), entry
        return True
    reader = open_.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500, **by_scram(secured, "app"))
    reader.wait_messages(282)
    wait_until(unaudited, 40, "what could not be reported is unaudited, not lost")
    assert server.group(topic, group)["lost"] == 0
    silent.close(timeout=20)  # exit code 0, whatever reports are left
    assert [line for line in silent.log.read_text().splitlines() if line.startswith("waybill")] == said
    assert len(said) == 1 and audit in said[0] and "authorization failed" in said[0], said

    secured.allow("shy", "topic", audit, "write", "describe")

    def told():
        entry = server.topic(topic)
        assert (entry["produced"], entry["unaudited"]) == (132, 150), entry
        return True
    wait_until(told, 30, "a client that waited tells everything as soon as it may; what has ended is gone")
