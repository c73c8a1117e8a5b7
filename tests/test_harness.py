"""The measuring stick itself: what the client processes say must be true without Waybill in the picture."""

import time

from harness.clients import Clients


def test_clients_report_every_message_that_the_broker_holds(kafka, topic, unique, tmp_path):
    clients = Clients(kafka.bootstrap, plugin=None, audit_topic=None, folder=tmp_path)
    try:
        producer = clients.producer(plugin=False, linger_ms=5)
        start = int(time.time() * 1000) - 3_600_000
        producer.send(topic, 2000, size=50, keys=100, start_ms=start, step_ms=10)
        consumer = clients.consumer(unique("g"), [topic], plugin=False)
        consumer.wait_messages(2000)
        assert not producer.failed
        acked = sorted(message[:4] for message in producer.acked)
        assert sorted(message[:4] for message in consumer.messages) == acked
        assert sorted(m[3] for m in acked) == [start + 10 * i for i in range(2000)]
        for partition in range(4):
            offsets = sorted(m[2] for m in acked if m[1] == partition)
            assert offsets == list(range(len(offsets)))

        consumer.pause()
        handed_out = len(consumer.messages)
        end = len([m for m in acked if m[1] == 0])
        consumer.seek(topic, 0, end - 10)
        consumer.resume()
        consumer.wait_messages(handed_out + 10)
        assert consumer.offsets(topic, 0)[-10:] == list(range(end - 10, end))
        consumer.close()
        producer.close()
    finally:
        clients.close()


def test_reports_are_read_and_written_as_they_are(kafka, reports, audit_topic):
    first = reports.pb().Report(version=1, reporter=b"r" * 16, number=1)
    raw = [reports.RawReport(3, -1, 0, b"k", first.SerializeToString()), reports.RawReport(5, -1, 0, b"k", b"\xff\xff")]
    reports.write(kafka.bootstrap, audit_topic, raw)
    found = reports.read_all(kafka.bootstrap, audit_topic)
    assert [(r.partition, r.offset, r.key, r.value) for r in found] == [(3, 0, b"k", raw[0].value), (5, 0, b"k", b"\xff\xff")]
    assert found[0].report == first
    assert reports.runs([3, 4, 2, 1]) == [(3, 6), (9, 9)]
