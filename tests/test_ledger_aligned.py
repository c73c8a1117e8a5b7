"""A ledger over topics that are keyed by the message's id, shared by two processes on PostgreSQL: exact whoever is killed."""

import json
import re
import subprocess
import time
import zlib

import pytest
from confluent_kafka import Producer

from harness.ledger import differences
from harness.wait import wait_until
from harness.waybill import FAILPOINTS, Waybill

PARTITIONS = 4
SMALL = {"messages": 4_000, "kills": 2}
LARGE = {"messages": 60_000, "kills": 8}


def generate(binary, folder, messages):
    subprocess.run([binary, "gen", "ledger", "--messages", str(messages), "--seed", "17", "--producers", "12", "--spread-ms", "20000",
                    "--lost-ppm", "4000", "--duplicated-ppm", "4000", "--unrecorded-ppm", "3000", "--malformed-ppm", "1000",
                    "--begin-ms", str(int(time.time() * 1000) - 60_000), "--out", folder / "app.log",
                    "--truth", folder / "truth.json"], check=True, timeout=60)
    return (folder / "app.log").read_bytes().splitlines(), json.loads((folder / "truth.json").read_text())


class Sender:
    """Produce lines to one topic, consume lines to the other, each in the partition of its id."""

    def __init__(self, kafka, topics):
        self.producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
        self.topics = topics

    def send(self, lines):
        for line in lines:
            uid = re.search(rb'"uid":"([^"]*)"', line)
            topic = self.topics[b"tmmConsume" in line]
            self.producer.produce(topic, line, partition=zlib.crc32(uid.group(1)) % PARTITIONS if uid else 0)
            self.producer.poll(0)
        assert self.producer.flush(60) == 0


@pytest.fixture
def two(binary, kafka, tmp_path, postgresql, unique):
    """Makes two `waybill run` of one ledger in one database; not started."""
    made = []

    def make(truth):
        topics = [kafka.create_topic(unique(f"ledger-{kind}"), partitions=PARTITIONS) for kind in ("sent", "handled")]
        schema = unique("ledger").replace("-", "_")
        postgresql.make(schema)
        roster = [{"name": producer, "consumers": consumers} for producer, consumers in truth["roster"].items()]
        ledger = {"producers": roster, "deadline": "2s",
                  "source": {"cluster": "main", "topics": topics, "plan": "aligned", "group": unique("ledger")}}
        for name in ("one", "other"):
            made.append(Waybill(binary, tmp_path / name, config={
                "store": postgresql.place(schema), "ledgers": {"orders": ledger},
                "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}}))
        return made, Sender(kafka, topics)

    yield make
    for waybill in made:
        waybill.close()


def tasks(waybill):
    return waybill.metric("waybill_runner_tasks", engine="ledger")


def read(waybill):
    found = waybill.get("/api/v1/ledgers")["ledgers"]
    return found[0]["lines"] if found else 0


def run_with_kills(binary, tmp_path, two, size):
    lines, truth = generate(binary, tmp_path, size["messages"])
    servers, sender = two(truth)
    for server in servers:
        server.start()
    wait_until(lambda: [tasks(server) for server in servers] == [2, 2], 30, "the partitions are shared")
    part = len(lines) // (size["kills"] + 1) + 1
    for turn in range(size["kills"] + 1):
        sender.send(lines[turn * part:(turn + 1) * part])
        if turn == size["kills"]:
            break
        one, other = servers[turn % 2], servers[1 - turn % 2]
        wait_until(lambda done=turn * part: read(other) > done + part // 4, 60, "it reads")
        one.kill()
        one.start()
    wait_until(lambda: not differences(servers[0], truth), 90, "the ledger says the truth")
    assert not differences(servers[1], truth)


def test_two_processes_that_are_killed_in_turn_say_the_truth(binary, tmp_path, two):
    run_with_kills(binary, tmp_path, two, SMALL)


@pytest.mark.full
def test_two_processes_that_are_killed_eight_times_say_the_truth(binary, tmp_path, two):
    run_with_kills(binary, tmp_path, two, LARGE)


@pytest.mark.full
@pytest.mark.parametrize("name", FAILPOINTS)
def test_one_of_two_dies_at_a_failpoint(binary, tmp_path, two, name):
    lines, truth = generate(binary, tmp_path, SMALL["messages"])
    (one, other), sender = two(truth)
    other.start()
    sender.send(lines[:len(lines) // 2])
    one.start(ready=False, WAYBILL_FAILPOINT=f"{name}:3")
    sender.send(lines[len(lines) // 2:])
    assert one.process.wait(60) == -6
    wait_until(lambda: not differences(other, truth), 90, "the other says the truth")
