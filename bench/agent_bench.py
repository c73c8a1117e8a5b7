#!/usr/bin/env python3
"""Speed, latency and memory of `waybill agent`, against a broker of its own or $WAYBILL_TEST_BOOTSTRAP. Prints JSON; ends with an error when a line is missing.

  WAYBILL_BUILD=build/bench WAYBILL_KAFKA_LIBS=... .venv/bin/python bench/agent_bench.py [MEGABYTES]"""

import json
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.agent import Agent, Reader  # noqa: E402
from harness.kafka import Broker, LocalBroker  # noqa: E402
from harness.wait import wait_until  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build" / "bench")).resolve()
MEGABYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
LINE_BYTES = 540
PARTITIONS = 4


def line(number):
    text = json.dumps({"orderId": f"{number % 100_000:09d}", "number": number, "pad": ""})
    return (text[:-2] + "x" * (LINE_BYTES - 1 - len(text)) + text[-2:] + "\n").encode()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def delivered(agent):
    """Of the last status line."""
    lines = [text for text in agent.log.read_text(errors="replace").splitlines() if "status: " in text]
    return int(lines[-1].split(" delivered=")[1].split()[0]) if lines else 0


def throughput(folder, broker):
    """One large file that is there at the start."""
    topic = broker.create_topic(f"throughput-{os.getpid()}", PARTITIONS)
    block = b"".join(line(number) for number in range(10_000))
    blocks = MEGABYTES * 1_000_000 // len(block)
    with open(folder / "big.log", "wb") as file:
        for _ in range(blocks):
            file.write(block)
    agent = Agent(BUILD / "waybill", folder / "throughput", broker.bootstrap, topic, "waybill-reports",
                  [str(folder / "big.log")], key="orderId", headers={"business": "pc"}, audit="none").start()
    count, began = blocks * 10_000, time.monotonic()
    wait_until(lambda: delivered(agent) == count, 1200, "all delivered")
    wall, cpu, peak = time.monotonic() - began, cpu_seconds(agent.process.pid), peak_mb(agent.process.pid)
    agent.stop()
    megabytes = blocks * len(block) / 1e6
    return {"megabytes": round(megabytes), "mb_per_second": round(megabytes / wall), "cpu_seconds": round(cpu, 2),
            "mb_per_cpu_second": round(megabytes / cpu), "peak_mb": round(peak, 1)}


def many_files(folder, broker, files=1000, rounds=20):
    """A line to each of 1,000 files at a time; from writing to reading it from the topic."""
    topic = broker.create_topic(f"latency-{os.getpid()}", PARTITIONS)
    logs = folder / "logs"
    logs.mkdir()
    paths = [logs / f"{number:04d}.log" for number in range(files)]
    for path in paths:
        path.write_bytes(b"")
    agent = Agent(BUILD / "waybill", folder / "latency", broker.bootstrap, topic, broker.create_topic(f"reports-{os.getpid()}", 16),
                  [str(logs / "*.log")], key="orderId").start()
    reader = Reader(broker.bootstrap, topic, PARTITIONS)
    wait_until(lambda: agent.said(f"files={files}"), 60, "all files are followed")
    latencies = []
    for number in range(rounds):
        written = time.monotonic()
        for path in paths:
            with open(path, "ab") as file:
                file.write(line(number))
        last = time.monotonic()
        while len(reader.values) < (number + 1) * files:
            before = len(reader.values)
            reader.read()
            latencies += [time.monotonic() - (written + last) / 2] * (len(reader.values) - before)
            if time.monotonic() - written > 60:
                sys.exit("agent_bench: lines are missing")
    before, began = cpu_seconds(agent.process.pid), time.monotonic()
    time.sleep(5)
    idle = (cpu_seconds(agent.process.pid) - before) / (time.monotonic() - began)
    peak = peak_mb(agent.process.pid)
    agent.stop()
    reader.close()
    latencies.sort()
    return {"files": files, "latency_ms_p50": round(latencies[len(latencies) // 2] * 1000),
            "latency_ms_p99": round(latencies[len(latencies) * 99 // 100] * 1000),
            "latency_ms_max": round(latencies[-1] * 1000), "peak_mb": round(peak, 1),
            "idle_cpu_percent": round(idle * 100, 1)}


def main():
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = pathlib.Path(name)
        running = os.environ.get("WAYBILL_TEST_BOOTSTRAP")
        broker = Broker(running) if running else LocalBroker(folder / "kafka").start()
        try:
            print(json.dumps({"many_files": many_files(folder, broker), "throughput": throughput(folder, broker)}, indent=1))
        finally:
            broker.close()


if __name__ == "__main__":
    main()
