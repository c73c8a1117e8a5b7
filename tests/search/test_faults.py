"""Servers that fail while they are read and written: nothing lost, nothing twice, and what is refused is named."""

import re
import time

import pytest

from harness import process
from harness.ledger import differences
from harness.wait import wait_until

from .logs import PAGE, expected_documents, load
from .test_ledger import check_documents

pytestmark = pytest.mark.full


def metric(server, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in server.metrics().splitlines() if re.match(rf"{name}[ {{]", line))


def settled(server, logs):
    wait_until(lambda: not differences(server, logs.truth, PAGE), 60, "the ledger says the truth")
    wait_until(lambda: metric(server, "waybill_outbox_rows") == 0, 60, "every document is written")


def test_both_sides_fail_in_every_way(opensearch, make_server, make_proxy, logs):
    """The first URL is of nobody."""
    load(opensearch, logs)
    reading = make_proxy(opensearch.url, "_search", ["fine", 503, "half", "lost", 429, "fine", "half"])
    writing = make_proxy(opensearch.url, "_bulk", [429, "fine", "items", "lost", 503, "half", "items", "lost", 429])
    nobody = f"http://127.0.0.1:{process.free_port()}"
    server = make_server(opensearch, logs, index_at=writing.url, server={"urls": [nobody, reading.url]}).start()
    settled(server, logs)
    check_documents(opensearch, logs)
    assert not reading.faults and not writing.faults
    assert {503, "half", "lost", 429} <= set(reading.hits) and {429, 503, "items", "lost", "half"} <= set(writing.hits)
    assert metric(server, "waybill_forward_dropped_messages_total") == 0


def test_what_the_index_does_not_take_is_named_and_the_rest_is_there(opensearch, make_server, logs):
    """An index of the day is there already, and takes latencies up to 127 only."""
    load(opensearch, logs)
    days = {time.strftime("%Y.%m.%d", time.gmtime(d["produce_time"] / 1000)) for d in expected_documents(logs).values()}
    for day in days:
        opensearch.call("PUT", f"/audit-tmm-{day}", {"mappings": {"properties": {"ctime": {"type": "byte"}}}})
    server = make_server(opensearch, logs, index={"alias": "audit-tmm"}).start()
    settled(server, logs)
    expected = expected_documents(logs)
    fits = {key for key, d in expected.items() if d.get("ctime", 0) <= 127}
    found = {(d["producer"], d["uid"], d["consumer"]): d for d in opensearch.documents("audit-tmm-*").values()}
    assert 0 < len(fits) < len(expected) and fits <= set(found)
    assert all(d == expected[key] for key, d in found.items() if key in fits)
    assert all("ctime" not in d for key, d in found.items() if key not in fits)
    refused = metric(server, "waybill_forward_dropped_messages_total")
    assert refused >= len(expected) - len(fits)
    named = re.findall(r"audit-tmm: the document (\S+)/(\S+)/(\S+) is refused: status 400, mapper_parsing_exception", server.log_text())
    assert named and all(expected[key]["ctime"] > 127 for key in named)


def test_an_index_of_the_aliass_name_is_told_and_days_too_old_go(opensearch, make_server, logs):
    load(opensearch, logs)
    opensearch.call("PUT", "/audit-tmm", {})
    opensearch.call("PUT", "/audit-tmm-2018.11.23", {})
    opensearch.call("PUT", "/audit-tmm-keep-2018.11.23", {})
    server = make_server(opensearch, logs, index={"keep_days": 3}).start()
    wait_until(lambda: "there is an index audit-tmm, so no alias can have this name" in server.log_text(), 20, "it is told")
    opensearch.call("DELETE", "/audit-tmm")
    settled(server, logs)
    check_documents(opensearch, logs)
    indices = set(opensearch.call("GET", "/audit-tmm*/_settings"))
    assert "audit-tmm-2018.11.23" not in indices and "audit-tmm-keep-2018.11.23" in indices


def test_an_index_that_vanishes_is_no_end(opensearch, make_server, logs):
    load(opensearch, logs)
    opensearch.make_log_index("log4j-other")
    opensearch.index([("log4j-other", f"x{i}", dict(source, message="INFO other")) for i, (_, _, source) in enumerate(logs.documents[:300])])
    server = make_server(opensearch, logs).start()
    settled_lines = len(logs.documents) + 300
    wait_until(lambda: server.ledger()["lines"] == settled_lines, 30, "all is read")
    opensearch.call("DELETE", "/log4j-other")
    extra = dict(logs.documents[-1][2], message="INFO the last")
    opensearch.index([(logs.documents[-1][0], "last", extra)])
    wait_until(lambda: server.ledger()["lines"] == settled_lines + 1, 30, "it goes on")
