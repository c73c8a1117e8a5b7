#!/usr/bin/env python3
"""How fast a ledger's documents get into OpenSearch, against what the server takes of the very same documents when they are posted
from memory over one or two connections, whichever is faster. Turn by turn; rates are operations a second between the first and the
last tenth, as the server counts them. Prints one JSON object."""

import argparse
import concurrent.futures
import json
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "bench"))

import requests  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.search import OPENSEARCH, SearchServer  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402
from ledger_kafka import fill  # noqa: E402

BULK_BYTES = 8 << 20  # as the sink's


def operations(search):
    return search.call("GET", "/_stats/indexing")["_all"]["primaries"].get("indexing", {}).get("index_total", 0)


def rate(search, total, before=0):
    """Operations a second from a tenth of `total` to nine tenths."""
    marks = []
    for part in (0.1, 0.9):
        wait_until(lambda: operations(search) - before >= total * part, 300, f"{part} of {total} operations", interval=0.02)
        marks.append((time.monotonic(), operations(search)))
    return (marks[1][1] - marks[0][1]) / (marks[1][0] - marks[0][0])


def with_waybill(binary, folder, kafka, topic, lines, search, total):
    search.clear()
    config = {"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "search": {"out": {"urls": [search.url]}},
              "ledgers": {folder.name: {"discover": True, "source": {"cluster": "main", "topics": [topic]}, "index": {"search": "out"}}}}
    server = Waybill(binary, folder, config=config)
    try:
        server.start(timeout=60)
        found = rate(search, total) if total else None
        wait_until(lambda: server.get("/api/v1/ledgers")["ledgers"][0]["lines"] >= lines, 600, "all lines", interval=0.5)
        wait_until(lambda: "waybill_outbox_rows 0" in server.metrics(), 600, "all documents are written", interval=0.5)
        return found
    finally:
        server.close()


def bodies(documents, index):
    """Bulks of the documents, as the sink makes them."""
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
    """The same index anew, filled from memory."""
    search.call("DELETE", f"/{index}", ok=False)
    search.call("PUT", f"/{index}", like)
    before = operations(search)

    def post(numbers):
        session = requests.Session()
        for number in numbers:
            answer = session.post(f"{search.url}/_bulk?filter_path=errors", data=parts[number], timeout=120,
                                  headers={"Content-Type": "application/x-ndjson"}).json()
            assert not answer["errors"]

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        work = [pool.submit(post, range(i, len(parts), connections)) for i in range(connections)]
        found = rate(search, total, before)
        for one in work:
            one.result()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=150_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    binary = options.build.resolve() / "waybill"
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = pathlib.Path(name)
        kafka = LocalBroker(name).start()
        search = SearchServer(OPENSEARCH)
        try:
            search.start()
            topic, lines = fill(kafka, binary, folder, options.messages)
            with_waybill(binary, folder / "first", kafka, topic, lines, search, 0)
            total = operations(search)
            documents = search.documents("audit-tmm")
            (index, about), = search.call("GET", "/audit-tmm").items()
            kept = {key: value for key, value in about["settings"]["index"].items()
                    if key not in ("creation_date", "uuid", "version", "provided_name")}
            like = {"settings": {"index": kept}, "mappings": about["mappings"]}
            parts = bodies(documents, "bare")
            rounds = []
            for number in range(options.rounds):
                ours = with_waybill(binary, folder / f"r{number}", kafka, topic, lines, search, total)
                bare = max(posted(search, "bare", like, parts, len(documents), connections) for connections in (1, 2))
                search.call("DELETE", "/bare")
                rounds.append({"ours_per_s": round(ours), "bare_per_s": round(bare), "ratio": round(ours / bare, 3)})
                print(rounds[-1], file=sys.stderr)
        finally:
            search.close()
            kafka.close()
    print(json.dumps({"documents": len(documents), "operations": total,
                      **{key: statistics.median(r[key] for r in rounds) for key in rounds[0]}}))


if __name__ == "__main__":
    main()
