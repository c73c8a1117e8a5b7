"""Rules over topics in `waybill run`: three topics on two clusters, three processes in one group, killed in turn; exact counts."""

import collections
import json
import random
import time

import pytest
from confluent_kafka import Producer, TopicPartition

from harness.kafka import LocalBroker
from harness.wait import wait_until

MINUTE = 60_000
SMALL = {"messages": 60_000, "rules": 20, "kills": 3}
LARGE = {"messages": 2_000_000, "rules": 100, "kills": 12}


@pytest.fixture(scope="module")
def other_kafka(tmp_path_factory):
    broker = LocalBroker(tmp_path_factory.mktemp("other-kafka")).start()
    yield broker
    broker.close()


class Load:
    """Messages with known matches: `expected[rule][window]`."""

    def __init__(self, rules, start_ms, seed=7):
        self.rules = rules
        self.start_ms = start_ms
        self.random = random.Random(seed)
        self.expected = collections.defaultdict(collections.Counter)
        self.sent = 0

    def send(self, places, count):
        """`places`: (bootstrap, topic) pairs, in turn."""
        producers = {b: Producer({"bootstrap.servers": b, "linger.ms": 20, "queue.buffering.max.messages": 500_000})
                     for b in {b for b, _ in places}}
        for _ in range(count):
            bootstrap, topic = places[self.sent % len(places)]
            time_ms = self.start_ms + self.random.randrange(5 * MINUTE)
            code = self.random.randrange(self.rules)
            status = self.random.choice(("200", "301", "404", "503", "500"))
            line = {"n": self.sent, "status": status, "uri": f"/?status=503&fault-{self.random.randrange(self.rules)}:",
                    "message": f"fault-{code}: \u00e9 \"refused\"" if self.random.random() < 0.1 else "fine"}
            window = time_ms - time_ms % MINUTE
            if status[0] == "5":
                self.expected["http-5xx"][window] += 1
            if line["message"] != "fine":
                self.expected[f"fault-{code}"][window] += 1
            producers[bootstrap].produce(topic, json.dumps(line, ensure_ascii=self.sent % 2 == 0).encode(), timestamp=time_ms,
                                         partition=self.sent // len(places) % 4)
            self.sent += 1
            if self.sent % 1000 == 0:
                producers[bootstrap].poll(0)
        for producer in producers.values():
            assert producer.flush(60) == 0


def definitions(rules, sources):
    watches = {"http-5xx": {"sources": sources, "where": {"status": r"5\d{2}"}}}
    for i in range(rules):
        watches[f"fault-{i}"] = {"sources": sources, "where": {"message": rf"fault-{i}:(?:\W|$)"}, "sample": 1}
    return watches


def lines(server):
    return sum(source["lines"] for source in server.get("/api/v1/watches")["sources"])


def run_with_kills(size, kafka, other_kafka, postgresql, make_server, unique):
    main = [kafka.create_topic(unique(name), partitions=4) for name in ("access", "app")]
    other = other_kafka.create_topic(unique("remote"), partitions=4)
    schema = unique("watch").replace("-", "_")
    postgresql.make(schema)
    config = {"store": postgresql.place(schema), "watch": {"group": unique("watchers")},
              "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}, "other": {"bootstrap.servers": other_kafka.bootstrap}},
              "watches": definitions(size["rules"], [{"cluster": "main", "topics": main, "start": "begin"},
                                                     {"cluster": "other", "topics": [other], "start": "begin"}])}
    servers = [make_server(config, f"server{i}").start(ready=False) for i in range(3)]
    for server in servers:
        server.wait_ready(60)
    load = Load(size["rules"], int(time.time() * 1000) // MINUTE * MINUTE - 30 * MINUTE)
    places = [(kafka.bootstrap, main[0]), (kafka.bootstrap, main[1]), (other_kafka.bootstrap, other)]
    killed_while_busy = 0
    for turn in range(size["kills"]):
        load.send(places, size["messages"] // size["kills"])
        victim = servers[turn % 3]
        killed_while_busy += lines(servers[(turn + 1) % 3]) < load.sent
        victim.kill()
        victim.start(ready=False)
    for server in servers:
        server.wait_ready(60)
    wait_until(lambda: lines(servers[0]) >= load.sent, 120, f"{load.sent} messages are read")
    assert killed_while_busy > 0, "no process was killed while there was something to read"
    assert lines(servers[0]) == load.sent
    found = {watch["name"]: watch["matched"] for watch in servers[0].get("/api/v1/watches")["watches"]}
    assert found == {name: load.expected[name].total() for name in config["watches"]}
    for name in config["watches"]:
        windows = servers[1].get(f"/api/v1/watches/{name}/windows", limit=1000)["windows"]
        assert {window["start"]: window["count"] for window in windows} == dict(load.expected[name])
    for server in servers:
        server.stop()


def test_three_processes_killed_in_turn_count_every_match_once(kafka, other_kafka, postgresql, make_server, unique):
    run_with_kills(SMALL, kafka, other_kafka, postgresql, make_server, unique)


@pytest.mark.full
def test_two_million_messages_and_a_hundred_rules_through_kills(kafka, other_kafka, postgresql, make_server, unique):
    run_with_kills(LARGE, kafka, other_kafka, postgresql, make_server, unique)


def test_samples_are_masked_and_values_are_counted_separately(kafka, make_server, unique):
    topic = kafka.create_topic(unique("mail"), partitions=4)
    server = make_server({
        "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": unique("watchers")},
        "redact": {"fields": ["password"], "maskers": ["email", "card"]},
        "watches": {"login": {"sources": [{"cluster": "main", "topics": [topic], "start": "begin"}], "by": ["host"],
                              "where": {"status": {"gte": 500}, "not": {"host": "^test"}}, "threshold": 2}}}).start()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for host, status in (("a", 500), ("a", 503), ("b", 500), ("test1", 500), ("a", 200), ("a", "none")):
        producer.produce(topic, json.dumps({"host": host, "status": status, "password": "secret", "to": "x@example.org",
                                            "card": "4111 1111 1111 1111"}).encode())
    producer.produce(topic, b"no JSON, status 500")
    producer.flush(30)
    wait_until(lambda: lines(server) == 7, 30, "seven messages are read")
    windows = server.get("/api/v1/watches/login/windows")["windows"]
    counts = collections.Counter()
    for window in windows:
        counts[window["by"]["host"]] += window["count"]
    assert counts == {"a": 2, "b": 1}
    samples = server.get("/api/v1/watches/login/samples")["samples"]
    assert samples and server.request("/api/v1/watches/nothing/samples").status_code == 404
    for sample in samples:
        text = json.loads(sample["text"])
        assert (text["password"], text["to"], text["card"]) == ("***", "***", "***1111")
        assert sample["fields"] == {"status": str(text["status"]), "host": text["host"]}
        assert (sample["cluster"], sample["topic"]) == ("main", topic)


def test_messages_deleted_before_they_were_read_are_a_gap_with_its_size(kafka, make_server, unique):
    topic = kafka.create_topic(unique("gone"), partitions=1)
    config = {"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": unique("watchers")},
              "watches": {"all": {"sources": [{"cluster": "main", "topics": [topic], "start": "begin"}], "text": "m"}}}
    server = make_server(config).start()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for _ in range(10):
        producer.produce(topic, b"m")
    producer.flush(30)
    wait_until(lambda: lines(server) == 10, 30, "ten messages are read")
    server.stop()
    for _ in range(30):
        producer.produce(topic, b"m")
    producer.flush(30)
    next(iter(kafka.admin.delete_records([TopicPartition(topic, 0, 25)]).values())).result(30)
    server.start()
    wait_until(lambda: lines(server) == 25, 30, "the rest is read")
    entry = server.get("/api/v1/watches")
    assert [(s["gaps"], s["gap_messages"]) for s in entry["sources"]] == [(1, 15)]
    assert entry["watches"][0]["complete"] is False and entry["watches"][0]["matched"] == 25
