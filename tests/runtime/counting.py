"""The counting Task as a process, a load whose every message is known, and what the two must agree on."""

import collections
import json
import os
import random
import signal
import threading
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition

from harness import process
from harness.wait import wait_until

ASK_EVERY = 100


class Load:
    """Sends numbered messages in the background and remembers what was acknowledged (and, with transactions, committed)."""

    def __init__(self, bootstrap, topics, rate=4000, keys=20, **config):
        self.topics, self.rate, self.keys = topics, rate, keys
        self.counted = collections.defaultdict(lambda: [0, 0])  # (topic, key) -> [records, sum of values]
        self.offsets = collections.defaultdict(set)             # (topic, partition) -> offsets
        self.sent = 0
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, **config})
        self._stop = threading.Event()
        self._thread = None

    def _delivered(self, error, message):
        assert error is None, error
        entry = self.counted[message.topic(), message.key().decode()]
        entry[0] += 1
        entry[1] += int(message.value().split()[0])
        self.offsets[message.topic(), message.partition()].add(message.offset())

    def send(self, count, **options):
        """Sends `count` messages now and waits for their acknowledgements."""
        for _ in range(count):
            self._send_one(**options)
        assert self._producer.flush(60) == 0

    def _send_one(self, remember=True, **options):
        value = b"%d %s" % (self.sent, b"x" * (self.sent % 200))
        topic = self.topics[self.sent % len(self.topics)]
        while True:
            try:
                self._producer.produce(topic, value, key=b"k%d" % random.randrange(self.keys),
                                       on_delivery=self._delivered if remember else None, **options)
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1
        self._producer.poll(0)

    def transaction(self, count, commit):
        if not hasattr(self, "_transactional"):
            self._producer.init_transactions(30)
            self._transactional = True
        self._producer.begin_transaction()
        for _ in range(count):
            self._send_one(remember=commit)
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
        else:
            self._producer.abort_transaction(30)

    def start(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        began, first = time.monotonic(), self.sent
        while not self._stop.is_set():
            due = first + int((time.monotonic() - began) * self.rate)
            while self.sent < due:
                self._send_one()
            self._producer.poll(0.005)

    def finish(self):
        """Stops sending and waits until everything is acknowledged."""
        self._stop.set()
        if self._thread:
            self._thread.join(30)
        assert self._producer.flush(60) == 0
        assert self.sent > 0
        return self


class Counting:
    """The process. `status` is its newest line, `counted` what it printed at its end."""

    def __init__(self, build_dir, folder, bootstrap, topics, group, **settings):
        self.binary, self.folder = build_dir / "counting_task", folder
        self.bootstrap, self.topics, self.group = bootstrap, topics, group
        self.settings = {"store": f"sqlite:{folder}/counting.db", **settings}
        self.log, self.out = folder / "counting.log", folder / "counting.out"
        self.process = None
        self.prefix = []

    def start(self, failpoint=None, **settings):
        arguments = {"bootstrap": self.bootstrap, "topics": ",".join(self.topics), "group": self.group, **self.settings,
                     **settings}
        env = {"WAYBILL_FAILPOINT": failpoint} if failpoint else {}
        with open(self.out, "wb") as out, open(self.log, "ab") as log:
            self.process = process.start(
                [*self.prefix, str(self.binary), *(f"{name}={value}" for name, value in arguments.items())],
                stdout=out, stderr=log, env=process.environment(**env))
        return self

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def wait_abort(self, timeout=60):
        """Until the failpoint ends it."""
        code = self.process.wait(timeout)
        assert code == -signal.SIGABRT, f"ended with {code}\n{process.tail(self.log)}"

    def stop(self):
        """SIGTERM: 0 within 10 s."""
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(15)
        assert code == 0, f"ended with {code}\n{process.tail(self.log)}"
        assert time.monotonic() - began < 10

    def close(self):
        if self.process is not None:
            process.stop(self.process, timeout=1)

    def lines(self):
        """Every complete line that this life has printed."""
        text = self.out.read_text() if self.out.exists() else ""
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    @property
    def status(self):
        if self.process.poll():
            raise RuntimeError(f"ended with {self.process.returncode}\n{process.tail(self.log)}")
        found = [line for line in self.lines() if "runners" in line]
        return found[-1] if found else {"runners": [], "checked": []}

    def total(self, name):
        return sum(runner[name] for runner in self.status["runners"])

    def check(self, name):
        """A column of the checked table: {(topic, partition): value}."""
        column = ("asked", "confirmed", "lost", "total").index(name) + 2
        return {(row[0], row[1]): row[column] for row in self.status["checked"]}

    def wait_tasks(self, count, timeout=40):
        wait_until(lambda: self.total("tasks") == count, timeout, f"{count} tasks\n{process.tail(self.log)}")

    def published(self, admin):
        """{(topic, partition): position} that the group has at the broker."""
        request = ConsumerGroupTopicPartitions(self.group)
        try:
            answer = admin.list_consumer_group_offsets([request])[self.group].result(20)
        except KafkaException as error:  # its coordinator is loading, say: not yet
            raise AssertionError(error) from error
        return {(p.topic, p.partition): p.offset for p in answer.topic_partitions if p.offset >= 0}

    def wait_caught_up(self, kafka, timeout=60):
        """Until the published positions are the ends of all logs and every ask is answered."""
        ends = log_ends(kafka, self.topics)
        admin = kafka.admin

        def done():
            assert self.process.poll() is None, process.tail(self.log)
            published = self.published(admin)
            assert {place: published.get(place, 0) for place in ends} == ends, self.status
            assert self.check("asked") == self.check("confirmed")
            return True

        wait_until(done, timeout, f"caught up\n{process.tail(self.log)}")

    def counted(self):
        """{(topic, key): [records, sum]}, after stop()."""
        rows = [line for line in self.lines() if "counted" in line][-1]["counted"]
        return {(row[0], row[1]): [row[2], row[3]] for row in rows}


def log_ends(kafka, topics):
    """{(topic, partition): log end}, transactions included."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "ends"})
    try:
        return {(topic, partition): consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)[1]
                for topic in topics for partition in kafka.admin.list_topics(topic, timeout=10).topics[topic].partitions}
    finally:
        consumer.close()


def assert_exact(counting, load):
    """Stops the process; rows, sums, state and asks are exactly what the load says."""
    counting.stop()  # the last status line comes after the last commit
    asked, confirmed, totals = counting.check("asked"), counting.check("confirmed"), counting.check("total")
    assert counting.counted() == dict(load.counted)
    for place, offsets in load.offsets.items():
        wanted = sum(1 for offset in offsets if offset % ASK_EVERY == 0)
        assert (asked[place], confirmed[place]) == (wanted, wanted), place
        assert totals[place] == len(offsets), place
