#!/usr/bin/env python3
"""The collector's rate into SQLite, PostgreSQL and MariaDB: collector_store_bench with one in turn after the other, servers of its own
with their default settings (fsync on), a fresh schema or database for each run. Ratios are medians of those of single
rounds: by the clock, and by the CPU time of the collector and the server together. Prints one JSON array."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.databases import Mariadb, Postgresql  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(server):
    """Seconds of CPU of a server and its children, with those that have ended."""
    ticks = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(path.parent.name) == server.server.pid:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == server.server.pid:
            ticks += sum(map(int, fields[11:13]))
    return ticks / TICK


def run(program, case, server, name):
    """One run: entries/s by the clock, entries, and seconds of CPU of both sides."""
    env = {key: value for key, value in os.environ.items() if key != "WAYBILL_BENCH_STORE"}
    before = 0
    if server is not None:
        server.make(name)
        env["WAYBILL_BENCH_STORE"] = server.place(name)
        before = cpu_of(server)
    done = subprocess.run([str(program), "--benchmark_format=json", f"--benchmark_filter=/loss_every:{case}/"], env=env,
                          stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"store_rate: {program.name}: exit {done.returncode}")
    item = json.loads(done.stdout)["benchmarks"][0]
    entries = item["items_per_second"] * item["real_time"] / 1e3 * item["iterations"]
    collector = item["cpu_time"] / 1e3 * item["iterations"]
    return {"rate": item["items_per_second"], "entries": entries, "collector": collector,
            "server": cpu_of(server) - before if server is not None else 0.0}


def of_round(program, case, servers, number):
    return {name: run(program, case, server, f"rate_{case}_{number}") for name, server in servers.items()}


def per_cpu_second(figures):
    return figures["entries"] / (figures["collector"] + figures["server"])


def row(case, name, rounds):
    ours, sqlite = [r[name] for r in rounds], [r["sqlite"] for r in rounds]
    what = "no gaps" if case == 0 else f"one offset in {case} lost"
    answer = {"name": f"collector into {name}, {what}",
              "entries_per_second": round(statistics.median(f["rate"] for f in ours)),
              "entries_per_cpu_second": round(statistics.median(map(per_cpu_second, ours))),
              "collector_cpu_us": round(statistics.median(f["collector"] / f["entries"] for f in ours) * 1e6, 2),
              "server_cpu_us": round(statistics.median(f["server"] / f["entries"] for f in ours) * 1e6, 2)}
    if name != "sqlite":
        answer["of_sqlite"] = round(statistics.median(a["rate"] / b["rate"] for a, b in zip(ours, sqlite)), 3)
        answer["of_sqlite_cpu"] = round(statistics.median(per_cpu_second(a) / per_cpu_second(b)
                                                          for a, b in zip(ours, sqlite)), 3)
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    servers = {"sqlite": None}
    try:
        servers["postgresql"] = Postgresql().start()
        servers["mariadb"] = Mariadb().start()
        rows = []
        for case in (0, 100):
            rounds = [of_round(arguments.program, case, servers, number) for number in range(arguments.rounds)]
            rows += [row(case, name, rounds) for name in servers]
        print(json.dumps(rows))
    finally:
        for server in servers.values():
            if server is not None:
                server.close()


if __name__ == "__main__":
    main()
