"""`forward:` of watches: every matched record reaches its sink, through kill -9 and sinks that are down."""

import collections
import re
import socket
import subprocess
import threading
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from harness import process
from harness.wait import wait_until


class TcpReceiver(threading.Thread):
    """Reads octet-counted syslog messages on a port that may be opened late."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.messages = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                while digits := stream_digits(stream):
                    body = stream.read(int(digits))
                    if len(body) == int(digits):
                        self.messages.append(body)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def stream_digits(stream):
    digits = b""
    while (byte := stream.read(1)) and byte != b" ":
        digits += byte
    return digits


def send(kafka, topic, lines, start=0):
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for i, line in enumerate(lines, start):
        producer.produce(topic, line, key=f"key-{i}".encode() if i % 3 else None, timestamp=1_700_000_000_000 + i, partition=i % 4)
    assert producer.flush(30) == 0


def read_all(kafka, topic, partitions):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader", "enable.auto.commit": False})
    places = [TopicPartition(topic, p, 0) for p in range(partitions)]
    left = sum(consumer.get_watermark_offsets(p, timeout=10)[1] for p in places)
    consumer.assign(places)
    found = []
    while len(found) < left:
        message = consumer.poll(10)
        assert message is not None and message.error() is None
        found.append(message)
    consumer.close()
    return found


def drained(server):
    return server.metric("waybill_outbox_rows") == 0 and server.metric("waybill_forwarded_messages_total") > 0


def lines_read(server):
    return sum(source["lines"] for source in server.get("/api/v1/watches")["sources"])


def test_every_match_arrives_through_kills_and_a_sink_that_was_down(kafka, make_server, unique):
    topic, target = kafka.create_topic(unique("in"), partitions=4), kafka.create_topic(unique("out"), partitions=2)
    port = process.free_port()
    sources = [{"cluster": "main", "topics": [topic], "start": "begin"}]
    server = make_server({
        "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": unique("forwarders")},
        "watches": {"errors": {"sources": sources, "text": "ERROR", "forward": {"cluster": "main", "topic": target}},
                    "fatal": {"sources": sources, "text": "FATAL", "severity": "critical",
                              "forward": {"syslog": f"tcp://127.0.0.1:{port}"}}}})
    server.start()
    total = 6_000
    kinds = ("ERROR", "FATAL", "INFO")
    lines = [f"{kinds[i % 3 if i % 10 == 0 else 2]} line {i}\tend".encode() for i in range(total)]
    errors = {i for i in range(total) if lines[i].startswith(b"ERROR")}
    fatal = {i for i in range(total) if lines[i].startswith(b"FATAL")}
    for turn in range(2):
        send(kafka, topic, lines[turn * total // 2:(turn + 1) * total // 2], turn * total // 2)
        if turn == 0:
            wait_until(lambda: lines_read(server) > 100, 15, "some lines are read")
            server.kill()
            server.start()
    wait_until(lambda: lines_read(server) == total, 60, "all lines are read")
    wait_until(lambda: server.metric("waybill_forward_failures_total") > 0, 10, "the closed port is noticed")
    assert server.metric("waybill_outbox_rows") >= len(fatal)
    receiver = TcpReceiver(port)
    wait_until(lambda: drained(server), 60, "the outbox is empty")
    server.stop()
    receiver.close()

    found = collections.defaultdict(list)
    for message in read_all(kafka, target, 2):
        found[int(message.value().split()[2])].append(message)
    assert set(found) == errors
    for i, messages in found.items():
        for message in messages:
            assert message.value() == lines[i] and message.timestamp()[1] == 1_700_000_000_000 + i
            assert message.key() == (f"key-{i}".encode() if i % 3 else None)
            headers = dict(message.headers())
            assert headers["waybill-watch"] == b"errors"
            assert headers["waybill-source"].startswith(f"main/{topic}/{i % 4}/".encode())
    shape = re.compile(rb"<130>1 2023-11-14T22:13:2\d\.\d{3}Z \S+ waybill \d+ fatal \[meta sequenceId=\"\d+\"\] FATAL line (\d+)#011end")
    assert {int(shape.fullmatch(message)[1]) for message in receiver.messages} == fatal


def test_a_full_outbox_pauses_reading_and_loses_nothing(kafka, make_server, unique):
    topic = kafka.create_topic(unique("in"), partitions=4)
    port = process.free_port()
    server = make_server({
        "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}},
        "watch": {"group": unique("forwarders"), "outbox_rows": 50},
        "watches": {"all": {"sources": [{"cluster": "main", "topics": [topic], "start": "begin"}], "text": "line",
                            "forward": {"syslog": f"tcp://127.0.0.1:{port}"}}}}).start()
    send(kafka, topic, [f"line {i}".encode() for i in range(100)])
    wait_until(lambda: server.metric("waybill_outbox_rows") >= 50, 15, "the outbox is full")
    held = server.metric("waybill_outbox_rows")
    send(kafka, topic, [f"line {i}".encode() for i in range(100, 1_000)], 100)
    wait_until(lambda: server.metric("waybill_runner_commit_failures_total") > 0, 15, "commits are refused")
    time.sleep(1)
    assert server.metric("waybill_outbox_rows") == held
    receiver = TcpReceiver(port)
    wait_until(lambda: len({m.rsplit(b" ", 1)[1] for m in receiver.messages}) == 1_000, 40, "all lines arrive")
    receiver.close()


def test_syslog_over_udp(kafka, make_server, unique):
    topic = kafka.create_topic(unique("in"), partitions=4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(15)
        make_server({
            "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "watch": {"group": unique("forwarders")},
            "watches": {"all": {"sources": [{"cluster": "main", "topics": [topic], "start": "begin"}], "text": "line",
                                "forward": {"syslog": f"udp://127.0.0.1:{receiver.getsockname()[1]}"}}}}).start()
        send(kafka, topic, ["line \u00e9\n".encode() + b"\xff" + b"x" * 20_000])
        message = receiver.recv(65_536)
    assert message.startswith(b"<132>1 2023-11-14T22:13:20.000Z ")
    assert "] line \u00e9#012\ufffdxxx".encode() in message and len(message) == 8_192


def test_a_wrong_syslog_address_or_bound_is_told_with_its_place(binary, tmp_path):
    file = tmp_path / "waybill.yaml"
    file.write_text("""clusters: {main: {bootstrap.servers: "127.0.0.1:1"}}
watch: {outbox_rows: 0}
watches:
  a: {sources: [{cluster: main, topics: [t]}], text: x, forward: {syslog: "udp://nohost"}}
""")
    done = subprocess.run([binary, "check", "-c", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "waybill.yaml:2:22: watch.outbox_rows" in done.stderr
    assert "waybill.yaml:4:66: watches.a.forward.syslog: \"udp://nohost\" is no syslog address" in done.stderr
