"""What is missing or full: degraded, tried again, and said."""

import pathlib
import socket
import threading

import pytest
from confluent_kafka import TopicPartition

from harness import process
from harness.kafka import LocalBroker
from harness.wait import wait_until

from .counting import Counting, Load, assert_exact


def test_records_that_expired_before_they_were_read_are_said_to_be_lost(kafka, topic, make_counting, make_load):
    counting = make_counting([topic]).start()
    load = make_load([topic])
    load.send(2000)
    counting.wait_caught_up(kafka)
    before = counting.published(kafka.admin)
    counting.stop()
    gone = make_load([topic])
    gone.send(1000)
    kept_from = {place: max(offsets) - 4 for place, offsets in gone.offsets.items()}
    for future in kafka.admin.delete_records([TopicPartition(t, p, o) for (t, p), o in kept_from.items()]).values():
        future.result(20)
    counting.start()
    counting.wait_caught_up(kafka)
    counting.stop()
    lost = {place: kept_from[place] - before[place] for place in kept_from}
    assert counting.check("lost") == lost
    assert counting.total("gaps") == sum(lost.values())
    assert sum(counting.check("total").values()) == 2000 + 5 * len(kept_from)


def test_a_topic_that_is_made_again_is_read_from_its_start(kafka, topic, make_counting, make_load):
    counting = make_counting([topic]).start()
    load = make_load([topic])
    load.send(2000)
    counting.wait_caught_up(kafka)
    counting.stop()
    kafka.delete_topic(topic)
    wait_until(lambda: topic not in kafka.topics(), 20, "the topic is gone")
    kafka.create_topic(topic, 4)
    again = make_load([topic])
    again.send(400)
    counting.start()
    wait_until(lambda: sum(counting.check("total").values()) == 2400, 60, "both lives are counted")
    lost = {place: len(load.offsets[place]) - len(again.offsets[place]) for place in load.offsets}
    assert counting.check("lost") == lost
    counting.stop()


def test_a_topic_that_is_missing_at_the_start_is_waited_for(kafka, make_counting, make_load, unique):
    name = unique("later")
    counting = make_counting([name]).start()
    wait_until(lambda: all(r["degraded"] for r in counting.status["runners"]) and counting.status["runners"], 30,
               "it says that the topic is missing")
    kafka.create_topic(name, 4)
    load = make_load([name])
    load.send(500)
    counting.wait_tasks(4)
    counting.wait_caught_up(kafka)
    wait_until(lambda: not any(r["degraded"] for r in counting.status["runners"]), 10, "it is well again")
    assert_exact(counting, load)


def test_a_broker_that_is_down_at_the_start_and_killed_later_costs_nothing(build_dir, tmp_path):
    broker = LocalBroker(tmp_path / "broker") if (tmp_path / "broker").mkdir() is None else None
    counting = Counting(build_dir, tmp_path, broker.bootstrap, ["orders"], "g")
    load = None
    try:
        counting.start()
        wait_until(lambda: any(r["degraded"] for r in counting.status["runners"]), 30, "it says that no broker answers")
        broker.start()
        broker.create_topic("orders", 4)
        load = Load(broker.bootstrap, ["orders"]).start()
        wait_until(lambda: counting.total("records") > 1000, 60, "it reads")
        broker.kill()
        wait_until(lambda: any(r["degraded"] for r in counting.status["runners"]), 30, "it says so")
        broker.start()
        load.finish()
        counting.wait_caught_up(broker)
        assert not any(r["degraded"] for r in counting.status["runners"])
        assert_exact(counting, load)
    finally:
        if load:
            load.finish()
        counting.close()
        broker.close()


def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(kafka, topic, make_counting, make_load, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    counting = make_counting([topic], store=f"sqlite:{disk}/counting.db")
    counting.prefix = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=1m tmpfs {disk} && exec "$0" "$@"']
    counting.start()
    load = make_load([topic]).start()
    wait_until(lambda: counting.total("records") > 1000, 30, "it reads")
    inside = pathlib.Path(f"/proc/{counting.process.pid}/root{disk}")
    with open(inside / "filler", "wb", buffering=0) as filler:
        with pytest.raises(OSError):
            while True:
                filler.write(b"x" * 4096)
    wait_until(lambda: counting.total("failures") > 0, 30, "commits fail")
    (inside / "filler").unlink()
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)
