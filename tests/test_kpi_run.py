"""The figures of a topic are exact whatever is killed: real Kafka, restarts by SIGKILL, each store."""

import json
import time

import pytest
from confluent_kafka import Producer

from harness import databases
from harness.wait import wait_until
from test_kpi import EXAMPLE, FIXTURE, TRUTH

KILLS = 3


def kpis(topic, group):
    """The KPIs of the example for this topic."""
    import yaml
    config = yaml.safe_load(EXAMPLE.read_text())["kpis"]
    config["defaults"].update(source={"cluster": "main", "topic": topic}, group=group, agents={"expected": 2, "silent": "10m"})
    table = config["recharge_map"]["by"][0]["lookup"]
    for name in ("recharge_failures", "recharge_map"):
        config[name]["by"][0]["lookup"] = {**table, "file": str(EXAMPLE.parent / "provinces.csv")}
    return config


class Sender:
    """Writes the lines of the fixture as an agent would: keyed by the order, marked with file and offset."""

    def __init__(self, bootstrap, topic):
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        self.topic = topic
        self.offset = 0

    def send(self, lines, repeat_of=None):
        """With `repeat_of` the lines are sent again, with their first marks."""
        offset = self.offset if repeat_of is None else repeat_of
        for line in lines:
            self.producer.produce(self.topic, line, key=json.loads(line)["orderId"],
                                  headers=[("waybill-src", f"00000000000000aa:{offset}".encode()), ("host", b"pay-1")])
            offset += len(line.encode()) + 1
        assert self.producer.flush(20) == 0
        self.offset = max(self.offset, offset)


def windows(server, name, **params):
    return server.get(f"/api/v1/kpis/{name}/windows", **{"from": "2018-11-23T00:00:00Z", "to": "2018-11-26T00:00:00Z", **params})


def exact(server, truth):
    """Whether all lines are counted; then everything must be right."""
    steps = windows(server, "recharge_steps")
    counted = sum(window["values"]["lines"] for window in steps["windows"])
    assert counted <= truth["lines"], "counted twice"
    if counted < truth["lines"]:
        return False
    assert {w["by"]["serviceName"]: w["values"]["lines"] for w in steps["windows"]} == truth["stages"]
    minutes = {}
    recharge = windows(server, "recharge")
    for window in recharge["windows"]:
        values, duration = window["values"], window["values"]["duration_ms"]
        minutes["".join(c for c in window["start"][:16] if c.isdigit())] = [
            values["total"], values["succeeded"], values["amount"], duration["min"], duration["max"], duration["mean"]]
    assert minutes == truth["minutes"]
    failures = windows(server, "recharge_failures")["windows"]
    assert {w["by"]["provinceCode"]: w["values"]["failed"] for w in failures} == truth["fail_by_province"]
    by_both, nation = windows(server, "recharge_map"), windows(server, "recharge_map", by="")
    assert by_both["totals"] == nation["totals"]
    assert nation["totals"]["total"] == truth["total"]["n"] and nation["totals"]["amount"] == truth["total"]["amount"]
    funnel = windows(server, "funnel")
    assert {step: funnel["totals"][f"reached_{step}"] for step in truth["stages"]} == truth["stages"]
    assert 190 <= len(funnel["stuck"]) <= 193
    assert "1 of 2 agents silent, never seen" in recharge["why"]
    return True


def run_with_kills(make_waybill, kafka, topic, unique, store):
    lines = FIXTURE.read_text().splitlines()
    truth = json.loads(TRUTH.read_text())
    server = make_waybill(config={"kpis": kpis(topic, unique("kpi")), **store}).start()
    sender = Sender(kafka.bootstrap, topic)
    part = len(lines) // (KILLS + 1) + 1
    for turn in range(KILLS + 1):
        before = sender.offset
        sender.send(lines[turn * part:(turn + 1) * part])
        if turn == KILLS:
            break
        wait_until(lambda done=turn * part: sum(w["values"]["lines"] for w in windows(server, "recharge_steps")["windows"]) > done,
                   30, "lines of this part")
        server.kill()
        sender.send(lines[turn * part:turn * part + 200], repeat_of=before)
        server.start()
    wait_until(lambda: exact(server, truth), 40, "all lines")
    time.sleep(1.0)  # nothing comes after
    assert exact(server, truth)
    listed = {kpi["name"]: kpi for kpi in server.get("/api/v1/kpis")["kpis"]}
    assert listed["recharge"]["repeated"] == 200 * KILLS and listed["recharge"]["too_late"] == 0
    assert server.request("/api/v1/kpis/none/windows").status_code == 404
    assert server.request("/api/v1/kpis/recharge/windows", by="town").status_code == 400


def test_figures_in_sqlite_equal_the_truth_after_kills(make_waybill, kafka, unique):
    topic = kafka.create_topic(unique("pay"), partitions=3)
    run_with_kills(make_waybill, kafka, topic, unique, {})


@pytest.mark.full
@pytest.mark.parametrize("server", [databases.Postgresql, databases.Mariadb])
def test_figures_in_a_server_equal_the_truth_after_kills(make_waybill, kafka, unique, server):
    topic = kafka.create_topic(unique("pay"), partitions=3)
    database = server()
    try:
        database.start()
        database.make("kpi")
        run_with_kills(make_waybill, kafka, topic, unique, {"store": database.place("kpi")})
    finally:
        database.close()
