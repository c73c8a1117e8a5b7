"""Reports that no client wrote change nothing."""

import time

import pytest

from harness.findings import expect
from harness.wait import wait_until

@pytest.fixture
def group(unique):
    return unique("readers")


def test_forged_reports_far_beyond_the_end_are_refused_and_counted(kafka, clients, waybill, topic, group, reports,
                                                                  audit_topic):
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500)
    producer.send(topic, 400, partition=2, size=50)
    consumer.wait_messages(400)
    wait_until(lambda: waybill.group(topic, group)["lag_messages"] == 0, 30, "the log's end is known")
    own = next(raw for raw in reports.read_all(kafka.bootstrap, audit_topic)
               if any(chunk.partition == 2 and chunk.tier == 2 for chunk in raw.report.coverage))
    forged = own.report
    forged.reporter = b"forger".ljust(16, b"!")
    forged.number = 1
    chunk = forged.coverage[0]
    del chunk.seen[:]
    chunk.seen.extend([10**13, 1000])
    reports.write(kafka.bootstrap, audit_topic, [reports.RawReport(own.partition, 0, 0, own.key, forged.SerializeToString())])
    wait_until(lambda: 'kind="implausible_offset"} 1000' in waybill.metrics(), 30, "it is counted")
    producer.send(topic, 100, partition=2, size=50)
    consumer.wait_messages(500)
    time.sleep(3)
    expect(waybill, topic, group)
    assert waybill.topic(topic)["produced"] >= 500
