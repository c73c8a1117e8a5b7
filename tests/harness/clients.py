"""Kafka clients with the plugin, each in a process of its own, as the test sees them."""

import collections
import json
import pathlib
import subprocess
import sys
import threading

from . import process
from .wait import wait_until

_MAIN = pathlib.Path(__file__).with_name("client_main.py")


class Client:
    """A running client process. Events that the test has not asked for are kept in `events`."""

    def __init__(self, kind, options, log, env=None):
        self.log = log
        with open(log, "ab") as file:
            self.process = process.start([sys.executable, str(_MAIN), kind, json.dumps(options)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                                         env=process.environment(**(env or {})), text=True)
        self.events = []
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_event("ready", 60)

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            with self._lock:
                self.take(event)

    def take(self, event):
        self.events.append(event)

    def command(self, op, **arguments):
        self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self.process.stdin.flush()

    def count_events(self, name):
        with self._lock:
            return sum(1 for event in self.events if event["event"] == name)

    def wait_event(self, name, timeout=60.0, count=1):
        """Waits until the event has come `count` times since the start; returns the newest."""
        wait_until(lambda: self.count_events(name) >= count or self._ended(name), timeout,
                   f"event {name} x{count} from {self.log}\n{process.tail(self.log, 15)}")
        with self._lock:
            return [event for event in self.events if event["event"] == name][-1]

    def _ended(self, name):
        if self.process.poll() is None or self._reader.is_alive() or name == "closed":
            return False
        raise RuntimeError(f"client ended with {self.process.returncode} before {name}\n{process.tail(self.log)}")

    def call(self, op, answer="done", timeout=60.0, **arguments):
        """Sends a command and waits for its answer."""
        before = self.count_events(answer)
        self.command(op, **arguments)
        return self.wait_event(answer, timeout, before + 1)

    def close(self, timeout=60.0):
        """Orderly end: everything flushed, the group left."""
        if self.process.poll() is None:
            self.command("close")
        self.process.wait(timeout)
        self._reader.join(10)
        assert self.process.returncode == 0, f"exit {self.process.returncode}\n{process.tail(self.log)}"

    def kill(self):
        """SIGKILL: nothing is flushed, no last report."""
        self.process.kill()
        self.process.wait(10)
        self._reader.join(10)


class Producer(Client):
    """`acked` has (topic, partition, offset, time_ms, latency_us) of every acknowledged message, followed by its id when ids
    were asked for, `failed` error codes."""

    def __init__(self, options, log, env=None):
        self.acked = []
        self.failed = collections.Counter()
        super().__init__("producer", options, log, env)

    def take(self, event):
        if event["event"] == "acked":
            self.acked.extend(tuple(message) for message in event["messages"])
        elif event["event"] == "failed":
            self.failed[event["code"]] += 1
        else:
            self.events.append(event)

    def send(self, topic, count, wait=True, patience=30, **options):
        """Sends `count` messages; with `wait` returns when all have been acknowledged or failed, which may take `patience`
        seconds."""
        sent = self.count_events("sent")
        self.command("send", topic=topic, count=count, **options)
        if wait:
            self.wait_event("sent", 300, sent + 1)
            self.flush(patience)

    def transaction(self, op):
        """begin, commit or abort."""
        self.call(op)

    def finish(self, abort):
        """Ends the transaction, through faults of the broker; returns "committed" or "aborted"."""
        return self.call("finish", abort=abort, timeout=120)["outcome"]

    def flush(self, patience=30):
        before = self.count_events("flushed")
        self.command("flush", timeout=patience)
        assert self.wait_event("flushed", patience + 30, before + 1)["left"] == 0, "sends without an outcome"


class Consumer(Client):
    """`messages` has (topic, partition, offset, time_ms, latency_ms) of every message handed out, in order, followed by its
    id when ids were asked for. `last` has the newest offset of each (topic, partition), `runs` what a client that was asked
    for runs was handed out: (topic, partition, first, last)."""

    def __init__(self, options, log, env=None):
        self.messages, self.runs, self.last = [], [], {}
        super().__init__("consumer", options, log, env)

    def take(self, event):
        if event["event"] == "messages":
            self.messages.extend(tuple(message) for message in event["messages"])
            self.last.update(((m[0], m[1]), m[2]) for m in event["messages"])
        elif event["event"] == "runs":
            self.runs.extend(tuple(run) for run in event["runs"])
            self.last.update(((run[0], run[1]), run[3]) for run in event["runs"])
        else:
            self.events.append(event)

    def offsets(self, topic, partition):
        """Offsets handed out, in order of hand-out, repeats included."""
        with self._lock:
            return [m[2] for m in self.messages if m[0] == topic and m[1] == partition]

    def wait_messages(self, count, timeout=120.0):
        wait_until(lambda: len(self.messages) >= count or self._ended("messages"), timeout,
                   f"{count} messages handed out ({self.log})")

    def assignment(self):
        """[topic, partition] pairs of the newest assignment."""
        with self._lock:
            changes = [e for e in self.events if e["event"] in ("assigned", "revoked")]
        return changes[-1]["partitions"] if changes and changes[-1]["event"] == "assigned" else []

    def pause(self):
        """Stops polling: nothing more is handed out."""
        self.call("pause")

    def resume(self):
        self.call("resume")

    def seek(self, topic, partition, offset):
        self.call("seek", topic=topic, partition=partition, offset=offset)

    def jump(self, jumps):
        """[topic, partition, at, to]: when `at` was handed out it seeks to `to`, once; event "jumped", or "stayed"."""
        self.call("jump", jumps=jumps)

    def commit(self):
        return self.call("commit", "committed")["positions"]


def read_and_pause(producer, consumer, topic, each, partitions=4):
    """Sends `each` messages to every partition, all of which the consumer is handed before it pauses."""
    consumer.wait_event("assigned")
    for partition in range(partitions):
        producer.send(topic, each, partition=partition, size=50)
    consumer.wait_messages(each * partitions)
    consumer.pause()


def skip(producer, consumer, topic, each, targets, partitions=4):
    """Of a paused consumer that has read all: `each` more messages to every partition, of which it skips what lies before
    `targets`, (partition, offset)."""
    seen = len(consumer.messages)
    passed = sum(target - consumer.last[topic, partition] - 1 for partition, target in targets)
    for partition in range(partitions):
        producer.send(topic, each, partition=partition, size=50)
    for partition, target in targets:
        consumer.seek(topic, partition, target)
    consumer.resume()
    consumer.wait_messages(seen + each * partitions - passed)


def wait_shared(consumers, partitions, timeout=60.0):
    """Waits until the members of a group share `partitions` partitions among all of them."""
    def shared():
        owned = [c.assignment() for c in consumers]
        return all(owned) and sum(map(len, owned)) == partitions
    wait_until(shared, timeout, f"{len(consumers)} members share {partitions} partitions")


class Clients:
    """Makes producers and consumers for one broker and audit topic, and ends those that are left."""

    def __init__(self, bootstrap, plugin, audit_topic, folder, properties=None):
        self.bootstrap, self.plugin, self.audit_topic, self.folder = bootstrap, plugin, audit_topic, folder
        self.properties = properties or {}
        self._all = []

    def config(self, plugin=True, **properties):
        """librdkafka properties of a client; `_` in the names stands for `.`."""
        config = {"bootstrap.servers": self.bootstrap}
        if plugin:
            config["plugin.library.paths"] = str(self.plugin)
            config["waybill.report.topic"] = self.audit_topic
            config.update(self.properties)
        config.update({name.replace("_", "."): value for name, value in properties.items()})
        return config

    def producer(self, plugin=True, env=None, **properties):
        return self._add(Producer({"config": self.config(plugin, **properties)}, self._log("producer"), env))

    def consumer(self, group, topics, plugin=True, env=None, assign=None, paused=False, ids=False, runs=False,
                 **properties):
        """Reads from the beginning, commits only on request, unless the properties say otherwise. `assign` takes
        [topic, partition, offset] and bypasses the group protocol."""
        settings = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                    "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "fetch.wait.max.ms": 50}
        config = settings | self.config(plugin, **properties)
        options = {"config": config, "topics": topics, "assign": assign, "paused": paused, "ids": ids, "runs": runs}
        return self._add(Consumer(options, self._log(f"consumer-{group}"), env))

    def _log(self, name):
        return self.folder / f"{len(self._all)}-{name}.log"

    def _add(self, client):
        self._all.append(client)
        return client

    def close(self):
        for client in self._all:
            process.stop(client.process, timeout=0.5)
