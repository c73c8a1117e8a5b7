"""A Kafka client as a process of its own: `client_main.py producer|consumer JSON`. Commands come as JSON lines on standard
input, events go as JSON lines to standard output, so that the test knows exactly what was acknowledged and handed out."""

import json
import os
import queue
import signal
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

_CHUNK = 500


def emit(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def identity(message):
    return message.value().split(b" ", 1)[0].decode()


def commands():
    """A queue of the commands on standard input; "close" at its end."""
    result = queue.Queue()

    def read():
        for line in sys.stdin:
            result.put(json.loads(line))
        result.put({"op": "close"})

    threading.Thread(target=read, daemon=True).start()
    return result


class ProducerProcess:
    """Commands: send {topic, count, size, partition?, keys?, start_ms?, step_ms?, rate?, ids?}, flush, close; with a
    transactional.id also begin, commit, abort, finish {abort}."""

    def __init__(self, config):
        self.client = Producer(config)
        self.chunk = []
        self.sent = 0
        self.ids = False

    def delivered(self, error, message):
        """Outcome of one message: [topic, partition, offset, time_ms, latency_us] or the error's code."""
        if error is not None:
            self.flush_chunk()
            emit(event="failed", code=error.code(), text=error.str(), topic=message.topic())
            return
        self.chunk.append([message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                           int((message.latency() or 0) * 1e6)] + ([identity(message)] if self.ids else []))
        if len(self.chunk) >= _CHUNK:
            self.flush_chunk()

    def flush_chunk(self):
        if self.chunk:
            emit(event="acked", messages=self.chunk)
            self.chunk = []

    def send(self, topic, count, size=100, partition=None, keys=None, start_ms=None, step_ms=0.0, rate=None,
             ids=None, key_step=1):
        """`keys`: how many different keys to cycle through, in steps of `key_step`. `start_ms` and `step_ms` give the record times. `rate` is
        messages per second. `ids`: the value begins with this and a number that no other message has, and
        acknowledgements name it. A list of partitions is taken in turn."""
        payload = b"x" * size
        self.ids = ids is not None
        began = time.monotonic()
        for i in range(count):
            options = {}
            if partition is not None:
                options["partition"] = partition[i % len(partition)] if isinstance(partition, list) else partition
            if ids is not None:
                payload = f"{ids}-{self.sent} ".encode().ljust(size, b"x")
            if keys:
                options["key"] = b"key-%d" % (self.sent * key_step % keys)
            if start_ms is not None:
                options["timestamp"] = int(start_ms + i * step_ms)
            while True:
                try:
                    self.client.produce(topic, payload, on_delivery=self.delivered, **options)
                    break
                except BufferError:
                    self.client.poll(0.05)
            self.sent += 1
            self.client.poll(0)
            if rate and i / rate > time.monotonic() - began:
                self.client.poll(max(0.0, began + i / rate - time.monotonic()))
        emit(event="sent", count=count)

    def finish(self, abort):
        """Ends the transaction whatever happens to the broker meanwhile; says how it ended."""
        while True:
            try:
                if abort:
                    self.client.abort_transaction()
                else:
                    self.client.commit_transaction()
                return "aborted" if abort else "committed"
            except KafkaException as error:
                if error.args[0].txn_requires_abort():
                    abort = True
                elif not error.args[0].retriable():
                    raise

    def run(self, inbox):
        emit(event="ready")
        while True:
            try:
                command = inbox.get(timeout=0.05)
            except queue.Empty:
                self.client.poll(0)
                self.flush_chunk()
                continue
            op = command.pop("op")
            if op == "send":
                self.send(**command)
            elif op == "flush":
                left = self.client.flush(command.get("timeout", 30))
                self.flush_chunk()
                emit(event="flushed", left=left)
            elif op in ("begin", "commit", "abort"):
                {"begin": self.client.begin_transaction, "commit": self.client.commit_transaction,
                 "abort": self.client.abort_transaction}[op]()
                self.flush_chunk()
                emit(event="done", op=op)
            elif op == "finish":
                outcome = self.finish(command["abort"])
                self.flush_chunk()
                emit(event="done", op=op, outcome=outcome)
            elif op == "close":
                self.client.flush(30)
                self.flush_chunk()
                return


class ConsumerProcess:
    """Commands: pause, resume, seek {topic, partition, offset}, jump {jumps}, die {count}, commit, close. It polls one by one all the
    time (unless paused by `pause`), and reports every message as [topic, partition, offset, time_ms, latency_ms], and with
    `ids` its id; with `runs` only runs of offsets: [topic, partition, first, last]. `jumps` are [topic, partition, at, to]:
    when `at` was handed out it seeks to `to`, once."""

    def __init__(self, config, topics, assign, paused, ids=False, runs=False):
        self.client = Consumer(config)
        self.ids = ids
        self.runs = {} if runs else None   # the open run of each partition
        self.jumps = {}
        self.chunk = []
        self.paused = paused
        self.last_flush = 0.0
        if assign:
            self.client.assign([TopicPartition(*entry) for entry in assign])
        else:
            self.client.subscribe(topics, on_assign=self.assigned, on_revoke=self.revoked)

    def assigned(self, _, partitions):
        self.flush_chunk()
        emit(event="assigned", partitions=[[p.topic, p.partition] for p in partitions])

    def revoked(self, _, partitions):
        self.flush_chunk()
        emit(event="revoked", partitions=[[p.topic, p.partition] for p in partitions])

    def flush_chunk(self):
        self.last_flush = time.monotonic()
        if self.runs:
            emit(event="runs", runs=[[*place, first, last] for place, (first, last) in self.runs.items()])
            self.runs.clear()
        if self.chunk:
            emit(event="messages", messages=self.chunk)
            self.chunk = []

    def note_run(self, place, offset):
        run = self.runs.get(place)
        if run is None:
            self.runs[place] = [offset, offset]
        elif run[1] + 1 == offset:
            run[1] = offset
        else:
            self.flush_chunk()
            self.runs[place] = [offset, offset]

    def poll(self):
        message = self.client.poll(0.02)
        if message is None:
            self.flush_chunk()
        elif message.error():
            emit(event="error", code=message.error().code(), text=message.error().str())
        elif self.runs is not None:
            self.note_run((message.topic(), message.partition()), message.offset())
            if self.jumps:
                self.jump(message.topic(), message.partition(), message.offset())
            if time.monotonic() - self.last_flush > 0.2:
                self.flush_chunk()
        else:
            time_ms = message.timestamp()[1]
            self.chunk.append([message.topic(), message.partition(), message.offset(), time_ms,
                               int(time.time() * 1000) - time_ms] + ([identity(message)] if self.ids else []))
            if self.jumps:
                self.jump(message.topic(), message.partition(), message.offset())
            if len(self.chunk) >= _CHUNK or time.monotonic() - self.last_flush > 0.2:
                self.flush_chunk()

    def jump(self, topic, partition, at):
        to = self.jumps.pop((topic, partition, at), None)
        if to is None:
            return
        try:
            self.client.seek(TopicPartition(topic, partition, to))
            emit(event="jumped", topic=topic, partition=partition, at=at, to=to)
        except KafkaException as error:  # the partition was taken away meanwhile
            emit(event="stayed", topic=topic, partition=partition, at=at, to=to, error=str(error))

    def die(self, count):
        """Reads so many messages, commits, and is gone by SIGKILL before it can tell anybody but its test."""
        for _ in range(count):
            self.poll()
        self.flush_chunk()
        emit(event="committed", positions=[[p.topic, p.partition, p.offset] for p in self.commit()])
        os.kill(os.getpid(), signal.SIGKILL)

    def commit(self):
        try:
            return self.client.commit(asynchronous=False) or []
        except KafkaException as error:  # the broker is away, or the partitions are
            emit(event="error", code=error.args[0].code(), text=str(error))
            return []

    def apply(self, command):
        """One command; False for close."""
        op = command.pop("op")
        self.flush_chunk()
        if op == "pause":
            self.paused = True
        elif op == "resume":
            self.paused = False
        elif op == "seek":
            self.client.seek(TopicPartition(command["topic"], command["partition"], command["offset"]))
        elif op == "die":
            self.die(command["count"])
        elif op == "jump":
            self.jumps.update({(topic, partition, at): to for topic, partition, at, to in command["jumps"]})
        elif op == "commit":
            emit(event="committed", positions=[[p.topic, p.partition, p.offset] for p in self.commit()])
            return True
        elif op == "close":
            self.client.close()
            return False
        emit(event="done", op=op)
        return True

    def run(self, inbox):
        emit(event="ready")
        while True:
            try:
                command = inbox.get(timeout=0.02) if self.paused else inbox.get_nowait()
            except queue.Empty:
                if not self.paused:
                    self.poll()
                continue
            if not self.apply(command):
                return


def main():
    kind, options = sys.argv[1], json.loads(sys.argv[2])
    if kind == "producer":
        producer = ProducerProcess(options["config"])
        if "transactional.id" in options["config"]:
            producer.client.init_transactions(30)
        producer.run(commands())
    else:
        ConsumerProcess(options["config"], options["topics"], options["assign"], options["paused"],
                        options.get("ids", False), options.get("runs", False)).run(commands())
    emit(event="closed")


if __name__ == "__main__":
    main()
