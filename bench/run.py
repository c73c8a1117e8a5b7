#!/usr/bin/env python3
"""Runs the benchmarks, prints a table, writes build/bench.json. `./dev bench [NAME...]`; names: see PARTS below.

Every benchmark checks its own answer; a wrong one ends the run with an error. Times of a busy machine are worth nothing: the
load before each part is recorded beside its figures."""

import contextlib
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.kafka import LocalBroker  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build" / "bench")).resolve()
PAIRS = int(os.environ.get("WAYBILL_BENCH_PAIRS", "7"))


@contextlib.contextmanager
def broker():
    """A broker of this run alone, so that the audit topic holds nothing else."""
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as folder:
        server = LocalBroker(folder, auto_create_topics_enable="true", num_partitions=4)
        try:
            yield server.start()
        finally:
            server.close()


def run_json(command, timeout=1800):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout)


def program(name):
    found = [path for path in BUILD.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
    return found[0] if found else sys.exit(f"bench: {name} is not in {BUILD}; run: ./dev bench")


def micro():
    """Google Benchmark programs of the folders of src/: recorder, tally, store, collector."""
    results = []
    for path in sorted([*BUILD.glob("src/*/*_bench"), *BUILD.glob("bench/*_bench")]):
        answer = run_json([path, "--benchmark_format=json", "--benchmark_min_time=0.5"])
        for item in answer["benchmarks"]:
            if item.get("error_occurred"):
                sys.exit(f"bench: {item['name']}: {item['error_message']}")
            figures = {"name": f"{path.name}: {item['name']}", "ns": round(item["real_time"] * to_ns(item), 2),
                       "cpu_ns": round(item["cpu_time"] * to_ns(item), 2)}
            for rate in ("items_per_second", "bytes_per_second"):
                if rate in item:
                    figures[rate] = round(item[rate])
            results.append(figures)
    return results


def to_ns(item):
    return {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[item["time_unit"]]


def client():
    """A whole client with the plugin against without, 1 M messages of 200 B, paired runs."""
    with broker() as server:
        for pair in range(-1, PAIRS):
            server.create_topic(f"waybill-bench-produce-{pair}")
        server.create_topic("waybill-bench-read")
        server.create_topic("waybill-reports", partitions=16)
        answer = run_json([sys.executable, ROOT / "bench" / "client_overhead.py", "--client", program("bench_client"),
                           "--plugin", BUILD / "libwaybill_rdkafka.so", "--bootstrap", server.bootstrap,
                           "--pairs", PAIRS])
    return [{"name": f"client, {mode}", **figures} for mode, figures in answer.items()]


def traffic():
    """Bytes of reports against bytes of payload: four producers of 10,000 messages/s of 500 B."""
    with broker() as server:
        answer = run_json([sys.executable, ROOT / "bench" / "report_traffic.py", "--client", program("bench_client"),
                           "--plugin", BUILD / "libwaybill_rdkafka.so", "--bootstrap", server.bootstrap])
    return [{"name": "report traffic", **answer}]


def source():
    """The runtime's Kafka source against a bare librdkafka read in the same run."""
    with broker() as server:
        return [{"name": "kafka source", **run_json([program("bench_source"), server.bootstrap])}]


def verdict():
    """From a skip to suspected, and to lost, on the API; default settings, 200 skips by 8 readers."""
    return [{"name": "time to verdict", **run_json([sys.executable, ROOT / "bench" / "time_to_verdict.py", "--build", BUILD])}]


def failover():
    """From kill -9 of one of two collectors on PostgreSQL until every figure moves again."""
    return [{"name": "failover", **run_json([sys.executable, ROOT / "bench" / "failover.py", "--build", BUILD])}]


def api():
    """Requests at 50/s and the first view of the page over 10,000 topics, 1 M findings and 30 days of buckets."""
    answer = run_json([sys.executable, ROOT / "bench" / "api_load.py", "--build", BUILD])
    kinds = answer.pop("routes")
    return [{"name": "api", **answer}, *({"name": f"api: {kind}", **figures} for kind, figures in kinds.items())]


def verifier():
    """Scattered losses an hour at the default budget of 1 MiB/s, near each other and far apart."""
    return run_json([sys.executable, ROOT / "bench" / "verifier_rate.py", "--build", BUILD])


def stores():
    """The collector's rate into SQLite, PostgreSQL and MariaDB in turn, with the CPU time of the servers."""
    return run_json([sys.executable, ROOT / "bench" / "store_rate.py", "--program", program("collector_store_bench")])


def ledger():
    """CPU of a ledger over a topic, continuously and once, against that of a bare read."""
    return run_json([sys.executable, ROOT / "bench" / "ledger_kafka.py", "--build", BUILD])


def agent():
    """Log files to a topic: speed, latency and memory of `waybill agent`."""
    answer = run_json([sys.executable, ROOT / "bench" / "agent_bench.py"])
    return [{"name": name, **figures} for name, figures in answer.items()]


def watch():
    """CPU of watches over a topic, one rule and four, against a bare librdkafka read."""
    return [{"name": "watch from Kafka", **run_json([sys.executable, ROOT / "bench" / "watch_kafka.py", "--build", BUILD])}]


PARTS = {"micro": micro, "source": source, "client": client, "traffic": traffic, "verdict": verdict, "failover": failover, "api": api,
         "verifier": verifier, "stores": stores, "agent": agent, "ledger": ledger, "watch": watch}


def show(rows):
    for row in rows:
        figures = [f"{key} {value:,}" if isinstance(value, (int, float)) else f"{key} {value}"
                   for key, value in row.items() if key != "name" and not isinstance(value, list)]
        print(f"  {row['name']:<60} {'  '.join(figures)}", flush=True)


def main():
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        sys.exit(f"bench: no part {unknown[0]}; there are: {', '.join(PARTS)}")
    results = {"machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "kernel": platform.release()}, "parts": {}}
    for name in wanted:
        load = os.getloadavg()[0]
        print(f"{name}: {PARTS[name].__doc__} (load {load:.1f})", flush=True)
        began = time.monotonic()
        rows = PARTS[name]()
        show(rows)
        results["parts"][name] = {"load_before": load, "seconds": round(time.monotonic() - began, 1), "rows": rows}
    output = ROOT / "build" / "bench.json"
    output.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {output.relative_to(ROOT)}")


def cpu_model():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
