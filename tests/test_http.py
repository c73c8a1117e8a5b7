"""The API against its own description, and the metrics against promtool."""

import itertools
import json
import pathlib
import re
import subprocess
import time

import pytest
import yaml
from confluent_kafka import Producer
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from harness import process
from harness.kafka import LocalBroker
from harness.wait import wait_until

SPEC = pathlib.Path(__file__).resolve().parents[1] / "src" / "http" / "openapi.yaml"


@pytest.fixture(scope="module")
def description():
    return yaml.safe_load(SPEC.read_text())


ENGINES = {"kpis": "lines", "watches": "errors", "ledgers": "orders"}


def engines(topic, unique):
    """A KPI, a watch and a ledger over one topic."""
    return {"kpis": {"defaults": {"source": {"cluster": "main", "topic": topic}, "group": unique("kpis")},
                     "lines": {"time": {"field": "t", "format": "epoch_ms"}, "by": ["level"],
                               "values": {"count": "count"}}},
            "watch": {"group": unique("watchers")},
            "watches": {"errors": {"where": {"level": "ERROR"}, "by": ["host"],
                                   "sources": [{"cluster": "main", "topics": [topic], "start": "begin"}]}},
            "ledgers": {"orders": {"producers": [{"name": "p", "consumers": ["c"]}], "deadline": "2s",
                                   "source": {"cluster": "main", "topics": [topic]}}}}


@pytest.fixture
def busy(kafka, clients, make_waybill, topic, unique):
    """A server with something of everything: counts, a skip, a repeat, something pending, a failed send; and engines."""
    lines = kafka.create_topic(unique("lines"), partitions=1)
    plain = Producer({"bootstrap.servers": kafka.bootstrap})
    now = int(time.time() * 1000)
    for i in range(10):
        plain.produce(lines, json.dumps({"t": now - i, "level": ("ERROR", "INFO")[i % 2], "host": f"h{i}"}).encode())
    assert plain.flush(30) == 0
    waybill = make_waybill(config=engines(lines, unique)).start()
    producer = clients.producer(linger_ms=5, message_max_bytes=2000)
    consumer = clients.consumer(unique("readers"), [topic])
    consumer.wait_event("assigned")
    for partition in range(4):
        producer.send(topic, 200, partition=partition, size=50, start_ms=int(time.time() * 1000) - 180_000)
    consumer.wait_messages(800)
    consumer.pause()
    producer.send(topic, 100, partition=0, size=50)
    consumer.seek(topic, 0, 250)
    consumer.seek(topic, 1, 150)
    consumer.resume()
    consumer.wait_messages(800 + 50 + 50)
    consumer.pause()
    producer.send(topic, 10, partition=3, size=50)

    def complete():
        states = {finding["state"] for finding in waybill.findings(topic)}
        return {"suspected", "redelivered", "pending"} <= states
    wait_until(complete, 45, "findings of each kind")
    return waybill


def validate(openapi, waybill, path, status=200, **params):
    """Asks, and checks the answer against the description."""
    answer = waybill.request(path, **params)
    assert answer.status_code == status, answer.text
    openapi.validate_response(RequestsOpenAPIRequest(answer.request), RequestsOpenAPIResponse(answer))
    return answer


def strict(schema):
    """The same schema with every object closed, so that a member that the description does not name is an error."""
    if isinstance(schema, dict):
        closed = {key: strict(value) for key, value in schema.items()}
        if closed.get("type") == "object" and "properties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed
    return [strict(item) for item in schema] if isinstance(schema, list) else schema


def closed(description, url):
    """The description with every object closed, for the server at `url`."""
    components = dict(description["components"], schemas=strict(description["components"]["schemas"]))
    return dict(description, servers=[{"url": url}], components=components)


def test_every_answer_is_as_described(busy, topic, description):
    openapi = OpenAPI.from_dict(closed(description, busy.url))
    paths = {"/api/v1/topics": {}, f"/api/v1/topics/{topic}/buckets": {"from": "-2h", "to": int(time.time() * 1000)},
             f"/api/v1/topics/{topic}/rates": {"by": "group"}, f"/api/v1/topics/{topic}/findings": {"limit": 2},
             f"/api/v1/topics/{topic}/partitions": {}, "/api/v1/overview": {"q": topic[:6], "state": "suspected"},
             "/api/v1/findings": {"limit": 2}, "/api/v1/session": {},
             "/api/v1/reporters": {}, "/api/v1/sources": {}, "/healthz": {}, "/readyz": {}}
    for path, params in paths.items():
        validate(openapi, busy, path, **params)
    validate(openapi, busy, f"/api/v1/topics/{topic}/rates", by="reporter")
    buckets = validate(openapi, busy, f"/api/v1/topics/{topic}/buckets", histogram="true").json()["buckets"]
    for group in (group for bucket in buckets for group in bucket["groups"].values()):
        assert sum(count for _, count in group["histogram"]) + group["latency_ms"]["negative"] >= group["consumed"]
    for step, width in (("15m", 900_000), ("1h", 3_600_000), ("1d", 86_400_000)):
        wide = validate(openapi, busy, f"/api/v1/topics/{topic}/buckets", step=step).json()
        assert wide["step_ms"] == width and all(bucket["start"] % width == 0 for bucket in wide["buckets"])
        assert sum(bucket["produced"]["count"] for bucket in wide["buckets"]) == sum(bucket["produced"]["count"] for bucket in buckets)
    for path, status, params in ((f"/api/v1/topics/{topic}/buckets", 400, {"from": "yesterday"}),
                                 (f"/api/v1/topics/{topic}/buckets", 400, {"from": "-30d", "step": "1m"}),
                                 (f"/api/v1/topics/{topic}/buckets", 400, {"step": "7m"}),
                                 (f"/api/v1/topics/{topic}/findings", 400, {"state": "gone"}),
                                 (f"/api/v1/topics/{topic}/findings", 400, {"limit": "-1"}),
                                 ("/api/v1/overview", 400, {"state": "gone"}), ("/api/v1/overview", 400, {"next": "x"}),
                                 ("/api/v1/findings", 400, {"next": "x"}), ("/api/v1/findings", 400, {"state": "gone"}),
                                 ("/api/v1/topics/no-such-topic/buckets", 404, {})):
        problem = busy.request(path, **params)
        assert problem.status_code == status, f"{path} {params}: {problem.text}"
        assert problem.headers["content-type"].startswith("application/problem+json")
        assert problem.json()["status"] == status and problem.json()["detail"]


def test_every_described_path_answers(busy, topic, description):
    """With the names of what there is, as described to the last member; 404 for names of what there is not."""
    openapi = OpenAPI.from_dict(closed(description, busy.url))
    wait_until(lambda: busy.get("/api/v1/watches/errors/samples")["samples"], 30, "the watch has counted")
    wait_until(lambda: busy.get("/api/v1/kpis/lines/windows")["windows"], 30, "the KPI has counted")
    for path, operations in description["paths"].items():
        if "get" not in operations or "text/event-stream" in operations["get"]["responses"]["200"]["content"]:
            continue
        named = path.replace("{topic}", topic)
        for engine, name in ENGINES.items():
            if named.startswith(f"/api/v1/{engine}/"):
                named = named.replace("{name}", name).replace("{group}", name)
        assert "{" not in named, f"{path}: this test does not know what to put there"
        if "application/json" in operations["get"]["responses"]["200"]["content"]:
            validate(openapi, busy, named)
        else:
            assert busy.status(named) == 200, named
        if named != path:
            assert busy.status(path.replace("{topic}", "none").replace("{name}", "none").replace("{group}", "none")) == 404, path


def test_every_path_of_the_program_is_described(description):
    """Paths that are written out in the source."""
    source = SPEC.parents[1]
    written = {path for file in source.rglob("*.cc") if "_test" not in file.name
               for path in re.findall(r'"(/(?:api/v1/|metrics|healthz|readyz)[^"\s?]*[^"/\s?])"', file.read_text())}
    assert not {path for path in written if path not in description["paths"] and "{what}" not in path} and len(written) > 10


def test_pages_of_all_findings_are_the_findings_of_each_topic(busy, topic):
    whole = busy.get("/api/v1/findings", topic=topic)["findings"]
    assert [dict(f, topic=None) for f in whole] == [dict(f, topic=None) for f in busy.findings(topic)]
    pages, more = [], None
    while True:
        page = busy.get("/api/v1/findings", topic=topic, limit=1, **({"next": more} if more else {}))
        pages += page["findings"]
        more = page["next"]
        if not more:
            break
    assert pages == whole and {f["topic"] for f in whole} == {topic}


def test_events_say_which_topic_has_changed(busy, topic, clients):
    import requests
    stream = requests.get(busy.url + "/api/v1/live", stream=True, timeout=30)
    lines = stream.iter_lines(chunk_size=1, decode_unicode=True)  # larger ones wait until they are full
    assert next(lines) == "event: hello"
    producer = clients.producer()
    producer.send(topic, 10)
    changes = (json.loads(line[6:]) for line in lines if line.startswith("data: ") and "topics" in line)
    deadline = time.monotonic() + 20
    assert any(f"main/{topic}" in change["topics"] for change in itertools.takewhile(lambda _: time.monotonic() < deadline, changes))
    stream.close()


def test_paths_methods_and_bodies_that_do_not_exist_are_problems(waybill):
    import requests
    assert waybill.request("/api/v1/nothing").status_code == 404
    assert requests.post(waybill.url + "/api/v1/topics", json={}, timeout=10).status_code == 405
    assert requests.get(waybill.url + "/" + "a" * 100_000, timeout=10).status_code in (400, 413, 414, 431)


def test_metrics_pass_promtool(busy, topic):
    text = busy.metrics()
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0 and not result.stderr.strip() and not result.stdout.strip(), result.stdout + result.stderr
    assert f'topic="{topic}"' in text
    samples = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert len(samples) == len(set(samples)), "a series twice"


def test_the_page_needs_nothing_from_elsewhere(waybill):
    page = waybill.request("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text.replace("http://www.w3.org", "") and "https://" not in page.text
    assert "default-src" in page.headers.get("content-security-policy", "")


def test_tokens_give_roles(make_waybill, tmp_path):
    import requests
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef\n")
    waybill = make_waybill(config={"auth": {"tokens": [{"role": "viewer", "token_file": str(token)}]}}).start(ready=False)
    wait_until(lambda: waybill.status("/healthz") == 200, 20, "alive")
    url = waybill.url + "/api/v1/topics"
    assert requests.get(url, timeout=10).status_code == 401
    assert requests.get(url, headers={"Authorization": "Bearer wrong"}, timeout=10).status_code == 401
    good = {"Authorization": f"Bearer {token.read_text().strip()}"}
    assert requests.get(url, headers=good, timeout=10).status_code == 200
    assert token.read_text().strip() not in waybill.log_text()


def test_two_clusters_with_one_topic_name_need_the_cluster(kafka, clients, reports, make_waybill, audit_topic, topic,
                                                           tmp_path):
    (tmp_path / "west").mkdir()
    west = LocalBroker(tmp_path / "west").start()
    try:
        west.create_topic(audit_topic, partitions=16)
        waybill = make_waybill(config={"clusters": {"east": {"bootstrap.servers": kafka.bootstrap},
                                                    "west": {"bootstrap.servers": west.bootstrap}}},
                               audit={"clusters": ["east", "west"]}).start()
        producer = clients.producer()
        producer.send(topic, 100)
        producer.close()
        wait_until(lambda: any(raw.report.closed for raw in reports.read_all(kafka.bootstrap, audit_topic)), 30, "reports")
        reports.write(west.bootstrap, audit_topic, reports.read_all(kafka.bootstrap, audit_topic))

        def both():
            return sorted(t["cluster"] for t in waybill.get("/api/v1/topics")["topics"] if t["name"] == topic)
        wait_until(lambda: both() == ["east", "west"], 30, "both clusters know the topic")
        path = f"/api/v1/topics/{topic}/buckets"
        problem = waybill.request(path)
        assert problem.status_code == 409 and "east" in problem.text and "west" in problem.text
        assert waybill.get(path, cluster="west")["buckets"] == [
            dict(bucket, cluster="west") for bucket in waybill.get(path, cluster="east")["buckets"]]
    finally:
        west.close()


def test_many_slow_connections_do_not_stop_the_others(waybill):
    import socket
    held = []
    try:
        for _ in range(40):
            sock = socket.create_connection(("127.0.0.1", waybill.port), timeout=5)
            sock.sendall(b"GET /api/v1/topics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            held.append(sock)
        assert waybill.status("/healthz") == 200
    finally:
        for sock in held:
            sock.close()
    assert process.tail(waybill.log).count("BUG") == 0
