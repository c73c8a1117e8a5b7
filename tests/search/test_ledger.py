"""A ledger over the documents of a real server, continuously and killed in between, and the documents that it writes."""

import collections
import json

import pytest

from harness.ledger import differences, exceptions
from harness.wait import wait_until

from .logs import PAGE, expected_documents, named
from .panels import check_ledger_panels, dashboard
from .test_once import check_once

EVERY_10_MINUTES = 600_000


def a_late_document(logs):
    """Index of a consumption that happened once, in the middle of the documents."""
    seen = collections.Counter()
    for _, _, source in logs.documents:
        seen[uid_of(source)] += 1
    middle = len(logs.documents) // 2
    return next(i for i in range(middle, len(logs.documents))
                if "tmmConsume" in logs.documents[i][2]["message"] and seen[uid_of(logs.documents[i][2])] == 2)


def uid_of(source):
    try:
        return json.loads(source["message"])["uid"]
    except (ValueError, KeyError, TypeError):
        return None


def check_documents(search, logs):
    """What people ask the index, and each document as a whole."""
    expected = expected_documents(logs)
    found = {(d["producer"], d["uid"], d["consumer"]): d for d in search.documents("audit-tmm").values()}
    assert len(found) == len(expected)
    wrong = {key: (found.get(key), document) for key, document in expected.items() if found.get(key) != document}
    assert not wrong, list(wrong.items())[:2]
    assert named(search.documents("audit-tmm", '!_exists_:"ctime"')) == sorted(logs.truth["lost"])
    assert named(search.documents("audit-tmm", '!_exists_:"mq_chanel"')) == sorted(logs.truth["unrec"])
    quick = sum(1 for d in expected.values() if 0 <= d.get("ctime", -1) <= 10_000)
    assert 0 < quick < len(expected)
    assert search.count("audit-tmm", '_exists_:"ctime" AND ctime:[0 TO 10000]') == quick
    for interval in ("10m", "20m", "1d"):
        check_buckets(search, expected, interval)
    for kind in ("elasticsearch", "opensearch"):
        check_ledger_panels(search, kind, expected)


def check_buckets(search, expected, interval):
    """Largest and mean latency and the number of messages of one producer, as the panels of others ask for them."""
    producer = min(expected)[0]
    width = {"10m": EVERY_10_MINUTES, "20m": 2 * EVERY_10_MINUTES, "1d": 144 * EVERY_10_MINUTES}[interval]
    buckets = collections.defaultdict(list)
    for key, made in expected.items():
        if key[0] == producer:
            buckets[made["produce_time"] // width * width].append(made.get("ctime"))
    answer = search.call("POST", "/audit-tmm/_search", {
        "size": 0, "query": {"query_string": {"query": f'producer:"{producer}"'}},
        "aggs": {"time": {"date_histogram": {"field": "producer_time", "min_doc_count": 1,
                                             ("interval" if search.typed else "fixed_interval"): interval},
                          "aggs": {"max": {"max": {"field": "ctime"}}, "avg": {"avg": {"field": "ctime"}}}}}})
    found = {row["key"]: row for row in answer["aggregations"]["time"]["buckets"]}
    assert set(found) == set(buckets)
    for start, latencies in buckets.items():
        known = [value for value in latencies if value is not None]
        assert found[start]["doc_count"] == len(latencies)
        assert found[start]["max"]["value"] == max(known)
        assert found[start]["avg"]["value"] == pytest.approx(sum(known) / len(known))


def run_with_kills(search, make_server, logs):
    """Documents come in four parts, the process is killed after each, and one document is searchable only at the end, although
    its time is two minutes before."""
    search.clear()
    for name in {index for index, _, _ in logs.documents}:
        search.make_log_index(name)
    server = make_server(search, logs)
    late = a_late_document(logs)
    documents = [d for i, d in enumerate(logs.documents) if i != late]
    quarter = len(documents) // 4
    for i in range(4):
        server.start()
        search.index(documents[i * quarter:(i + 1) * quarter if i < 3 else None])
        if i < 3:
            wait_until(lambda: server.ledger()["lines"] > i * quarter + quarter // 3, 30, "it reads")
            server.kill()
    name = f"{uid_of(logs.documents[late][2])}|{json.loads(logs.documents[late][2]['message'])['consumer']}"
    wait_until(lambda: name in exceptions(server, "unconsumed", PAGE), 30, "what is not there yet is told")
    search.index([logs.documents[late]])
    wait_until(lambda: not differences(server, logs.truth, PAGE), 60, "the ledger says the truth")
    wait_until(lambda: 'waybill_outbox_rows 0' in server.metrics(), 30, "every document is written")
    check_documents(search, logs)
    return server


def test_opensearch_continuously_with_kills_and_once(opensearch, make_server, logs, binary):
    assert min(len(logs.truth[key]) for key in ("lost", "dup", "unrec")) > 5 and logs.truth["malformed"]
    server = run_with_kills(opensearch, make_server, logs)
    check_once(binary, server, logs)


@pytest.mark.full
def test_elasticsearch_6_continuously_with_kills(elasticsearch, make_server, logs):
    run_with_kills(elasticsearch, make_server, logs)


def test_both_kinds_of_dashboards_say_the_same():
    for name in ("ledger", "hops"):
        ours, theirs = dashboard("elasticsearch", name), dashboard("opensearch", name)
        assert len(ours["panels"]) == 8 and all(panel["type"] != "singlestat" for panel in ours["panels"])
        text = json.dumps(theirs).replace("grafana-opensearch-datasource", "elasticsearch").replace("waybill-os-", "waybill-es-")
        same = json.loads(text.replace("(OpenSearch)", "(Elasticsearch)").replace(', "queryType": "lucene"', ""))
        assert same == ours and theirs["uid"] != ours["uid"]
        assert [v["name"] for v in ours["templating"]["list"]][0] == "datasource"
