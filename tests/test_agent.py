"""`waybill agent` with a real broker: every line arrives once, whatever happens to the files and to the agent."""

import gzip
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import time

import pytest
import requests

from harness import process
from harness.agent import Agent, Reader
from harness.wait import wait_until
from test_bad_input import fill, tmpfs_command

PARTITIONS = 4


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_agent(kafka, binary, topic, audit_topic, tmp_path, logs):
    """Makes configured, not yet started agents; all end with the test."""
    made = []

    def make(name="agent", files=None, **options):
        made.append(Agent(binary, tmp_path / name, kafka.bootstrap, options.pop("topic", topic), audit_topic,
                          files or [str(logs / "*.log")], **options))
        return made[-1]

    yield make
    for agent in made:
        agent.close()


@pytest.fixture
def reader(kafka, topic):
    made = Reader(kafka.bootstrap, topic, PARTITIONS)
    yield made
    made.close()


class Writer:
    """A log file that is written and rotated; remembers its lines."""

    def __init__(self, path, name):
        self.path = path
        self.name = name
        self.lines = []
        self.rotated = 0

    def write(self, count):
        new = [json.dumps({"orderId": f"o{random.randrange(1000)}", "line": f"{self.name}-{len(self.lines) + i}"}).encode()
               for i in range(count)]
        with open(self.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in new))
        self.lines += new

    def rotate(self, how):
        self.rotated += 1
        old = self.path.with_name(f"{self.path.name}.{self.rotated}")
        if how == "copytruncate":
            old.write_bytes(self.path.read_bytes())
            os.truncate(self.path, 0)
            return
        self.path.rename(old)
        if how == "gzip":
            packed = old.with_name(old.name + ".gz")
            packed.write_bytes(gzip.compress(old.read_bytes()))
            old.unlink()


def check(reader, lines, timeout=60):
    reader.wait(len(lines), timeout)
    assert sorted(reader.values) == sorted(lines)


def test_lines_carry_key_headers_and_place_and_come_within_a_second(make_agent, reader, logs, kafka):
    agent = make_agent(key="orderId", headers={"business": "pc"}, host="pc-07").start()
    log = logs / "a.log"
    log.write_bytes(b'{"orderId":"o1"}\n')
    reader.wait(1)
    with open(log, "ab") as file:
        file.write(b"no json\r\n" + b"\0nul\n" + b"partial")
    reader.wait(3)
    first, *others = sorted(reader.messages, key=lambda m: m.value() != b'{"orderId":"o1"}')
    assert first.key() == b"o1" and {m.key() for m in others} == {None}
    assert {m.value() for m in others} == {b"no json\r", b"\0nul"}
    headers = dict(first.headers())
    assert headers["business"] == b"pc" and headers["host"] == b"pc-07"
    assert headers["waybill-src"].endswith(b":0")
    began = time.monotonic()
    with open(log, "ab") as file:
        file.write(b" no more\n")
    reader.wait(4)
    assert time.monotonic() - began < 5  # a loaded machine; bench/agent_bench.py has the latency
    agent.stop()


@pytest.mark.parametrize("how", ["rename", "copytruncate", "gzip"])
def test_rotation_loses_and_repeats_nothing(make_agent, reader, logs, how):
    agent = make_agent(files=[str(logs / "*")]).start()
    writers = [Writer(logs / f"{name}.log", name) for name in "abc"]
    for _ in range(3):
        for writer in writers:
            writer.write(100)
        reader.wait(sum(len(w.lines) for w in writers))
        for writer in writers:
            writer.write(20)
            writer.rotate(how)
            writer.write(5)
    check(reader, [line for w in writers for line in w.lines])
    agent.stop()
    assert reader.repeated == 0


def test_a_file_that_was_found_empty_is_the_same_one_after_a_kill(make_agent, reader, logs):
    log = logs / "a.log"
    log.touch()
    agent = make_agent(key="orderId", save_every="1m").start()
    wait_until(lambda: agent.said("a.log: followed from byte 0") or None, 20, "the empty file is followed")
    lines = [json.dumps({"orderId": f"o{i}"}).encode() for i in range(5)]
    log.write_bytes(b"".join(line + b"\n" for line in lines[:4]))
    reader.wait(4)
    agent.kill()  # positions were not stored since
    agent.start()
    with open(log, "ab") as file:
        file.write(lines[4] + b"\n")
    reader.wait(5)
    wait_until(lambda: reader.read() or lines[4] in reader.values or None, 20, "the new line")
    assert sorted(reader.values) == lines and reader.repeated == 4


def test_killed_at_random_every_line_arrives_and_repeats_are_known(make_agent, make_waybill, reader, logs, topic, kafka):
    seed = int(os.environ.get("SEED", time.time()))
    print("SEED", seed)
    random.seed(seed)
    waybill = make_waybill().start()
    agent = make_agent(key="orderId", files=[str(logs / "*")])
    writers = [Writer(logs / f"{name}.log", name) for name in "abcd"]
    kills = 0
    for _ in range(6):
        agent.start()
        end = time.monotonic() + random.uniform(0.3, 1.5)
        while time.monotonic() < end:
            writer = random.choice(writers)
            writer.write(random.randrange(1, 400))
            if random.random() < 0.1:
                writer.rotate("rename")
            time.sleep(0.01)
        agent.kill()
        kills += 1
        for writer in writers:
            writer.write(30)
            if random.random() < 0.3:
                writer.rotate(random.choice(["rename", "gzip", "copytruncate"]))
                writer.write(10)
    agent.start()
    check(reader, [line for w in writers for line in w.lines], 90)
    agent.stop()
    assert kills == 6 and reader.repeated > 0, "no kill came between an acknowledgement and its position"

    def audited():
        # The broker's own count and what the agents said they got acknowledged: killed ones may have said less.
        from_agents = waybill_rows(waybill, topic)
        assert from_agents["produced"] > 0 and from_agents["custom"] > 0
        return True
    wait_until(audited, 60, "the hop is audited")
    with sqlite3.connect(f"file:{waybill.store}?mode=ro", uri=True) as store:
        assert store.execute("SELECT * FROM audit_finding WHERE topic = ? AND state = 'lost'", (topic,)).fetchall() == []


def waybill_rows(waybill, topic):
    """Messages per tier in the store."""
    with sqlite3.connect(f"file:{waybill.store}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT tier, sum(count) FROM audit_rate WHERE topic = ? GROUP BY tier", (topic,)).fetchall()
    return {"produced": 0, "custom": 0, **{tier: count for tier, count in rows if tier in ("produced", "custom")}}


def test_what_was_read_and_what_was_acknowledged_are_the_same_number(make_agent, make_waybill, reader, logs, topic):
    waybill = make_waybill().start()
    agent = make_agent().start()
    writer = Writer(logs / "a.log", "a")
    writer.write(5000)
    check(reader, writer.lines)
    agent.stop()
    wait_until(lambda: waybill_rows(waybill, topic) == {"produced": 5000, "custom": 5000}, 60, "5000 at both tiers")


def test_bad_files_do_not_stop_the_others(make_agent, reader, logs):
    (logs / "folder.log").mkdir()
    (logs / "long.log").write_bytes(b"before\n" + b"x" * 100_000_000 + b"\nafter\n")
    (logs / "gone.log").write_bytes(b"gone\n")
    locked = logs / "locked.log"
    locked.write_bytes(b"locked\n")
    locked.chmod(0)
    (logs / "b.log.gz").write_bytes(b"\x1f\x8b broken")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    agent = make_agent(files=[str(logs / "*.log*")], command=as_nobody)
    folder = agent.folder
    while folder != folder.parent and as_nobody:
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    agent.folder.chmod(0o777)
    open_file = open(logs / "gone.log", "ab")
    agent.start()
    reader.wait(3)
    (logs / "gone.log").unlink()
    open_file.write(b"written after its end\n")
    open_file.close()
    reader.wait(4)
    assert sorted(reader.values) == [b"after", b"before", b"gone", b"written after its end"]
    assert agent.said("a line of 100000000 bytes at byte 7 is over the limit")
    assert agent.said("locked.log: opening: Permission denied")
    locked.chmod(0o644)
    reader.wait(5)
    agent.stop()


def test_a_full_disk_for_the_state_holds_new_files_back_until_there_is_room(make_agent, reader, logs, tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    prefix = tmpfs_command(mount, "64k,nr_inodes=100")
    agent = make_agent(state=mount / "agent.state", command=prefix).start()
    writer = Writer(logs / "a.log", "a")
    writer.write(10)
    reader.wait(10)
    ballast = pathlib.Path(f"/proc/{agent.process.pid}/root{mount}/ballast")
    if prefix is not None:
        with open(ballast, "wb", buffering=0) as file:
            fill(file)
    else:
        mount.rename(tmp_path / "away")  # no right to mount: the folder is gone, which fails in the same way
    other = Writer(logs / "b.log", "b")
    other.write(10)
    writer.write(10)
    wait_until(lambda: agent.said("No space left on device" if prefix else "No such file"), 30, "a clear error")
    if prefix is not None:
        ballast.unlink()
    else:
        (tmp_path / "away").rename(mount)
    check(reader, writer.lines + other.lines)
    agent.stop()


def test_two_agents_on_one_state_and_bad_configurations_are_refused(make_agent, binary, tmp_path):
    agent = make_agent().start()
    wait_until(lambda: agent.state.with_name("agent.state.lock").exists(), 20, "the agent has begun")
    second = subprocess.run([binary, "agent", "-c", agent.config_file], capture_output=True, text=True, timeout=30,
                            env=process.environment())
    assert second.returncode == 3 and "another agent is using it" in second.stderr
    agent.stop()
    for text, fault in (
            ("clusters: {main: {bootstrap.servers: x}}\nagent:\n  topic: t\n", "3:3: agent: the key \"files\" is missing"),
            ("clusters: {main: {bootstrap.servers: x}}\nagent:\n  topic: t\n  fils: [a]\n", "4:3: unknown key \"agent.fils\""),
            ("clusters: {main: {bootstrap.servers: x}}\nagent:\n  topic: t\n  files: [a]\n  cluster: b\n",
             "5:12: agent.cluster: there is no cluster \"b\""),
            ("clusters: {main: {bootstrap.servers: x}}\nagent:\n  topic: t\n  files: [a]\n  multiline: {start: '('}\n",
             "5:22: agent.multiline.start: \"(\": missing )"),
            ("listen: 127.0.0.1:1\nkpis: {}\n", "")):
        file = tmp_path / "bad.yaml"
        file.write_text(text)
        result = subprocess.run([binary, "agent", "-c", file], capture_output=True, text=True, timeout=30)
        assert result.returncode == 2 and f"{file}:{fault}" in result.stderr, result.stderr


def test_metrics_are_served_on_this_machine_only(make_agent, reader, logs, tmp_path, binary):
    port = process.free_port()
    agent = make_agent(metrics=f"127.0.0.1:{port}", key="orderId").start()
    (logs / "a.log").write_bytes(b'{"orderId":"o1"}\nno json\n')
    reader.wait(2)

    def figures():
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
        except requests.RequestException as error:
            raise AssertionError(str(error)) from error
        assert answer.headers["content-type"].startswith("text/plain")
        found = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
        assert found["waybill_agent_delivered_total"] == "2" and found["waybill_agent_behind_bytes"] == "0"
        return found

    found = wait_until(figures, 10, "what was delivered is counted")
    assert [found[f"waybill_agent_{name}"] for name in ("records_total", "unkeyed_total", "files")] == ["2", "1", "1"]
    agent.stop()
    file = tmp_path / "open.yaml"
    file.write_text(agent.config_file.read_text().replace(f"127.0.0.1:{port}", "0.0.0.0:9117"))
    done = subprocess.run([binary, "agent", "-c", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "agent.metrics: only an address of this machine is allowed" in done.stderr
