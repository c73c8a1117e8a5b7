"""The same web logs and one rule on the status, the field confirmed; grep and ripgrep look at the bytes only."""

import pathlib
import shutil

import watch

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = []
GOALS = {"cpu": 1.15, "memory_mb": 100}
prepare = watch.prepare


def contestants(data, waybill):
    peer = HERE / "watch_peer.py"
    found = {"waybill watch": [waybill, "watch", "--match", r"status=5\d{2}", data["path"], "--count", "--format", "json"],
             "grep -cP": ["PYTHON", peer, "grep", data["path"]]}
    if shutil.which("rg"):
        found["rg -c"] = ["PYTHON", peer, "rg", data["path"]]
    return found


def check(data, name, result):
    found = result["rules"][0]["matched"] if "rules" in result else result["status5xx"]
    assert found == data["truth"]["status5xx"], f"{name}: {found}, the truth is {data['truth']['status5xx']}"
