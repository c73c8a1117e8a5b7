#!/usr/bin/env python3
"""KPIs from Kafka: CPU of `waybill run` against a bare librdkafka read of the same topic, the state that the funnel keeps, and
the time from a line in a file to its figure on the API and in Redis. Prints JSON; ends with an error when a figure is wrong.

  WAYBILL_BUILD=build/bench WAYBILL_KAFKA_LIBS=... .venv/bin/python bench/kpi_kafka.py [ORDERS]"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "bench"))

from agent_bench import cpu_seconds, delivered, peak_mb  # noqa: E402
from harness.agent import Agent  # noqa: E402
from harness.figures import windows  # noqa: E402
from harness.kafka import LocalBroker  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.wait import wait_until  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build" / "bench")).resolve()
ORDERS = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
THREE = ("recharge", "recharge_failures", "recharge_steps")
ROUNDS = 40


def settings(topic, group, names=None):
    config = yaml.safe_load((ROOT / "examples" / "recharge" / "waybill.yaml").read_text())["kpis"]
    config["defaults"].update(source={"cluster": "main", "topic": topic}, group=group)
    for name in ("recharge_failures", "recharge_map"):
        lookup = config[name]["by"][0]["lookup"]
        lookup["file"] = str(ROOT / "examples" / "recharge" / lookup["file"])
    return {name: part for name, part in config.items() if names is None or name == "defaults" or name in names}


def counted(server):
    return sum(window["values"]["lines"] for window in windows(server, "recharge_steps")["windows"])


def bare(broker, topic):
    """CPU seconds of a bare read of the whole topic."""
    out = subprocess.run([BUILD / "bench" / "bench_source", broker.bootstrap, topic, "3"], capture_output=True, text=True,
                         check=True, timeout=600).stdout
    return json.loads(out)


def read_all(folder, broker, topic, truth, names, **more):
    """CPU seconds from the start until every line is counted, without what it costs to start and to wait."""
    server = Waybill(BUILD / "waybill", folder, config={"clusters": {"main": {"bootstrap.servers": broker.bootstrap}},
                                                        "kpis": settings(topic, f"bench-{time.time()}", names),
                                                        # The day lies years back.
                                                        "retention": {"minutes": "3650d", "hours": "3650d"}, **more})
    try:
        began = time.monotonic()
        server.start()
        while counted(server) < truth["lines"]:
            time.sleep(0.5)
            if time.monotonic() - began > 900:
                sys.exit("kpi_kafka: lines are missing")
        wall, cpu = time.monotonic() - began, cpu_seconds(server.process.pid)
        steps = {w["by"]["serviceName"]: w["values"]["lines"] for w in windows(server, "recharge_steps")["windows"]}
        if steps != truth["stages"]:
            sys.exit(f"kpi_kafka: {steps} is not {truth['stages']}")
        return {"cpu_seconds": round(cpu, 2), "wall_seconds": round(wall, 1), "peak_mb": round(peak_mb(server.process.pid), 1),
                "store_mb": round(sum(p.stat().st_size for p in folder.glob("waybill.db*")) / 1e6, 1)}
    finally:
        server.close()


def visible(folder, broker):
    """From a line's write() to its figure: ms until the API and Redis count it."""
    topic = broker.create_topic("visible", 4)
    redis = Redis().start()
    log = folder / "app.log"
    log.touch()
    server = Waybill(BUILD / "waybill", folder / "visible",
                     config={"clusters": {"main": {"bootstrap.servers": broker.bootstrap}},
                             "kpis": settings(topic, "visible"), "redis": {"url": redis.url}}).start()
    agent = Agent(BUILD / "waybill", folder / "agent", broker.bootstrap, topic, "waybill-reports", [str(log)], key="orderId",
                  audit="none").start()
    day = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
    midnight = int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)

    def figure(where):
        if where == "redis":
            return int(redis("HGET", f"waybill:recharge_day:{midnight}", "total") or 0)
        found = server.get("/api/v1/kpis/recharge_day/windows", **{"from": "-2d"})["windows"]
        return found[-1]["values"]["total"] if found else 0

    times = {"redis": [], "api": []}
    try:
        for number in range(2 * ROUNDS):
            where = ("redis", "api")[number % 2]
            now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).strftime("%Y%m%d%H%M%S%f")[:17]
            began = time.monotonic()
            with open(log, "a") as file:
                file.write(json.dumps({"serviceName": "reChargeNotifyReq", "orderId": f"o{number}", "bussinessRst": "0000",
                                       "chargefee": "100", "requestId": now + "1", "receiveNotifyTime": now,
                                       "endReqTime": now, "startReqTime": now, "provinceCode": "200"}) + "\n")
            wait_until(lambda w=where, n=number: figure(w) == n + 1, 30, f"line {number} in {where}", interval=0.01)
            times[where].append((time.monotonic() - began) * 1000)
            time.sleep(0.13 + number % 7 * 0.03)
    finally:
        agent.close()
        server.close()
        redis.close()
    return {where: {"p50_ms": round(sorted(some)[len(some) // 2]), "max_ms": round(max(some))} for where, some in times.items()}


def main():
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = pathlib.Path(name)
        (folder / "kafka").mkdir()
        broker = LocalBroker(folder / "kafka").start()
        try:
            subprocess.run([BUILD / "waybill", "gen", "recharge", "--orders", str(ORDERS), "--out", folder / "day.ndjson",
                            "--truth", folder / "truth.json"], check=True)
            truth = json.loads((folder / "truth.json").read_text())
            topic = broker.create_topic("day", 4)
            agent = Agent(BUILD / "waybill", folder / "filler", broker.bootstrap, topic, "waybill-reports",
                          [str(folder / "day.ndjson")], key="orderId", audit="none").start()
            wait_until(lambda: delivered(agent) == truth["lines"], 600, "the topic is filled")
            agent.stop()
            result = {"lines": truth["lines"], "megabytes": round((folder / "day.ndjson").stat().st_size / 1e6)}
            result["bare"] = bare(broker, topic)
            for title, names in (("three", THREE), ("funnel", ("recharge_steps", "funnel")), ("all", None)):
                result[title] = read_all(folder / title, broker, topic, truth, names)
            result["visible"] = visible(folder, broker)
            print(json.dumps(result, indent=1))
        finally:
            broker.close()


if __name__ == "__main__":
    main()
