"""The reports in an audit topic, read with a protobuf reader that protoc generates: an independent check of our writer."""

import importlib
import pathlib
import subprocess
import sys
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer, TopicPartition

from .wait import wait_until

_PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
_pb = None


def generate(folder):
    """Runs protoc once a session; `pb()` works afterwards."""
    global _pb
    subprocess.run(["protoc", f"-I{_PROTO}", f"--python_out={folder}", "waybill/v1/report.proto"], check=True,
                   timeout=60)
    sys.path.insert(0, str(folder))
    _pb = importlib.import_module("waybill.v1.report_pb2")


def pb():
    """The generated module: pb().Report and so on."""
    return _pb


@dataclass
class RawReport:
    """One message of the audit topic. `report` is None when the value is no report."""
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes

    @property
    def report(self):
        return pb().Report.FromString(self.value)


def read_all(bootstrap, topic, timeout=30.0):
    """Every message up to the present end of the topic, by partition and offset."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-reader", "enable.auto.commit": False,
                         "enable.partition.eof": False, "auto.offset.reset": "earliest"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in partitions}
        waiting = {p: high for p, (low, high) in ends.items() if high > low}
        if not waiting:
            return []
        consumer.assign([TopicPartition(topic, p, ends[p][0]) for p in waiting])
        found = []

        def done():
            for message in consumer.consume(1000, timeout=0.2):
                assert message.error() is None, message.error()
                found.append(RawReport(message.partition(), message.offset(), message.timestamp()[1], message.key(),
                                       message.value()))
                if message.offset() + 1 >= waiting.get(message.partition(), 0):
                    waiting.pop(message.partition(), None)
            return not waiting

        wait_until(done, timeout, f"all of {topic} read")
        return sorted(found, key=lambda r: (r.partition, r.offset))
    finally:
        consumer.close()


def write(bootstrap, topic, raw_reports):
    """Appends reports as they are, each to its own partition, in the given order; returns when all are acknowledged."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 0})
    failures = []

    def delivered(error, message):
        if error is not None:
            failures.append(error)

    for raw in raw_reports:
        producer.produce(topic, partition=raw.partition, key=raw.key, value=raw.value, on_delivery=delivered)
        producer.poll(0)
    assert producer.flush(30) == 0 and not failures, failures


def runs(packed):
    """[(first, last)] of the packed (gap, length) pairs of a Coverage.seen field."""
    result, end = [], 0
    for gap, length in zip(packed[::2], packed[1::2]):
        begin = end + gap
        end = begin + length
        result.append((begin, end - 1))
    return result
