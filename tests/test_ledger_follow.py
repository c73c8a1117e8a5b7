"""waybill ledger --follow, and a ledger's topics read once: exactly the known truth."""

import ctypes
import json
import re
import time
import zlib

import pytest
import yaml
from confluent_kafka import Producer

from harness import process
from harness.ledger import LISTS, Follower
from harness.wait import wait_until
from test_ledger import CONSUME, PRODUCE, check_all, check_summary, names, run, summary

PARTITIONS = 3


@pytest.fixture(scope="module")
def logs(binary, tmp_path_factory):
    """(lines, truth): 2000 messages, produced about now."""
    folder = tmp_path_factory.mktemp("logs")
    run(binary, "gen", "ledger", "--messages", 2000, "--seed", 5, "--producers", 6, "--spread-ms", 20000, "--lost-ppm", 8000,
        "--duplicated-ppm", 8000, "--unrecorded-ppm", 6000, "--malformed-ppm", 2000, "--failed-ppm", 3000,
        "--begin-ms", int(time.time() * 1000) - 60_000, "--out", folder / "app.log", "--truth", folder / "truth.json")
    return (folder / "app.log").read_bytes().splitlines(keepends=True), json.loads((folder / "truth.json").read_text())


def configure(folder, truth, deadline="1s", **more):
    roster = [{"name": producer, "consumers": consumers} for producer, consumers in truth["roster"].items()]
    path = folder / "audit.yaml"
    ledger = {"producers": roster, "deadline": deadline, **more.pop("ledger", {})}
    path.write_text(yaml.safe_dump({**more, "ledgers": {"orders": ledger}}, sort_keys=False))
    return path


@pytest.fixture
def follow(binary, tmp_path):
    made = []

    def start(*arguments, folder="follower"):
        (tmp_path / folder).mkdir()
        made.append(Follower(binary, tmp_path / folder, *arguments))
        return made[-1]

    yield start
    for one in made:
        process.stop(one.process, timeout=2)


def append(path, lines):
    with path.open("ab") as file:
        for line in lines:
            file.write(line)


def said(follower, truth):
    """The newest summary, once it holds all lines and everything that is missing is overdue."""
    rows = follower.rows()
    assert rows and rows[-1]["lines"] == truth["lines"]
    missing = sum(c["unconsumed"] for p in rows[-1]["producers"] for c in p["consumers"])
    assert missing == len(truth["lost"])
    return rows[-1]


def test_files_are_followed_over_a_rotation_and_a_cut_line(follow, tmp_path, logs):
    lines, truth = logs
    log = tmp_path / "app.log"
    config = configure(tmp_path, truth)
    third = len(lines) // 3
    append(log, lines[:third])
    figures = follow(tmp_path / "app.log*", "-c", config, "--format", "json")
    told = follow(tmp_path / "app.log*", "-c", config, "--list", "unconsumed", folder="told")
    wait_until(lambda: figures.rows() and figures.rows()[-1]["lines"] == third, 20, "the first lines")
    append(log, [lines[third][:20]])
    time.sleep(0.3)
    append(log, [lines[third][20:], *lines[third + 1:2 * third]])
    log.rename(tmp_path / "app.log.1")
    append(log, lines[2 * third:])
    found = wait_until(lambda: said(figures, truth), 30, "all lines, and what is missing is overdue")
    check_summary(found, truth, idle_pairs=True)
    assert (found["failed"], found["ignored"]) == (truth["failed"], truth["ignored"])
    check_summary(figures.stop()[-1], truth, idle_pairs=True)
    open_now = set()
    for row in told.stop():
        name = f"{row['uid']}|{row['consumer']}"
        (open_now.discard if row.get("late") else open_now.add)(name)
    assert sorted(open_now) == sorted(truth["lost"])


def test_a_late_arrival_is_told_and_bad_lines_have_their_place(follow, tmp_path):
    log = tmp_path / "app.log"
    config = configure(tmp_path, {"roster": {"p": ["c"]}})
    append(log, [PRODUCE % b"1" + b"\n", b'{"broken\n', PRODUCE % b"2" + b"\n", CONSUME % (b"2", b"c", 1542267888600) + b"\n"])
    told = follow(log, "-c", config, "--list", "unconsumed")
    bad = follow(log, "-c", config, "--list", "malformed", folder="bad")
    wait_until(lambda: [row["uid"] for row in told.rows()] == ["1"], 20, "it is overdue")
    append(log, [CONSUME % (b"1", b"c", 1542267888700) + b"\n"])
    wait_until(lambda: len(told.rows()) == 2, 20, "it has arrived")
    first, second = told.stop()
    assert (first["consume_time"], "late" in first, second["uid"], second["late"]) == (None, False, "1", True)
    assert [row["place"] for row in bad.stop()] == [f"{log}@{len(PRODUCE % b'1') + 1}"]


def test_a_pipe_that_ends_makes_what_is_missing_final(binary, tmp_path, logs):
    lines, truth = logs
    config = configure(tmp_path, truth, deadline="10m")
    rows = run(binary, "ledger", "-", "--follow", "-c", config, "--format", "json", stdin=b"".join(lines)).splitlines()
    check_summary(json.loads(rows[-1]), truth, idle_pairs=True)
    run(binary, "ledger", "-", "--follow", "-c", config, "--fail-on", "unconsumed", stdin=b"".join(lines), code=1)
    listed = names(binary, "-", "--follow", "-c", config, "--list", "unrecorded", stdin=b"".join(lines))
    assert listed == sorted(truth["unrec"])


@pytest.fixture(scope="module")
def topic(kafka, logs):
    """The lines in three of four partitions, in transactions of a compressing producer."""
    name = kafka.create_topic(f"ledger-once-{time.time_ns()}", partitions=PARTITIONS + 1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "compression.type": "zstd", "transactional.id": name})
    producer.init_transactions()
    lines = logs[0]
    for begin in range(0, len(lines), 1000):
        producer.begin_transaction()
        for i, line in enumerate(lines[begin:begin + 1000], begin):
            consumer = re.search(rb'"consumer":"([^"]*)"', line)
            producer.produce(name, line.rstrip(b"\n"),
                             partition=zlib.crc32(consumer.group(1)) % PARTITIONS if consumer else i % PARTITIONS)
        producer.commit_transaction()
    return name


@pytest.fixture
def open_transaction(kafka, topic):
    """A transaction in the topic that is open while the test runs, and aborted then."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": f"open-{topic}"})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, PRODUCE % b"never committed", partition=0)
    producer.flush(10)
    yield
    producer.abort_transaction()


def test_topics_are_read_once_up_to_where_they_end(binary, kafka, tmp_path, logs, topic, open_transaction):
    truth = logs[1]
    config = configure(tmp_path, truth, clusters={"main": {"bootstrap.servers": kafka.bootstrap}},
                       ledger={"source": {"cluster": "main", "topics": [topic]}})
    for which, key in LISTS.items():
        assert names(binary, "-c", config, "-g", "orders", "--list", which) == sorted(truth[key]), which
    found = summary(binary, "-c", config, "-g", "orders", "-t", 1)
    check_summary(found, truth, idle_pairs=True)
    places = [json.loads(row)["place"] for row in run(binary, "ledger", "-c", config, "--list", "malformed").splitlines()]
    assert len(places) == truth["malformed"] and all(re.fullmatch(rf"{topic}\[[0-2]\]@\d+", place) for place in places)
    assert summary(binary, "-c", config, "-t", 0)["lines"] == 0
    groups = {group.group_id for group in kafka.admin.list_consumer_groups().result(10).valid}
    assert not [name for name in groups if name.startswith("waybill-ledger-once")], "nothing is committed"


def test_topics_are_followed(follow, kafka, tmp_path, logs, topic):
    truth = logs[1]
    config = configure(tmp_path, truth, clusters={"main": {"bootstrap.servers": kafka.bootstrap}},
                       ledger={"source": {"cluster": "main", "topics": [topic]}})
    follower = follow("-c", config, "--format", "json")
    found = wait_until(lambda: said(follower, truth), 30, "all lines, and what is missing is overdue")
    check_summary(found, truth, idle_pairs=True)
    follower.stop()


def test_a_source_that_cannot_be_read_is_told(binary, tmp_path):
    config = tmp_path / "audit.yaml"
    config.write_text("ledgers:\n  orders: {discover: true}\n")
    run(binary, "ledger", "-c", config, code=2)
    run(binary, "ledger", code=2)
    run(binary, "ledger", "-", "x.log", "--follow", code=2)


def test_zstd_files_give_the_same_truth(binary, tmp_path, logs):
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZSTD_compressBound.restype = zstd.ZSTD_compress.restype = ctypes.c_size_t
    zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    zstd.ZSTD_compress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]

    def compress(content):
        room = ctypes.create_string_buffer(zstd.ZSTD_compressBound(len(content)))
        size = zstd.ZSTD_compress(room, len(room), content, len(content), 3)
        return room.raw[:size]

    lines, truth = logs
    half = len(lines) // 2
    frames = [compress(b"".join(lines[:half])), compress(b"".join(lines[half:]))]
    path = tmp_path / "app.log.zst"
    path.write_bytes(b"".join(frames))
    check_all(binary, path, truth)
    path.write_bytes(frames[0] + frames[1][:-100])  # cut off: what is there is counted, and it is an error
    found = json.loads(run(binary, "ledger", path, "--format", "json", code=3))
    assert half <= found["lines"] < truth["lines"]
