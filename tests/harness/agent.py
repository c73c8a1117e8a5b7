"""`waybill agent` under test, and what it put into the topic."""

import pathlib
import time

import confluent_kafka
import yaml

from . import process
from .wait import wait_until


class Agent:
    """One `waybill agent`. start() after stop() or kill() goes on from its state file."""

    def __init__(self, binary, folder, bootstrap, topic, audit_topic, files, command=None, **agent):
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "agent.log"
        self.state = pathlib.Path(agent.pop("state", self.folder / "agent.state"))
        self.config_file = self.folder / "agent.yaml"
        self.command = command or []
        self.process = None
        settings = {"clusters": {"main": {"bootstrap.servers": bootstrap}},
                    "agent": {"topic": topic, "files": files, "state": str(self.state), "save_every": "100ms",
                              "status_every": "1s", "audit": {"topic": audit_topic}, **agent}}
        self.config_file.write_text(yaml.safe_dump(settings, sort_keys=False))

    def start(self):
        self.process = process.start([*self.command, str(self.binary), "agent", "-c", str(self.config_file)],
                                     log=self.log, cwd=self.folder, env=process.environment())
        return self

    def stop(self, timeout=20.0):
        """SIGTERM; it must finish by itself with exit code 0."""
        self.process.terminate()
        code = self.process.wait(timeout)
        assert code == 0, f"exit code {code}\n{process.tail(self.log)}"

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def said(self, text):
        return text in self.log.read_text(errors="replace")

    def close(self):
        if self.process is not None:
            process.stop(self.process, timeout=2)


class Reader:
    """Everything in a topic, read from its begin, with repeats recognized by waybill-src as our engines do it."""

    def __init__(self, bootstrap, topic, partitions):
        self._consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": f"reader-{time.time()}",
                                                   "enable.auto.commit": False})
        self._consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(partitions)])
        self.messages = []
        self.values = []  # without repeats
        self.repeated = 0
        self._high = {}

    def read(self):
        for message in self._consumer.consume(10_000, timeout=0.2):
            assert message.error() is None, message.error()
            self.messages.append(message)
            source = dict(message.headers())["waybill-src"].decode()
            file, offset = source.split(":")
            assert len(file) == 16
            key = (message.partition(), file)
            if int(offset) <= self._high.get(key, -1):
                self.repeated += 1
                continue
            self._high[key] = int(offset)
            self.values.append(message.value())

    def wait(self, count, timeout=60.0, what="lines in the topic"):
        def there():
            self.read()
            assert len(self.values) >= count, f"{len(self.values)} of {count}"
            return True
        wait_until(there, timeout, what)
        self.read()

    def close(self):
        self._consumer.close()
