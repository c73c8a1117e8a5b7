"""Topics and clients of every kind that only look as if they lost something: no finding. What is skipped in them is lost."""

import time

from confluent_kafka.admin import NewPartitions

from harness import oracle
from harness.findings import expect
from harness.wait import wait_until

YEAR_2017 = 1_500_000_000_000


def all_read(producers, consumers, topic):
    wanted = sum(len(offsets) for offsets in oracle.acked(producers, topic).values())
    wait_until(lambda: oracle.distinct(consumers, topic) >= wanted, 60, f"all of {topic} is read")


def test_unusual_topics_have_no_findings_but_what_is_skipped(kafka, clients, waybill, unique):
    backfill, appended, grown, blind, remade = (unique(name) for name in (
        "backfill", "appended", "grown", "blind", "remade"))
    kafka.create_topic(backfill, partitions=1)
    kafka.create_topic(appended, partitions=1, message_timestamp_type="LogAppendTime")
    kafka.create_topic(grown, partitions=1)
    kafka.create_topic(blind, partitions=1)
    kafka.create_topic(remade, partitions=1)
    topics = [backfill, appended, grown, blind, remade]
    producer = clients.producer(linger_ms=5)
    careless = clients.producer(linger_ms=5, acks=0, enable_idempotence=False)
    groups = {topic: unique("readers") for topic in topics}
    readers = {topic: clients.consumer(groups[topic], [topic], enable_auto_commit=True, auto_commit_interval_ms=500,
                                       topic_metadata_refresh_interval_ms=1000) for topic in topics}
    for topic in topics:
        if topic != blind:
            producer.send(topic, 200, partition=0, size=50, **({"start_ms": YEAR_2017, "step_ms": 977} if topic == backfill else {}))
    careless.send(blind, 2000, partition=0, size=50)
    for topic in (backfill, appended, grown, remade):
        all_read([producer], [readers[topic]], topic)
    readers[blind].wait_messages(2000)
    wait_until(lambda: all(waybill.group(topic, groups[topic]) for topic in topics), 30, "all groups are known")
    time.sleep(2)  # in which the first record of each topic is looked at

    kafka.delete_topic(remade)
    wait_until(lambda: remade not in kafka.topics(), 30, "it is gone")
    kafka.admin.create_partitions([NewPartitions(grown, 3)])[grown].result(30)
    time.sleep(1)
    kafka.create_topic(remade, partitions=1)
    producer.send(remade, 50, partition=0, size=50, patience=60)
    wait_until(lambda: len(readers[remade].messages) >= 250, 60, "the new topic is read")
    for topic, target in ((backfill, 237), (appended, 211)):  # the next message is 200
        readers[topic].pause()
        producer.send(topic, 100, partition=0, size=50, **({"start_ms": YEAR_2017} if topic == backfill else {}))
        readers[topic].seek(topic, 0, target)
        readers[topic].resume()
    readers[blind].pause()
    careless.send(blind, 500, partition=0, size=50)
    wait_until(lambda: kafka.end(blind) == 2500, 30, "without acknowledgements nobody else knows when it is there")
    readers[blind].seek(blind, 0, 2100)
    readers[blind].resume()
    producer.send(grown, 600, size=50, keys=89, patience=60)
    all_read([producer], [readers[grown]], grown)
    expect(waybill, backfill, groups[backfill], timeout=60, lost={(0, o) for o in range(200, 237)})
    expect(waybill, appended, groups[appended], timeout=60, lost={(0, o) for o in range(200, 211)})
    wait_until(lambda: 'kind="incarnations"} 1' in waybill.metrics(), 60, "the new topic is noticed")
    until = time.monotonic() + 6
    while time.monotonic() < until:
        for topic in (grown, blind, remade):
            found = [f for f in waybill.findings(topic, group=groups[topic]) if f["state"] in
                     ("lost", "suspected", "unconfirmed", "redelivered")]
            assert not found, (topic, found)
        time.sleep(1)
    assert waybill.topic(blind)["unaudited"] == 0, "what has no offset is not missing"
