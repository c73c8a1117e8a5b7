"""A ledger over an index that dies at each failpoint, is shared by two processes, or is followed by a command."""

import pytest

from harness.ledger import Follower, differences, differing_pairs
from harness.process import stop
from harness.wait import wait_until
from harness.waybill import FAILPOINTS

from .logs import PAGE, load
from .test_ledger import check_documents


def settle(server, search, logs):
    wait_until(lambda: not differences(server, logs.truth, PAGE), 60, "the ledger says the truth")
    wait_until(lambda: "waybill_outbox_rows 0" in server.metrics(), 30, "every document is written")
    # Of two processes, one measures what the other committed once a second.
    wait_until(lambda: check_documents(search, logs) is None, 20, "the documents say the truth", interval=1)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "commit.rows" else [pytest.mark.full]) for name in FAILPOINTS])
def test_killed_at_a_failpoint(name, opensearch, make_server, logs):
    load(opensearch, logs)
    server = make_server(opensearch, logs)
    server.start(ready=False, WAYBILL_FAILPOINT=f"{name}:2")
    assert server.process.wait(60) == -6
    server.start()
    settle(server, opensearch, logs)


@pytest.mark.full
def test_of_two_processes_the_other_goes_on(opensearch, make_server, logs, postgresql, unique):
    """Documents come in three parts; whoever reads them is killed twice."""
    schema = unique("search").replace("-", "_")
    postgresql.make(schema)
    load(opensearch, logs, 0)
    servers = [make_server(opensearch, logs, name=name, store=postgresql.place(schema)) for name in ("one", "other")]
    for server in servers:
        server.start(ready=False)
    third = len(logs.documents) // 3
    for part in range(3):
        opensearch.index(logs.documents[part * third:(part + 1) * third if part < 2 else None])
        if part == 2:
            break
        wait_until(lambda done=part * third: max(lines(server) for server in servers) > done + third // 3, 60, "it reads")
        reader = next(server for server in servers if server.metric("waybill_runner_tasks", engine="ledger"))
        reader.kill()
        reader.start(ready=False)
    settle(servers[0], opensearch, logs)
    assert not differences(servers[1], logs.truth, PAGE)


def lines(server):
    found = server.get("/api/v1/ledgers")["ledgers"]
    return found[0]["lines"] if found else 0


def test_an_index_is_followed(opensearch, make_server, logs, binary, tmp_path):
    """Half of the documents are there, the rest comes while the command runs."""
    half = len(logs.documents) // 2
    load(opensearch, logs, half)
    config = make_server(opensearch, logs).config_file
    (tmp_path / "follower").mkdir()
    follower = Follower(binary, tmp_path / "follower", "-c", config, "-g", "orders", "--format", "json")

    def right():
        rows = follower.rows()
        found = rows[-1] if rows else {"lines": 0, "producers": []}
        assert [found["lines"], len(found["producers"])] == [logs.truth["lines"], len(logs.truth["roster"])]
        wrong = differing_pairs(found["producers"], logs.truth)
        assert not wrong, wrong
        return found

    try:
        wait_until(lambda: follower.rows() and follower.rows()[-1]["lines"] >= half, 30, "the first half")
        opensearch.index(logs.documents[half:])
        found = wait_until(right, 60, "all lines, and what is missing is overdue")
        assert {key: found[key] for key in ("malformed", "ignored", "failed")} == \
            {key: logs.truth[key] for key in ("malformed", "ignored", "failed")}
        follower.stop()
    finally:
        stop(follower.process, timeout=2)
