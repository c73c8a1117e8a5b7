"""Whatever dies, the counts per key are exactly what was produced."""

import random
import signal
import time

import pytest

from harness.wait import wait_until

from .counting import assert_exact

FAILPOINTS = ["flush.before", "flush.after", "commit.before", "commit.rows", "commit.after", "publish.after"]


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_crash_at_a_failpoint_changes_no_count(kafka, topic, make_counting, make_load, failpoint, unique):
    # A static member gets its partitions back at once; the group does not wait for the dead one's session to end.
    counting = make_counting([topic], **{"group.instance.id": unique("static")})
    load = make_load([topic]).start()
    for passage in (1, 4, 9):
        counting.start(f"{failpoint}:{passage}")
        counting.wait_abort()
    counting.start()
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)


def test_kills_at_random_times_change_no_count(kafka, topic, make_counting, make_load, unique):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    counting = make_counting([topic], **{"group.instance.id": unique("static")})
    load = make_load([topic], rate=10_000).start()
    reading_when_killed = 0
    for _ in range(8):
        counting.start()
        time.sleep(chance.uniform(0.3, 2.0))
        reading_when_killed += counting.total("records") > 0
        counting.kill()
    assert reading_when_killed >= 4
    counting.start()
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)


def test_a_process_that_was_stopped_past_its_session_rejoins_and_counts_exactly(kafka, topic, make_counting, make_load):
    counting = make_counting([topic]).start()
    load = make_load([topic]).start()
    counting.wait_tasks(4)
    wait_until(lambda: counting.total("records") > 1000, 20, "it reads")
    counting.signal(signal.SIGSTOP)
    wait_until(lambda: kafka.members(counting.group) == 0, 30, "the group has given it up")
    counting.signal(signal.SIGCONT)
    wait_until(lambda: kafka.members(counting.group) == 1, 30, "it has joined again")
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)


def test_a_stop_under_load_commits_and_leaves_the_group(kafka, topic, make_counting, make_load):
    counting = make_counting([topic])
    load = make_load([topic], rate=10_000).start()
    for _ in range(3):
        counting.start()
        wait_until(lambda: counting.total("records") > 1000, 30, "it reads")
        counting.stop()
        assert kafka.members(counting.group) == 0
    counting.start()
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)
