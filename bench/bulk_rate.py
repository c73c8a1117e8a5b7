#!/usr/bin/env python3
"""How fast a ledger's documents get into OpenSearch, against what the server takes of the very same documents when they are posted
from memory over one or two connections, whichever is faster. Turn by turn. Two figures: `stream`, from Kafka, in operations a
second between the first and the last tenth, as the server counts them; `drain`, of a whole backlog in the outbox while nothing
comes from Kafka, in different documents a second from the first contact until all are there. The server's compiler is warmed first.
With --apart OpenSearch has the first core for itself, and everything else the others, so that what is measured is whether the server
is kept busy; without it they share the machine. Prints one JSON object."""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "bench"))

import requests  # noqa: E402
from harness import process  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.search import OPENSEARCH, SearchServer  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402
from ledger_kafka import cpu_of, fill  # noqa: E402

BULK_BYTES = 8 << 20
WHOLE_BACKLOG = {"outbox_rows": 10_000_000}


def operations(search):
    return search.call("GET", "/_stats/indexing")["_all"]["primaries"].get("indexing", {}).get("index_total", 0)


def rate(search, total, before=0):
    """Operations a second from a tenth of `total` to nine tenths."""
    marks = []
    for part in (0.1, 0.9):
        wait_until(lambda: operations(search) - before >= total * part, 300, f"{part} of {total} operations", interval=0.02)
        marks.append((time.monotonic(), operations(search)))
    return (marks[1][1] - marks[0][1]) / (marks[1][0] - marks[0][0])


def make_waybill(binary, folder, kafka, topic, url, ledger, **more):
    return Waybill(binary, folder, config={
        "clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "search": {"out": {"urls": [url]}},
        "ledgers": {ledger: {"discover": True, "source": {"cluster": "main", "topics": [topic]}, "index": {"search": "out"}}}, **more})


def with_waybill(binary, folder, kafka, topic, lines, search, total):
    search.clear()
    server = make_waybill(binary, folder, kafka, topic, search.url, folder.name)
    try:
        server.start(timeout=60)
        found = rate(search, total) if total else None
        wait_until(lambda: server.get("/api/v1/ledgers")["ledgers"][0]["lines"] >= lines, 600, "all lines", interval=0.5)
        wait_until(lambda: "waybill_outbox_rows 0" in server.metrics(), 600, "all documents are written", interval=0.5)
        return found
    finally:
        server.close()


def counted(server, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in server.metrics().splitlines() if line.startswith(f"waybill_{name}"))


def fill_outbox(binary, folder, kafka, topic, lines):
    """A store whose outbox has every document, because nobody is at the server's address; and how many rows these are."""
    server = make_waybill(binary, folder, kafka, topic, f"http://127.0.0.1:{process.free_port()}", "backlog", watch=WHOLE_BACKLOG)
    try:
        server.start(timeout=60)
        wait_until(lambda: server.get("/api/v1/ledgers")["ledgers"][0]["lines"] >= lines, 600, "all lines", interval=0.5)
        time.sleep(2)  # it counts its rows once a second
        rows = counted(server, "outbox_rows")
        server.stop(30, codes=(0, 3))
    finally:
        server.close()
    return server.store, rows


def drained(binary, folder, kafka, topic, backlog, rows, search, documents):
    """Documents a second, from when the server is found, and seconds of CPU."""
    search.clear()
    server = make_waybill(binary, folder, kafka, topic, search.url, "backlog", watch=WHOLE_BACKLOG)
    server.store.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(backlog, server.store)
    try:
        server.start(timeout=60)
        wait_until(lambda: counted(server, "forwarded_messages_total") + counted(server, "forward_superseded") >= rows, 600,
                   "the outbox is empty", interval=0.05)
        end = time.time()
        found = re.search(r"^(\S+)Z .*: writing to ", server.log_text(), re.M)[1]
        begin = datetime.datetime.fromisoformat(found + "+00:00").timestamp()
        assert search.count("audit-tmm") == documents
        assert operations(search) >= documents
        return {"documents_per_s": documents / (end - begin), "operations": operations(search), "cpu_s": cpu_of(server.process.pid)}
    finally:
        server.close()


def bodies(documents, index):
    """Bulks of the documents."""
    parts, size = [[]], 0
    for key, source in documents.items():
        action = {"index": {"_index": index, "_id": key, "version": 1, "version_type": "external_gte"}}
        parts[-1].append(json.dumps(action) + "\n" + json.dumps(source, separators=(",", ":")) + "\n")
        size += len(parts[-1][-1])
        if size >= BULK_BYTES:
            parts.append([])
            size = 0
    return ["".join(part).encode() for part in parts if part]


def posted(search, index, like, parts, total, connections):
    """The same index anew, filled from memory: operations a second in the middle, and documents a second of all."""
    search.call("DELETE", f"/{index}", ok=False)
    search.call("PUT", f"/{index}", like)
    before = operations(search)

    def post(numbers):
        session = requests.Session()
        for number in numbers:
            answer = session.post(f"{search.url}/_bulk?filter_path=errors", data=parts[number], timeout=120,
                                  headers={"Content-Type": "application/x-ndjson"}).json()
            assert not answer["errors"]

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        work = [pool.submit(post, range(i, len(parts), connections)) for i in range(connections)]
        found = rate(search, total, before)
        for one in work:
            one.result()
    return found, total / (time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=150_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--apart", action="store_true")
    options = parser.parse_args()
    binary = options.build.resolve() / "waybill"
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = pathlib.Path(name)
        kafka = LocalBroker(name).start()
        search = SearchServer(OPENSEARCH)
        try:
            cores = os.sched_getaffinity(0)
            if options.apart:  # what is started inherits them
                os.sched_setaffinity(0, {min(cores)})
            search.start()
            if options.apart:
                os.sched_setaffinity(0, cores - {min(cores)})
            topic, lines = fill(kafka, binary, folder, options.messages)
            with_waybill(binary, folder / "first", kafka, topic, lines, search, 0)
            documents = search.documents("audit-tmm")
            (index, about), = search.call("GET", "/audit-tmm").items()
            kept = {key: value for key, value in about["settings"]["index"].items()
                    if key not in ("creation_date", "uuid", "version", "provided_name")}
            like = {"settings": {"index": kept}, "mappings": about["mappings"]}
            parts = bodies(documents, "bare")
            backlog, rows = fill_outbox(binary, folder / "backlog", kafka, topic, lines)
            rounds = []
            for _ in range(2):
                posted(search, "bare", like, parts, len(documents), 2)
            search.call("DELETE", "/bare")
            for number in range(options.rounds):
                ours = with_waybill(binary, folder / f"r{number}", kafka, topic, lines, search, len(documents))
                drain = drained(binary, folder / f"d{number}", kafka, topic, backlog, rows, search, len(documents))
                bare = [posted(search, "bare", like, parts, len(documents), connections) for connections in (1, 2)]
                search.call("DELETE", "/bare")
                stream_bare, drain_bare = (max(found) for found in zip(*bare, strict=True))
                rounds.append({"stream_per_s": round(ours), "stream_bare_per_s": round(stream_bare),
                               "stream_ratio": round(ours / stream_bare, 3), "drain_per_s": round(drain["documents_per_s"]),
                               "drain_bare_per_s": round(drain_bare), "drain_ratio": round(drain["documents_per_s"] / drain_bare, 3),
                               "drain_operations": drain["operations"], "drain_cpu_s": drain["cpu_s"]})
                print(rounds[-1], file=sys.stderr)
        finally:
            search.close()
            kafka.close()
    print(json.dumps({"documents": len(documents), "outbox_rows": rows,
                      **{key: statistics.median(r[key] for r in rounds) for key in rounds[0]}}))


if __name__ == "__main__":
    main()
