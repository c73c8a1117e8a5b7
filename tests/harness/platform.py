"""The whole payment platform of examples/recharge: agents on log files, a broker, workers, MariaDB and Redis, and what
kills them."""

import gzip
import json
import pathlib
import random
import subprocess
import threading
import time

import yaml

from . import databases, figures, process
from .agent import Agent
from .kafka import LocalBroker
from .redis import Redis
from .waybill import Waybill

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "recharge" / "waybill.yaml"
MACHINES = [("pc", 11, 1), ("mobile", 8, 1), ("notify", 4, 6)]  # business, machines, log files of each
ROTATE_BYTES = 25_000


def kpis(topic, group):
    """The KPIs of the example for this topic. A machine may be away for as long as it likes: nothing is too late."""
    config = yaml.safe_load(EXAMPLE.read_text())["kpis"]
    config["defaults"].update(source={"cluster": "main", "topic": topic}, group=group, lateness="48h")
    table = config["recharge_map"]["by"][0]["lookup"]
    for name in ("recharge_failures", "recharge_map"):
        config[name]["by"][0]["lookup"] = {**table, "file": str(EXAMPLE.parent / "provinces.csv")}
    for name in ("funnel", "payments"):
        config[name]["steps"]["keep"] = "48h"
    return config


class Log:
    """One log file that grows and is rotated, by rename or renamed and compressed."""

    def __init__(self, path, rng):
        self.path, self.rng = path, rng
        self.size = self.rotations = 0
        self.path.touch()

    def write(self, text):
        with open(self.path, "ab") as file:
            file.write(text)
        self.size += len(text)
        if self.size >= ROTATE_BYTES:
            self._rotate()

    def _rotate(self):
        self.rotations += 1
        old = self.path.with_name(f"{self.path.name}.{self.rotations}")
        previous = self.path.with_name(f"{self.path.name}.{self.rotations - 1}")
        if self.rng.random() < 0.5 and previous.exists():  # as delaycompress does
            packed = previous.with_name(previous.name + ".gz.part")
            packed.write_bytes(gzip.compress(previous.read_bytes(), 1))
            packed.rename(previous.with_name(previous.name + ".gz"))
            previous.unlink()
        self.path.rename(old)
        self.path.touch()
        self.size = 0


class Writers(threading.Thread):
    """The machines' applications: each line of the day goes to a log of one machine, at an even pace for `seconds`."""

    def __init__(self, lines, logs, seconds, seed):
        super().__init__(daemon=True)
        self.lines, self.logs, self.seconds = lines, logs, seconds
        self.rng = random.Random(seed)
        self.written = 0
        self.ended = threading.Event()
        self.failure = None

    def run(self):
        try:
            self._write_all()
        except Exception as error:  # shown by whoever waits
            self.failure = error
        self.ended.set()

    def _write_all(self):
        begin = time.monotonic()
        notify = [log for business, logs in self.logs for log in logs if business == "notify"]
        others = [log for business, logs in self.logs for log in logs if business != "notify"]
        while self.written < len(self.lines):
            due = min(len(self.lines), int(len(self.lines) * (time.monotonic() - begin) / self.seconds) + 1)
            batch = {}
            for line in self.lines[self.written:due]:
                log = self.rng.choice(notify if b'NotifyReq"' in line else others)
                batch.setdefault(log, []).append(line)
            for log, lines in batch.items():
                log.write(b"".join(lines))
            self.written = due
            time.sleep(0.05)


class Platform:
    """Everything started; chaos() kills parts until the writers are done; settle() waits for the exact figures."""

    def __init__(self, binary, folder, orders, seconds, seed):
        self.binary, self.folder, self.rng = binary, folder, random.Random(seed)
        self.killed = {"agent": 0, "worker": 0, "broker": 0, "database": 0, "redis": 0}
        day, truth = folder / "day.ndjson", folder / "truth.json"
        subprocess.run([binary, "gen", "recharge", "--orders", str(orders), "--seed", str(seed), "--out", day,
                        "--truth", truth], check=True, timeout=120)
        self.truth = json.loads(truth.read_text())
        self.lines = day.read_bytes().splitlines(keepends=True)
        self.parts = []
        self.broker = LocalBroker(self._folder("kafka"))
        self.parts.append(self.broker)
        self.database = databases.Mariadb()
        self.parts.append(self.database)
        self.redis = Redis()
        self.parts.append(self.redis)
        self.agents, logs = [], []
        self.topic = "jsonData"
        for business, machines, files in MACHINES:
            for number in range(machines):
                host = f"{business}-{number + 1:02}"
                place = self._folder(f"logs-{host}")
                logs.append((business, [Log(place / f"{i}.log", self.rng) for i in range(files)]))
                self.agents.append(Agent(binary, folder / host, self.broker.bootstrap, self.topic, "waybill-reports",
                                         [str(place / "*.log*")], exclude=[str(place / "*.part")], key="orderId",
                                         headers={"business": business}, host=host, finish_after="10s",
                                         audit="none"))
        self.workers = [self._worker(number) for number in range(2)]
        self.parts += self.agents + self.workers
        self.logs = [log for _, some in logs for log in some]
        self.writers = Writers(self.lines, logs, seconds, seed + 1)

    def _folder(self, name):
        made = self.folder / name
        made.mkdir()
        return made

    def _worker(self, number):
        return Waybill(self.binary, self.folder / f"worker-{number}", self.broker.bootstrap, "waybill-reports",
                       config={"store": self.database.place("pay"), "kpis": kpis(self.topic, "pay"),
                               "redis": {"url": self.redis.url},
                               # The day lies years back: its rows would be deleted after half a minute.
                               "retention": {"minutes": "3650d", "hours": "3650d"}})

    def start(self):
        self.broker.start()
        self.broker.create_topic(self.topic, partitions=4)
        self.database.start()
        self.database.make("pay")
        self.redis.start()
        for worker in self.workers:
            worker.start(ready=False)
        for agent in self.agents:
            agent.start()
        self.writers.start()
        return self

    def _kill(self, kind):
        self.killed[kind] += 1
        if kind == "agent":
            for agent in self.rng.sample(self.agents, 3):
                agent.kill()
                agent.start()
        elif kind == "worker":
            worker = self.rng.choice(self.workers)
            if self.rng.random() < 0.5:
                worker.kill()
            else:
                worker.stop(codes=(0, 3))
            worker.start(ready=False)
        else:
            server = {"broker": self.broker, "database": self.database, "redis": self.redis}[kind]
            server.kill() if kind == "broker" else server.stop()
            server.start()

    def chaos(self, kinds, pause):
        """Kills the named kinds in turn, and then at random, `pause` seconds apart, as long as lines are written; each kind once
        at least."""
        turn = list(kinds)
        while not self.writers.ended.wait(pause) or turn:
            self._kill(turn.pop(0) if turn else self.rng.choice(kinds))

    def right(self):
        """Asserts that a worker and Redis say exactly the truth."""
        figures.equal_truth(self.workers[0], self.truth)
        for name in ("recharge", "recharge_failures", "recharge_steps", "recharge_map", "recharge_day", "funnel"):
            figures.redis_shows(self.redis, self.workers[0], name)
        return True

    def settle(self, patience):
        """Returns when all figures are exact; fails when they have stood still for `patience` seconds before."""
        if self.writers.failure:
            raise self.writers.failure
        for part in self.agents + self.workers:
            assert part.process.poll() is None, process.tail(part.log)
        self.workers[0].wait_ready(patience)
        said, since = None, time.monotonic()
        while time.monotonic() - since < patience:
            try:
                return self.right()
            except AssertionError as error:
                if str(error) != said:
                    said, since = str(error), time.monotonic()
            time.sleep(0.5)
        raise AssertionError(f"nothing has changed for {patience} s: {said}")

    def close(self):
        for part in self.agents + self.workers:
            if part.process is not None and part.process.poll() is None:
                part.process.kill()
        for part in self.parts:
            part.close()
