"""Aliyun SLS as a source: a broker that asks for SASL_SSL with project and key as SLS's Kafka endpoint does."""

import collections
import subprocess

import pytest
from confluent_kafka import Producer, TopicPartition

from harness import process
from harness.kafka import LocalBroker
from harness.wait import wait_until
from harness.waybill import run_command

KEY = "canary-key-0123456789"
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


class SlsBroker(LocalBroker):
    """Beside the plain listener, one that speaks SASL_SSL only. `secure` is its address, `ca` its certificate."""

    def __init__(self, folder):
        port = process.free_port()
        store, self.ca = folder / "server.p12", folder / "ca.pem"
        for arguments in (("-genkeypair", "-keyalg", "RSA", "-dname", "CN=localhost", "-ext", "SAN=dns:localhost",
                           "-validity", "2", "-storetype", "PKCS12"), ("-exportcert", "-rfc", "-file", str(self.ca))):
            subprocess.run(["keytool", *arguments, "-alias", "server", "-keystore", str(store), "-storepass", "changeit"],
                           check=True, capture_output=True, timeout=60)
        users = " ".join(f'user_{project}="id#{KEY}"' for project in ("shop", "pay"))
        super().__init__(folder, **{
            "listeners": f"PLAINTEXT://127.0.0.1:{{port}},SECURE://localhost:{port},CONTROLLER://127.0.0.1:{{controller}}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{{port}},SECURE://localhost:{port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
            "ssl.keystore.location": store, "ssl.keystore.password": "changeit", "ssl.keystore.type": "PKCS12",
            "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secure.plain.sasl.jaas.config": f"{LOGIN} {users};",
            "group.max.size": 2})  # one member per project
        self.secure = f"localhost:{port}"


@pytest.fixture(scope="module")
def sls(tmp_path_factory):
    broker = SlsBroker(tmp_path_factory.mktemp("sls")).start()
    yield broker
    broker.close()


@pytest.fixture
def place(sls, unique):
    """Two projects, three logstores, the variables that name them, and a configuration that watches all."""
    class Place:
        access, app, ledger = (sls.create_topic(unique(name), partitions=2) for name in ("access", "app", "ledger"))
        group = unique("watchers")
        variables = {"SLS_ENDPOINTS": "cn-hangzhou.log.aliyuncs.com;https://cn-beijing-intranet.log.aliyuncs.com",
                     "SLS_PROJECTS": "shop;pay", "SLS_LOGSTORES": f"{access},{app};{ledger}",
                     "SLS_AK_ID": "id", "SLS_AK_KEY": KEY, "SLS_CG": group, "SLS_CA_FILE": str(sls.ca)}
        config = {"sls": {"bootstrap": f"{sls.secure};{sls.secure}"},
                  "watches": {"errors": {"text": "ERROR", "sources": [{"sls": "all", "start": "begin"}]}}}

        @staticmethod
        def produce(**lines):
            producer = Producer({"bootstrap.servers": sls.bootstrap})
            for name, values in lines.items():
                for number, value in enumerate(values):
                    producer.produce(getattr(Place, name), value.encode(), partition=number % 2)
            assert producer.flush(30) == 0
    return Place


def detail(server):
    return " | ".join(source["detail"] for source in server.get("/api/v1/sources")["sources"])


def read(server):
    """Lines by cluster and topic."""
    lines = collections.Counter()
    for source in server.get("/api/v1/watches")["sources"]:
        lines[source["cluster"], source["topic"]] += source["lines"]
    return lines


def test_every_logstore_of_every_project_is_read_as_the_variables_say(sls, place, make_server):
    place.produce(access=["ERROR 1", "fine"], app=["ERROR 2"], ledger=["ERROR 3", "ERROR 4", "fine"])
    server = make_server(place.config).start(**place.variables)
    wait_until(lambda: read(server) == {("shop", place.access): 2, ("shop", place.app): 1, ("pay", place.ledger): 3}, 30,
               "all lines are read")
    watch = server.get("/api/v1/watches")["watches"][0]
    assert (watch["matched"], watch["complete"]) == (4, True)
    assert set(watch["reads"]) == {f"shop/{place.access}", f"shop/{place.app}", f"pay/{place.ledger}"}
    assert {s["cluster"] for s in server.get("/api/v1/sources")["sources"]} == {"shop", "pay"}
    group = sls.admin.describe_consumer_groups([place.group], request_timeout=10)[place.group].result(15)
    assert group.partition_assignor == "range"
    assert server.metric("waybill_sources_skipped") == 0
    assert KEY not in server.log_text() and KEY not in server.request("/api/v1/sources").text
    server.stop()
    # Positions are kept; what was deleted meanwhile is a gap whose size offsets do not tell.
    place.produce(ledger=["ERROR 5"] * 10)
    next(iter(sls.admin.delete_records([TopicPartition(place.ledger, 0, 6)]).values())).result(30)
    server.start(**place.variables)
    wait_until(lambda: read(server)["pay", place.ledger] == 9, 30, "what is left is read")
    answer = server.get("/api/v1/watches")
    assert {(s["topic"], s["partition"], s["gaps"], s["gap_messages"]) for s in answer["sources"] if s["gaps"]} == {
        (place.ledger, 0, 1, 0)}
    assert answer["watches"][0]["why"] == [f"uncounted messages of {place.ledger}[0] were gone before they were read"]


def test_an_incomplete_entry_is_named_counted_and_left_out(place, make_server, binary):
    place.produce(access=["ERROR 1"], ledger=["ERROR 2"])
    broken = {**place.variables, "SLS_ENDPOINTS": ";cn-hangzhou.log.aliyuncs.com"}
    said = f'sls: entry 1 (endpoint "", project "shop", logstores "{place.access},{place.app}") is incomplete: it has no endpoint'
    server = make_server(place.config)
    check = run_command(binary, "check", "-c", server.config_file, **broken)
    assert check.returncode == 2 and said in check.stderr
    server.start(**broken)
    wait_until(lambda: read(server) == {("pay", place.ledger): 1}, 30, "the other project is read")
    assert server.metric("waybill_sources_skipped") == 1
    assert said + "; it is left out, the others are read" in server.log_text()
    strict = make_server({**place.config, "sources": {"strict": True}}, "strict")
    refused = run_command(binary, "run", "-c", strict.config_file, **broken)
    assert refused.returncode == 2 and said in refused.stderr
    assert run_command(binary, "check", "-c", server.config_file, **place.variables).returncode == 0


def test_a_wrong_key_and_a_refused_group_are_said_with_their_place(place, make_server):
    first = make_server(place.config).start(**place.variables)
    wait_until(lambda: all(s["partitions"] for s in first.get("/api/v1/sources")["sources"]), 30, "the first has both logstores")
    second = make_server(place.config, "second").start(ready=False, **place.variables)
    limit = (f"SLS project shop, logstores {place.access}, {place.app}: a logstore takes at most 30 consumer groups, "
             "15 of them through Kafka")
    wait_until(lambda: limit in detail(second) and place.group in detail(second), 30, "the refused group")
    third = make_server(place.config, "third").start(ready=False, **{**place.variables, "SLS_AK_KEY": "wrong-canary"})
    wait_until(lambda: "uthentication" in detail(third), 30, "the refused key")
    for server in (second, third):
        assert KEY not in server.log_text() and "wrong-canary" not in server.log_text()
