"""A ledger over a real broker, killed again and again: exactly the known messages, each figure counted once."""

import json
import re
import subprocess
import time
import zlib

import pytest
import yaml
from confluent_kafka import Producer

from harness.ledger import differences, exceptions
from harness.wait import wait_until
from harness.waybill import FAILPOINTS, Waybill
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from test_http import SPEC

PARTITIONS = 3


@pytest.fixture(scope="module")
def logs(binary, tmp_path_factory):
    """(lines, truth) of generated logs, produced about now."""
    folder = tmp_path_factory.mktemp("logs")
    subprocess.run([binary, "gen", "ledger", "--messages", "6000", "--seed", "11", "--producers", "12", "--spread-ms", "20000",
                    "--lost-ppm", "4000", "--duplicated-ppm", "4000", "--unrecorded-ppm", "3000", "--malformed-ppm", "1000",
                    "--begin-ms", str(int(time.time() * 1000) - 60_000), "--out", folder / "app.log",
                    "--truth", folder / "truth.json"], check=True, timeout=60)
    return (folder / "app.log").read_bytes().splitlines(), json.loads((folder / "truth.json").read_text())


def produce(kafka, topic, lines):
    """The lines of each consumer stay in order, in another partition than their producers' more often than not."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})
    for i, line in enumerate(lines):
        consumer = re.search(rb'"consumer":"([^"]*)"', line)
        producer.produce(topic, line, partition=zlib.crc32(consumer.group(1)) % PARTITIONS if consumer else i % PARTITIONS)
        producer.poll(0)
    assert producer.flush(60) == 0


@pytest.fixture
def start_ledger(binary, kafka, tmp_path, logs):
    """Makes a topic and a `waybill run` (not started) with a ledger over it."""
    made = []

    def make(name, **settings):
        kafka.create_topic(name, partitions=PARTITIONS)
        roster = [{"name": producer, "consumers": consumers} for producer, consumers in logs[1]["roster"].items()]
        ledger = {"producers": roster, "deadline": "2s", "source": {"cluster": "main", "topics": [name]}, **settings}
        made.append(Waybill(binary, tmp_path / name, config={"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}},
                                                             "ledgers": {"orders": ledger}}))
        return made[-1]

    yield make
    for waybill in made:
        waybill.close()


def wait_for_truth(waybill, truth, timeout=90):
    wait_until(lambda: not differences(waybill, truth), timeout, "the ledger says the truth")


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.full)])  # each costs the lease's ten seconds
def test_killed_while_messages_come(start_ledger, kafka, logs, kills):
    lines, truth = logs
    topic = f"ledger-kills-{kills}"
    waybill = start_ledger(topic)
    part = len(lines) // (kills + 1) + 1
    for i in range(kills + 1):
        waybill.start()
        produce(kafka, topic, lines[i * part:(i + 1) * part])
        if i < kills:
            wait_until(lambda: waybill.get("/api/v1/ledgers")["ledgers"][0]["lines"] > i * part + part // 3, 60, "it reads")
            waybill.kill()
    wait_for_truth(waybill, truth)
    found = waybill.get("/api/v1/ledgers")["ledgers"][0]
    for producer in found["producers"]:
        for consumer in producer["consumers"]:
            pair = truth["pairs"][f"{producer['name']}|{consumer['name']}"]
            assert consumer["latency_ms"]["max"] == pair["lat_max"]
            assert consumer["latency_ms"]["mean"] == pytest.approx(pair["lat_mean"])
            assert consumer["latency_ms"]["p50"] == pytest.approx(pair["lat_p50"], rel=0.016, abs=0.5)
    check_api(waybill, truth, topic)


def check_api(waybill, truth, topic):
    openapi = OpenAPI.from_dict(dict(yaml.safe_load(SPEC.read_text()), servers=[{"url": waybill.url}]))
    for path in ("", "/orders/buckets", "/orders/exceptions"):
        answer = waybill.request("/api/v1/ledgers" + path)
        openapi.validate_response(RequestsOpenAPIRequest(answer.request), RequestsOpenAPIResponse(answer))
    buckets = waybill.get("/api/v1/ledgers/orders/buckets", limit=10_000)["buckets"]
    assert sum(row.get("consumed", 0) for row in buckets) == sum(pair["consumed"] for pair in truth["pairs"].values())
    samples = waybill.get("/api/v1/ledgers")["ledgers"][0]["malformed_samples"]
    assert len(samples) == min(20, truth["malformed"]) and all(row["place"].startswith(f"{topic}[") for row in samples)
    assert waybill.status("/api/v1/ledgers/nobody/buckets") == 404
    assert waybill.status("/api/v1/ledgers/orders/exceptions?kind=odd") == 400


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.full] if name != "commit.rows" else [])
                                  for name in FAILPOINTS])
def test_killed_at_failpoint(name, start_ledger, kafka, logs):
    lines, truth = logs
    topic = "ledger-" + name.replace(".", "-")
    waybill = start_ledger(topic)
    produce(kafka, topic, lines)
    waybill.start(ready=False, WAYBILL_FAILPOINT=f"{name}:3")
    assert waybill.process.wait(60) == -6
    waybill.start()
    wait_for_truth(waybill, truth)


def test_a_late_arrival_takes_back_what_was_told(start_ledger, kafka):
    waybill = start_ledger("ledger-late", producers=[{"name": "p", "consumers": ["c"]}], deadline="1s").start()
    now = int(time.time() * 1000)
    sent = json.dumps({"st": 1, "type": "tmmProduce", "ptime": now, "producer": "p", "uid": "1"}).encode()
    handled = json.dumps({"type": "tmmConsume", "ptime": now, "ctime": now + 70, "producer": "p", "consumer": "c", "uid": "1"}).encode()
    produce(kafka, "ledger-late", [sent])  # the other partitions have never had a line
    wait_until(lambda: exceptions(waybill, "unconsumed") == ["1|c"], 30, "it is overdue")
    produce(kafka, "ledger-late", [handled])
    wait_until(lambda: exceptions(waybill, "all") == [], 30, "it is taken back")
    consumer = waybill.get("/api/v1/ledgers")["ledgers"][0]["producers"][0]["consumers"][0]
    assert (consumer["consumed"], consumer["unconsumed"], consumer["latency_ms"]["max"]) == (1, 0, 70)
