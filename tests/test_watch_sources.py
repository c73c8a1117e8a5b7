"""Where watches of `waybill run` read: starts of topics, standby processes, topics that go, files and the standard input."""

import datetime
import json
import subprocess
import threading
import time

import pytest
from confluent_kafka import Producer

from harness import process
from harness.wait import wait_until
from harness.waybill import run_command

UTC = datetime.timezone.utc


def at(*parts):
    return int(datetime.datetime(*parts, tzinfo=UTC).timestamp() * 1000)


def lines(server):
    return sum(source["lines"] for source in server.get("/api/v1/watches")["sources"])


def matched(server):
    return {watch["name"]: watch["matched"] for watch in server.get("/api/v1/watches")["watches"]}


def owned(server):
    """Partitions by topic."""
    return {(p["topic"], p["partition"]) for s in server.get("/api/v1/sources")["sources"] for p in s["partitions"]}


def send(kafka, topic, values, partition=0, times=None):
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for i, value in enumerate(values):
        producer.produce(topic, value, partition=partition, **({"timestamp": times[i]} if times else {}))
    assert producer.flush(60) == 0


def test_each_start_begins_where_it_says_and_only_once(kafka, make_server, unique):
    """Shanghai's 26 December 2018 begins at 16:00 of the 25th in UTC."""
    times = [at(2018, 12, 25, 15, 59, 59), at(2018, 12, 25, 16), at(2018, 12, 25, 23, 59, 59), at(2018, 12, 26), at(2019, 1, 1)]
    starts = {"begin": ({"start": "begin"}, 5), "end": ({"start": "end"}, 0),
              "rfc": ({"start": "2018-12-26T00:00:00Z"}, 2), "offset": ({"start": "2018-12-26T00:00:00+08:00"}, 4),
              "local": ({"start": "2018-12-26 0:0:0", "zone": "Asia/Shanghai"}, 4),
              "utc": ({"start": "2018-12-26 0:0:0"}, 2), "later": ({"start": "2019-01-01 0:0:1"}, 0)}
    topics = {name: kafka.create_topic(unique(name), partitions=1, retention_ms=-1) for name in starts}
    for topic in topics.values():
        send(kafka, topic, [b"old"] * 5, times=times)

    def config(everywhere=None):
        return {"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": group},
                "watches": {name: {"text": "o", "sources": [{"cluster": "main", "topics": [topics[name]],
                                                             **(everywhere or starts[name][0])}]} for name in starts}}
    group = unique("starts")
    server = make_server(config()).start()
    wait_until(lambda: len(owned(server)) == len(topics), 30, "all topics are read")
    want = {name: count for name, (_, count) in starts.items()}
    wait_until(lambda: matched(server) == want, 30, "what each start says")
    for topic in topics.values():
        send(kafka, topic, [b"now"] * 3)
    want = {name: count + 3 for name, count in want.items()}
    wait_until(lambda: matched(server) == want, 30, "what came since, everywhere")
    server.stop()
    send(kafka, topics["end"], [b"now"] * 2)
    server.start()
    want["end"] += 2
    wait_until(lambda: matched(server) == want, 30, "a position goes before the start")


def test_a_standby_takes_over_within_the_session_timeout(kafka, postgresql, make_server, unique):
    topic = kafka.create_topic(unique("lonely"), partitions=1)
    schema = unique("standby").replace("-", "_")
    postgresql.make(schema)
    config = {"store": postgresql.place(schema), "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}},
              "watch": {"group": unique("standby")},
              "watches": {"all": {"text": "m", "sources": [{"cluster": "main", "topics": [topic], "start": "begin"}]}}}
    servers = [make_server(config, f"server{i}").start() for i in range(2)]
    wait_until(lambda: any(owned(server) for server in servers), 30, "one has the partition")
    send(kafka, topic, [b"m"] * 100)
    wait_until(lambda: matched(servers[0]) == {"all": 100}, 30, "what is there is counted")
    owner = next(server for server in servers if owned(server))
    standby = next(server for server in servers if server is not owner)
    assert not owned(standby)
    owner.kill()
    killed = time.monotonic()
    send(kafka, topic, [b"m"] * 50)
    wait_until(lambda: matched(standby) == {"all": 150}, 15, "the standby goes on")
    assert time.monotonic() - killed < 6 + 2, "the session timeout is 6 s"


@pytest.mark.full
def test_a_topic_that_is_deleted_while_read_is_said_and_the_others_go_on(kafka, make_server, unique):
    gone, stays = (kafka.create_topic(unique(name), partitions=1) for name in ("gone", "stays"))
    server = make_server({"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": unique("deleted")},
                          "watches": {name: {"text": "m", "sources": [{"cluster": "main", "topics": [topic], "start": "begin"}]}
                                      for name, topic in (("gone", gone), ("stays", stays))}}).start()
    send(kafka, gone, [b"m"] * 20)
    wait_until(lambda: matched(server) == {"gone": 20, "stays": 0}, 30, "both are read")
    kafka.delete_topic(gone)

    def said():
        return [s for s in server.get("/api/v1/sources")["sources"] if s["degraded"] and gone in s["detail"]]
    wait_until(said, 30, "the deleted topic is named")
    send(kafka, stays, [b"m"] * 10)
    wait_until(lambda: matched(server) == {"gone": 20, "stays": 10}, 30, "the other goes on")
    kafka.create_topic(gone, partitions=1)
    send(kafka, gone, [b"m"] * 5)
    wait_until(lambda: matched(server) == {"gone": 25, "stays": 10}, 40, "the topic that came back is read")
    entry = next(s for s in server.get("/api/v1/watches")["sources"] if s["topic"] == gone)
    assert entry["gaps"] == 1 and entry["gap_messages"] == 15  # of 20 offsets that were read, 5 exist again
    assert {w["name"]: w["complete"] for w in server.get("/api/v1/watches")["watches"]} == {"gone": False, "stays": True}


def test_records_from_the_future_count_when_they_are_read(kafka, make_server, unique):
    topic = kafka.create_topic(unique("future"), partitions=1)
    now = int(time.time() * 1000)
    send(kafka, topic, [b"m"] * 3, times=[now, now + 30 * 60_000, now + 50 * 60_000])
    ahead = kafka.create_topic(unique("ahead"), partitions=1, message_timestamp_after_max_ms=10**15)
    send(kafka, ahead, [b"m"] * 4, times=[now + 2 * 3_600_000, now + 10**12, now, 10**14])
    server = make_server({"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": unique("future")},
                          "watches": {"all": {"text": "m", "sources": [{"cluster": "main", "topics": [topic, ahead],
                                                                        "start": "begin"}]}}}).start()
    wait_until(lambda: matched(server) == {"all": 7}, 30, "all are counted")
    assert {s["topic"]: s["ahead"] for s in server.get("/api/v1/watches")["sources"]} == {topic: 0, ahead: 3}
    windows = server.get("/api/v1/watches/all/windows")["windows"]
    assert sum(window["count"] for window in windows) == 7
    assert max(window["start"] for window in windows) <= now + 3_600_000


# ---- files ----


def files_config(tmp_path, **more):
    return {"watches": {"errors": {"where": {"level": "ERROR"}, "by": ["host"], "sources": [
        {"files": [str(tmp_path / "log" / "*.log")], "exclude": ["*/debug.log"], "start": "begin"}]}, **more}}


def line(number, level="ERROR", host="a"):
    return json.dumps({"n": number, "level": level, "host": host}) + "\n"


class Writer(threading.Thread):
    """Writes lines into app.log, which it renames to app.log.N every 500 lines, until it is told to stop."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.live, self.written, self.done = folder / "app.log", 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.is_set():
            with self.live.open("a") as out:
                for _ in range(10):
                    for n in range(self.written, self.written + 50):
                        out.write(line(n, "ERROR" if n % 3 == 0 else "INFO", f"h{n % 4}"))
                    out.flush()
                    self.written += 50
                    time.sleep(0.02)
            self.live.rename(self.live.with_name(f"app.log.{self.written // 500}"))

    def finish(self):
        self.done.set()
        self.join()


def files_through_restarts(make_server, tmp_path, end, times):
    """A writer that rotates, and a server that ends again and again while it reads: every line counts once."""
    folder = tmp_path / "log"
    folder.mkdir()
    config = files_config(tmp_path)
    config["watches"]["errors"]["sources"][0]["files"] = [str(folder / "app.log*")]
    server = make_server(config).start()
    writer = Writer(folder)
    for _ in range(times):
        before = lines(server)
        wait_until(lambda: lines(server) > before + 200, 30, "it reads")
        end(server)
        server.start()
    writer.finish()
    wait_until(lambda: lines(server) >= writer.written, 30, "every line is read")
    assert lines(server) == writer.written
    assert matched(server) == {"errors": len(range(0, writer.written, 3))}
    by_host = dict.fromkeys((f"h{i}" for i in range(4)), 0)
    for window in server.get("/api/v1/watches/errors/windows")["windows"]:
        by_host[window["by"]["host"]] += window["count"]
    assert by_host == {f"h{i}": sum(n % 4 == i for n in range(0, writer.written, 3)) for i in range(4)}
    for source in server.get("/api/v1/watches")["sources"]:
        assert (source["cluster"][:6], source["partition"], source["malformed"]) == ("files@", 0, 0)
        assert source["topic"].startswith(str(folder / "app.log"))
    for sample in server.get("/api/v1/watches/errors/samples")["samples"]:
        assert json.loads(sample["text"])["level"] == "ERROR"


def test_files_are_counted_exactly_through_rotation_and_restarts(make_server, tmp_path):
    files_through_restarts(make_server, tmp_path, lambda server: server.stop(), 2)


@pytest.mark.full
def test_files_are_counted_exactly_through_rotation_and_kills(make_server, tmp_path):
    """The lease of a killed process runs out after 10 s; the next one goes on then."""
    files_through_restarts(make_server, tmp_path, lambda server: server.kill(), 3)


def test_files_begin_at_the_end_once_and_lines_written_while_away_count(make_server, tmp_path):
    (tmp_path / "log").mkdir()
    log = tmp_path / "log" / "app.log"
    log.write_text(line(1) * 10)
    config = files_config(tmp_path)
    config["watches"]["errors"]["sources"][0]["start"] = "end"
    server = make_server(config).start()
    wait_until(lambda: "1 files, 0 bytes behind" in server.get("/api/v1/sources")["sources"][0]["detail"], 20, "it is followed")
    server.stop()
    with log.open("a") as out:
        out.write(line(2) * 3)
    (tmp_path / "log" / "new.log").write_text(line(3) * 2)
    server.start()
    wait_until(lambda: matched(server) == {"errors": 5}, 20, "what was written while it was away")


def test_bad_lines_of_files_are_counted_and_lose_nothing_else(make_server, tmp_path):
    """A line of 100 MB, no JSON, cut off JSON, bad UTF-8, an object for a text, and patterns that blow up elsewhere."""
    (tmp_path / "log").mkdir()
    with (tmp_path / "log" / "app.log").open("wb") as out:
        out.write(line(1).encode())
        for _ in range(100):
            out.write(b'"level":"ERROR"' + b"a" * 999_985)
        out.write(b"\n" + b'{"level":"ERROR"\n' + b'{"level":"ERROR\xff"}\n' + b"ERROR\n" + b'{"level":{"x":"ERROR"}}\n')
        out.write(b'{"level":"' + b"a" * 200_000 + b'"}\n' + line(2).encode())
    blow_up = {f"blow-{i}": {"where": {"level": pattern}, "sources": [{"files": [str(tmp_path / "log" / "app.log")],
                                                                     "start": "begin"}]}
               for i, pattern in enumerate(("(a+)+$", "(a|aa)+$", "(.*a){20}$"))}
    server = make_server(files_config(tmp_path, **blow_up)).start()
    wait_until(lambda: lines(server) == 8, 60, "all lines are read")
    assert matched(server) == {"errors": 2, "blow-0": 1, "blow-1": 1, "blow-2": 1}
    assert server.get("/api/v1/watches")["sources"][0]["malformed"] >= 3
    assert "is over the limit of 16777216 and was skipped" in server.log_text()


def test_the_standard_input_is_a_source(binary, make_server, tmp_path):
    server = make_server({"watches": {
        "errors": {"where": {"level": "ERROR"}, "sources": [{"stdin": "app"}]},
        "both": {"text": "7", "sources": [{"stdin": "app"}, {"files": [str(tmp_path / "*.log")], "start": "begin"}]}}})
    (tmp_path / "x.log").write_text("7\n8\n")
    child = process.start([str(binary), "run", "-c", str(server.config_file)], stdin=subprocess.PIPE, cwd=server.folder,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server.process = child
        server.wait_ready()
        child.stdin.write("".join(line(n) for n in range(1000)).encode() + b'{"level":"ERR')
        child.stdin.flush()
        wait_until(lambda: matched(server)["errors"] == 1000, 20, "whole lines are counted")
        child.stdin.write(b'OR","n":7}')
        child.stdin.close()
        wait_until(lambda: matched(server)["errors"] == 1001, 20, "the last line needs no newline")
        assert matched(server)["both"] == sum("7" in line(n) for n in range(1000)) + 2
        assert {(s["cluster"].split("@")[0], s["topic"], s["lines"]) for s in server.get("/api/v1/watches")["sources"]} == {
            ("stdin", "app", 1001), ("files", str(tmp_path / "x.log"), 2)}
    finally:
        server.stop()


@pytest.mark.full
def test_ten_thousand_rules_are_served(make_server, tmp_path):
    (tmp_path / "log").mkdir()
    config = {"watches": {f"r{i}": {"where": {"m": f"fault-{i}(?:\\D|$)"},
                                    "sources": [{"files": [str(tmp_path / "log" / "*.log")], "start": "begin"}]}
                          for i in range(10_000)}}
    (tmp_path / "log" / "a.log").write_text('{"m":"fault-4711"}\n{"m":"fault-12 fault-13"}\n{"m":"fault-99999"}\n')
    server = make_server(config).start(timeout=60)
    wait_until(lambda: lines(server) == 3, 60, "the lines are read")
    assert {name for name, count in matched(server).items() if count} == {"r4711", "r12", "r13"}


@pytest.mark.parametrize("source, wrong", [
    ({"files": []}, "files is empty"), ({"files": ["/x"], "start": "2018-12-26 0:0:0"}, "their lines have no time"),
    ({"stdin": "a b"}, "a name for what comes there is needed"), ({"cluster": "x", "files": ["/x"]}, "one of cluster"),
    ({}, "one of cluster"), ({"sls": "shop"}, 'there is no project "shop"')])
def test_wrong_sources_are_named(binary, make_server, source, wrong):
    server = make_server({"watches": {"a": {"text": "x", "sources": [source]}}})
    done = run_command(binary, "check", "-c", server.config_file)
    assert done.returncode == 2 and wrong in done.stderr, done.stderr
