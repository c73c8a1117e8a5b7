"""One recorded run of clients: the reports that they sent, and what is true about them. Collectors are then fed with these
reports in every bad way and must come to the same answer."""

import time
from dataclasses import dataclass, field

from . import oracle
from .clients import Clients, wait_shared
from .wait import wait_until

GROUPS = ("alpha", "beta")


@dataclass
class Recording:
    bootstrap: str
    topics: list
    groups: dict                # short name -> group
    producers: list = field(default_factory=list)
    consumers: dict = field(default_factory=dict)   # group -> clients
    raw: list = field(default_factory=list)         # RawReport, by partition and offset

    def expected_counts(self):
        """{(topic, group or None): distinct messages}."""
        result = {}
        for topic in self.topics:
            result[topic, None] = sum(len(o) for o in oracle.acked(self.producers, topic).values())
            for group, consumers in self.consumers.items():
                result[topic, group] = oracle.distinct(consumers, topic)
        return result

    def skipped(self, topic, group):
        return oracle.skipped(self.producers, self.consumers[group], topic)

    def redelivered(self, topic, group):
        return oracle.repeated(self.consumers[group], topic)


def record(kafka, reports, plugin, unique, folder):
    """About 6 s of traffic: three topics, two producers, group alpha with one reader that seeks forward and back, group
    beta with two plain readers. Every client ends in order, so every report is there."""
    audit_topic = kafka.create_topic(unique("recorded"), partitions=16)
    topics = [kafka.create_topic(unique(name), partitions=4) for name in ("orders", "clicks", "mails")]
    recording = Recording(kafka.bootstrap, topics, {name: unique(name) for name in GROUPS})
    clients = Clients(kafka.bootstrap, plugin, audit_topic, folder)
    try:
        _traffic(recording, clients, topics)
    finally:
        clients.close()
    wait_until(lambda: _all_closed(reports.read_all(kafka.bootstrap, audit_topic)), 30, "the last reports")
    recording.raw = reports.read_all(kafka.bootstrap, audit_topic)
    return recording


def _traffic(recording, clients, topics):
    alpha, beta = recording.groups["alpha"], recording.groups["beta"]
    recording.consumers = {alpha: [clients.consumer(alpha, topics)],
                           beta: [clients.consumer(beta, topics) for _ in range(2)]}
    wait_shared(recording.consumers[alpha], 12)
    wait_shared(recording.consumers[beta], 12)
    recording.producers = [clients.producer(linger_ms=5) for _ in range(2)]
    start = int(time.time() * 1000) - 4 * oracle.MINUTE
    reader = recording.consumers[alpha][0]
    for _ in range(3):
        for topic in topics:
            for producer in recording.producers:
                producer.send(topic, 1500, wait=False, size=60, keys=200, start_ms=start, step_ms=100, rate=6000)
        for producer in recording.producers:
            producer.flush()
        wait_until(lambda: _caught_up(recording, reader, topics), 60, "alpha has read all")
        reader.pause()
        end = max(oracle.acked(recording.producers, topics[0])[1]) + 1
        for producer in recording.producers:
            producer.send(topics[0], 200, partition=1, size=60, start_ms=start, step_ms=100)
        reader.seek(topics[0], 1, end + 150)   # skips 150
        reader.seek(topics[1], 2, end // 2)    # repeats what follows
        reader.resume()
    wait_until(lambda: _caught_up(recording, reader, topics), 60, "alpha has read the rest")
    for consumer in recording.consumers[beta]:
        wait_until(lambda: sum(oracle.distinct(recording.consumers[beta], t) for t in topics) ==
                   sum(len(o) for t in topics for o in oracle.acked(recording.producers, t).values()), 60, "beta has read all")
        consumer.commit()
    for client in [*recording.producers, reader, *recording.consumers[beta]]:
        client.close()


def _caught_up(recording, reader, topics):
    """The newest message of every partition was handed out, and nothing new comes."""
    for topic in topics:
        seen = oracle.handed_out([reader], topic)
        for partition, offsets in oracle.acked(recording.producers, topic).items():
            if (partition, offsets[-1]) not in seen:
                return False
    return True


def _all_closed(raw):
    """Every reporter has said goodbye in every audit partition that it wrote to."""
    closed = {}
    for item in raw:
        key = (item.partition, item.report.reporter)
        closed[key] = closed.get(key, False) or item.report.closed
    return bool(closed) and all(closed.values())
