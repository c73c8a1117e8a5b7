"""The runtime on a database server: processes that share it, and a server that goes away. Counts stay exact."""

import random
import time

from harness.wait import wait_until
from runtime.counting import assert_exact

import pytest


@pytest.fixture
def store_url(database, unique):
    """A place of its own: the URL of a new schema or database."""
    name = unique("counting").replace("-", "_")
    database.make(name)
    return database.place(name)


def test_two_processes_killed_in_turn_count_every_record_once(kafka, topic, make_counting, make_load, store_url, unique):
    group = unique("count")
    members = [make_counting([topic], group=group, folder=name, store=store_url) for name in ("one", "two")]
    for member in members:
        member.start()
    wait_until(lambda: [m.total("tasks") for m in members] == [2, 2], 60, "each has two tasks")
    load = make_load([topic], rate=2000).start()
    for turn in range(6):
        victim = members[turn % 2]
        victim.kill()
        time.sleep(random.uniform(0.1, 1.0))
        victim.start()
        wait_until(lambda: sum(m.total("tasks") for m in members) == 4 and victim.total("tasks") > 0, 60,
                   f"{turn}: both work")
    load.finish()
    members[1].stop()
    members[0].wait_caught_up(kafka)
    assert_exact(members[0], load)


def test_a_server_that_stops_and_starts_changes_no_count(kafka, topic, make_counting, make_load, store_url, database):
    counting = make_counting([topic], store=store_url).start()
    counting.wait_tasks(4)
    load = make_load([topic], rate=2000).start()
    for _ in range(3):
        before = counting.total("failures")
        database.stop()
        wait_until(lambda: counting.total("failures") > before, 30, "a commit has failed")
        database.start()
        commits = counting.total("commits")
        wait_until(lambda: counting.total("commits") > commits + 2, 60, "it commits again")
    load.finish()
    counting.wait_caught_up(kafka)
    assert_exact(counting, load)
