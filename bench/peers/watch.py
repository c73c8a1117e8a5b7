"""Web logs of 420 B a line with decoys: four rules on three fields; waybill watch, DuckDB and Python."""

import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from harness.fixtures import fixture  # noqa: E402

REQUIREMENTS = ["duckdb"]
GOALS = {"cpu": 0.2, "memory_mb": 100}
RULES = {"status5xx": ("status", r"5\d{2}"),
         "timeout": ("message", r"upstream timed out \(\d+: [A-Za-z ]+\)"),
         "oom": ("message", r"(?i)out ?of ?memory|oom-kill"),
         "scanner": ("http_user_agent", r"(?:sqlmap|nikto|masscan|zgrab)/\d+\.\d+")}


def prepare(folder, waybill, quick):
    """The lines of the fixture in random order, many times over: its truth times as many."""
    lines = fixture("weblog.ndjson").read_bytes().splitlines(keepends=True)
    truth = json.loads(fixture("weblog.truth.json").read_text())
    times = 80 if quick else 800
    path, rules = folder / f"weblog-{times}.ndjson", folder / "watch.yaml"
    if not path.exists():
        shuffled = random.Random(1)
        with path.open("wb", buffering=4 << 20) as out:  # small writes make small pages in the cache, which cost a reader twice as much
            for _ in range(times):
                shuffled.shuffle(lines)
                out.writelines(lines)
    rules.write_text(json.dumps({"watches": {name: {"where": {field: pattern}, "sample": 0}
                                             for name, (field, pattern) in RULES.items()}}))
    return {"path": path, "rules": rules, "truth": {name: truth[name] * times for name in RULES}}


def contestants(data, waybill):
    peer = HERE / "watch_peer.py"
    return {"waybill watch": [waybill, "watch", "-c", data["rules"], data["path"], "--count", "--format", "json"],
            "DuckDB, 1 thread": ["PYTHON", peer, "duckdb", data["path"]],
            "Python": ["PYTHON", peer, "python", data["path"]]}


def check(data, name, result):
    """Peers print {rule: matches}."""
    found = {rule["name"]: rule["matched"] for rule in result["rules"]} if "rules" in result else result
    assert found == data["truth"], f"{name}: {found}, the truth is {data['truth']}"
