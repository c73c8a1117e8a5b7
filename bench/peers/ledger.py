"""A million messages with one to three consumers: waybill ledger, DuckDB, Polars and a Python dictionary."""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = ["duckdb", "polars"]
GOALS = {"wall": 0.25, "cpu": 0.25, "memory_mb": 100}


def prepare(folder, waybill, quick):
    path, truth = folder / "app.ndjson", folder / "truth.json"
    if not truth.exists():
        # Without broken lines, which the peers' readers of JSON refuse.
        subprocess.run([waybill, "gen", "ledger", "--messages", str(100_000 if quick else 1_000_000), "--seed", "5",
                        "--malformed-ppm", "0", "--ignored-ppm", "0", "--out", path, "--truth", truth], check=True)
    return {"path": path, "truth": json.loads(truth.read_text())}


def contestants(data, waybill):
    peer = HERE / "ledger_peer.py"
    return {"waybill ledger": [waybill, "ledger", data["path"], "--format", "json"],
            "DuckDB, 2 threads": ["PYTHON", peer, "duckdb", data["path"], "2"],
            "DuckDB, 1 thread": ["PYTHON", peer, "duckdb", data["path"], "1"],
            "Polars": ["PYTHON", peer, "polars", data["path"]],
            "Python dictionary": ["PYTHON", peer, "dictionary", data["path"]]}


def check(data, name, result):
    """Peers print {"producer|consumer": [produced, consumed, unconsumed, duplicated, unrecorded, mean, max]}."""
    if "producers" in result:
        result = {f"{p['name']}|{c['name']}": [p["produced"], c["consumed"], c["unconsumed"], c["duplicated"], c["unrecorded"],
                                               c["latency_ms"]["mean"], c["latency_ms"]["max"]]
                  for p in result["producers"] for c in p["consumers"]}
    truth = {key: [pair["produced"], pair["consumed"], pair["lost"], pair["dup"], pair["unrec"], pair["lat_mean"], pair["lat_max"]]
             for key, pair in data["truth"]["pairs"].items() if pair["produced"] or pair["consumed"]}
    assert set(result) == set(truth), f"{name}: other pairs"
    for key, expected in truth.items():
        found = result[key]
        assert found[:5] == expected[:5] and found[6] == expected[6], f"{name}: {key}: {found}, the truth is {expected}"
        assert abs(found[5] - expected[5]) < 1e-6 * max(1.0, expected[5]), f"{name}: {key}: mean {found[5]}, not {expected[5]}"
