"""Partitions that move, positions that other tools see, and stores that must not mix."""

import signal
import time

from harness.wait import wait_until

from .counting import Counting, assert_exact


def test_rebalances_between_two_runners_change_no_count(kafka, topic, make_counting, make_load):
    counting = make_counting([topic]).start()
    load = make_load([topic]).start()
    counting.wait_tasks(4)
    for _ in range(4):
        counting.signal(signal.SIGUSR1)
        wait_until(lambda: [r["tasks"] for r in counting.status["runners"]] == [2, 2], 40, "both have two tasks")
        counting.signal(signal.SIGUSR1)
        wait_until(lambda: [r["tasks"] for r in counting.status["runners"]] == [4], 40, "the first has them all")
    assert counting.total("failures") == 0
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)


def test_aligned_topics_are_counted_by_one_task_per_partition_number(kafka, make_counting, make_load, unique):
    topics = [kafka.create_topic(unique("left"), 4), kafka.create_topic(unique("right"), 4)]
    counting = make_counting(topics, plan="aligned").start()
    load = make_load(topics).start()
    counting.wait_tasks(4)
    counting.signal(signal.SIGUSR1)
    wait_until(lambda: [r["tasks"] for r in counting.status["runners"]] == [2, 2], 40, "both have two tasks")
    load.finish()
    counting.wait_caught_up(kafka)
    counting.stop()
    assert counting.counted() == dict(load.counted)


def test_topics_of_unequal_size_are_refused_in_an_aligned_plan(kafka, make_counting, unique):
    topics = [kafka.create_topic(unique("left"), 4), kafka.create_topic(unique("right"), 6)]
    counting = make_counting(topics, plan="aligned").start()
    assert counting.process.wait(40) == 3
    assert f"is missing in {topics[0]}: topics that are joined need equal partition counts" in counting.log.read_text()


def test_a_whole_plan_has_one_leader_and_a_standby_that_takes_over(kafka, topic, make_counting, make_load):
    counting = make_counting([topic], plan="whole", runners=2).start()
    load = make_load([topic]).start()
    counting.wait_tasks(1)
    time.sleep(3)  # the standby asks for the lease every 2 s: nothing may change
    assert sorted(r["tasks"] for r in counting.status["runners"]) == [0, 1]
    counting.stop()
    counting.start()
    load.finish()
    counting.wait_caught_up(kafka)
    counting.stop()
    assert counting.counted() == dict(load.counted)


def test_a_group_that_feeds_another_store_is_refused(kafka, topic, make_counting, make_load, tmp_path):
    first = make_counting([topic]).start()
    make_load([topic]).send(1000)
    first.wait_caught_up(kafka)
    other = make_counting([topic], group=first.group, folder="other").start()
    assert other.process.wait(40) == 3
    text = other.log.read_text()
    assert f"group {first.group} is fed into another store" in text and "use the same store, or another group" in text
    first.stop()


def test_transaction_markers_and_aborted_messages_are_not_counted(kafka, topic, make_counting, make_load, unique):
    counting = make_counting([topic], **{"group.instance.id": unique("static")})
    load = make_load([topic], **{"transactional.id": unique("tx")})
    for round in range(12):
        load.transaction(200, commit=round % 3 != 2)
        if round in (3, 7):
            counting.start()
            wait_until(lambda: counting.total("records") > 0, 30, "it reads")
            counting.kill()
    counting.start()
    counting.wait_caught_up(kafka)  # positions at the end of the log, behind the last marker
    wait_until(lambda: counting.total("lag") == 0, 10, "no lag")  # looked at once in a while
    counting.stop()
    assert counting.counted() == dict(load.counted)
    assert sum(count for count, _ in load.counted.values()) == 8 * 200
