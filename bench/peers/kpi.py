"""A day of a payment platform: minutes, provinces and steps in one pass; waybill kpi, DuckDB, Polars and Python."""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE.parents[1] / "examples" / "recharge" / "waybill.yaml"
REQUIREMENTS = ["duckdb", "polars"]
GOALS = {"wall": 0.5, "cpu": 0.333, "memory_mb": 100}


def prepare(folder, waybill, quick):
    path, truth = folder / "day.ndjson", folder / "truth.json"
    if not truth.exists():
        subprocess.run([waybill, "gen", "recharge", "--orders", str(100_000 if quick else 1_000_000), "--seed", "1",
                        "--out", path, "--truth", truth], check=True)
    return {"path": path, "truth": json.loads(truth.read_text())}


def contestants(data, waybill):
    peer = HERE / "kpi_peer.py"
    names = [word for name in ("recharge", "recharge_failures", "recharge_steps") for word in ("--name", name)]
    return {"waybill kpi": [waybill, "kpi", data["path"], "-c", CONFIG, *names, "--format", "json"],
            "DuckDB, 2 threads": ["PYTHON", peer, "duckdb", data["path"], "2"],
            "DuckDB, 1 thread": ["PYTHON", peer, "duckdb", data["path"], "1"],
            "Polars": ["PYTHON", peer, "polars", data["path"]],
            "Python": ["PYTHON", peer, "python", data["path"]]}


def ours(result):
    """Our answer in the form of the peers': minutes, provinces, steps."""
    kpis = {kpi["name"]: kpi["windows"] for kpi in result["kpis"]}
    minutes = {}
    for window in kpis["recharge"]:
        values, duration = window["values"], window["values"]["duration_ms"]
        minute = "".join(c for c in window["start"][:16] if c.isdigit())
        minutes[minute] = [values["total"], values["succeeded"], values["amount"], duration["min"], duration["max"],
                           duration["mean"]]
    return {"minutes": minutes,
            "provinces": {window["by"]["provinceCode"]: window["values"]["failed"] for window in kpis["recharge_failures"]},
            "steps": {window["by"]["serviceName"]: window["values"]["lines"] for window in kpis["recharge_steps"]}}


def check(data, name, result):
    """Peers print {"minutes": {minute: [n, ok, amount, min, max, mean]}, "provinces": {...}, "steps": {...}}."""
    found = ours(result) if "kpis" in result else result
    truth = data["truth"]
    assert found["provinces"] == truth["fail_by_province"], f"{name}: provinces"
    assert found["steps"] == truth["stages"], f"{name}: steps"
    assert set(found["minutes"]) == set(truth["minutes"]), f"{name}: other minutes"
    for minute, expected in truth["minutes"].items():
        got = found["minutes"][minute]
        assert got[:5] == expected[:5], f"{name}: {minute}: {got}, the truth is {expected}"
        assert got[5] == expected[5] or abs(got[5] - expected[5]) < 1e-6 * expected[5], f"{name}: {minute}: mean {got[5]}"
