"""The KPI dashboard over PostgreSQL: each query, as Grafana sends it, against the figures of a real `waybill run`."""

import collections
import json
import pathlib

import pytest

from grafana import Raw, expanded
from harness.wait import wait_until
from test_kpi import FIXTURE, TRUTH
from test_kpi_run import Sender, exact, kpis, windows

BOARD = json.loads((pathlib.Path(__file__).resolve().parents[2] / "dashboards/grafana/postgresql-kpi.json").read_text())
PANELS = {panel["title"]: panel["targets"][0] for panel in BOARD["panels"]}
VARIABLES = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
FROM_MS, TO_MS = 1_542_931_200_000, 1_543_190_400_000  # 2018-11-23 to 2018-11-26
KPIS = ["funnel", "interfaces", "payments", "recharge", "recharge_day", "recharge_failures", "recharge_map", "recharge_steps"]


class Viewer:
    """Somebody who looks at the board."""

    def __init__(self, server, database, schema, truth):
        self.server, self.truth = server, truth
        self._database, self._schema = database, schema

    def send(self, sql, interval="5m", from_ms=FROM_MS, to_ms=TO_MS, **variables):
        return self._database.query(self._schema, expanded(sql, from_ms, to_ms, interval, variables))

    def options(self, name, **variables):
        return [next(iter(row.values())) for row in self.send(VARIABLES[name]["query"], **variables)]

    def ask(self, title, kpi, part="succeeded", whole="total", **more):
        chosen = {name: Raw(VARIABLES[name]["allValue"]) for name in ("value", "group")} | more
        return self.send(PANELS[title]["rawSql"], kpi=kpi, part=part, whole=whole, **chosen)

    def totals(self, kpi):
        return windows(self.server, kpi)["totals"]


@pytest.fixture(scope="module")
def viewer(kafka, binary, postgresql, tmp_path_factory):
    from harness.waybill import Waybill
    topic, schema = kafka.create_topic("kpi-board", partitions=3), "kpi_board"
    postgresql.make(schema)
    settings = {"kpis": kpis(topic, "kpi-board"), "store": postgresql.place(schema), "retention": {"minutes": "3650d", "hours": "3650d"}}
    server = Waybill(binary, tmp_path_factory.mktemp("kpi-board"), kafka.bootstrap, "kpi-board-reports", config=settings)
    truth = json.loads(TRUTH.read_text())
    try:
        server.start()
        sender = Sender(kafka.bootstrap, topic)
        sender.producer.produce(topic, b'{"orderId": "none"')
        sender.send(FIXTURE.read_text().splitlines())
        wait_until(lambda: exact(server, truth), 40, "all lines")
        yield Viewer(server, postgresql, schema, truth)
    finally:
        server.close()


def test_the_variables_offer_what_there_is(viewer):
    assert viewer.options("kpi") == KPIS
    assert viewer.options("value", kpi="recharge") == ["amount", "duration_ms", "succeeded", "total"]
    assert viewer.options("part", kpi="recharge") == viewer.options("whole", kpi="recharge") == ["succeeded", "total"]
    assert set(viewer.options("group", kpi="recharge_steps")) == set(viewer.truth["stages"])
    assert all(" / " in name for name in viewer.options("group", kpi="recharge_map"))


@pytest.mark.parametrize("kpi", [pytest.param(kpi, marks=[] if kpi in ("recharge", "funnel") else [pytest.mark.full]) for kpi in KPIS])
def test_every_query_runs_for_every_kpi(viewer, kpi):
    for title in PANELS:
        viewer.ask(title, kpi)
    figures = {row["value"]: row for row in viewer.ask("Figures of the range", kpi)}
    for name, total in viewer.totals(kpi).items():
        found = figures.get(name)
        if isinstance(total, dict):
            assert [int(found["smallest"]), int(found["largest"])] == [total["min"], total["max"]]
            assert float(found["mean"]) == pytest.approx(total["mean"], rel=1e-9)
        elif found is not None:  # ratios have no rows; what never happened has none either
            assert total == int(found["sum"] or found["count"])
        else:
            assert total in (0, None) or name in ("success_rate", "failed_rate", "stuck_reChargeNotifyReq"), (name, total)


def test_a_kpi_by_the_minute_is_shown_as_the_api_has_it(viewer):
    minutes, truth = viewer.truth["minutes"].values(), viewer.truth["total"]
    assert {row["metric"]: int(row["count"]) for row in viewer.ask("Counts", "recharge")} == {"total": truth["n"], "succeeded": truth["ok"]}
    (share,) = viewer.ask("Share", "recharge")
    assert float(share["share"]) == truth["ok"] / truth["n"]
    by_minute = {(int(row["time"]), row["metric"]): int(row["value"]) for row in viewer.ask("Counts over time", "recharge", interval="1m")}
    api = {(w["start_ms"] // 1000, name): w["values"][name] for w in windows(viewer.server, "recharge")["windows"] for name in ("total", "succeeded")}
    assert by_minute == {key: count for key, count in api.items() if count}
    for interval in ("5m", "1h", "1d"):
        points = viewer.ask("Counts over time", "recharge", interval=interval)
        assert sum(int(row["value"]) for row in points if row["metric"] == "total") == sum(minute[0] for minute in minutes)
        assert len({(row["time"], row["metric"]) for row in points}) == len(points)
    assert {row["metric"] for row in viewer.ask("Counts", "recharge", value=["total", "amount"])} == {"total"}
    amounts = viewer.ask("Sums over time", "recharge")
    assert {row["metric"] for row in amounts} == {"amount"} and sum(int(row["value"]) for row in amounts) == truth["amount"]
    kinds = {row["metric"] for row in viewer.ask("Mean, smallest and largest", "recharge")}
    assert {"duration_ms mean", "duration_ms min", "duration_ms max"} <= kinds
    shares = viewer.ask("Share over time", "recharge", interval="1d")
    assert shares and all(0 < float(row["share"]) <= 1 for row in shares)


def test_groups_steps_and_days_before(viewer):
    groups = viewer.ask("Groups", "recharge_steps", part="lines", whole="lines")
    assert {row["group"]: int(row["whole"]) for row in groups} == viewer.truth["stages"] and all(float(row["share"]) == 1 for row in groups)
    (step,) = viewer.ask("Groups", "recharge_steps", part="lines", whole="lines", group=["createOrder"])
    assert int(step["whole"]) == viewer.truth["stages"]["createOrder"]
    reached = viewer.ask("Steps", "funnel")
    assert {row["step"]: int(row["reached"]) for row in reached} == viewer.truth["stages"]
    assert viewer.ask("Steps", "recharge") == []

    day_ms = 86_400_000
    now = collections.Counter()
    for row in viewer.ask("Against a day and a week before", "recharge", from_ms=FROM_MS + day_ms, to_ms=TO_MS + 7 * day_ms, interval="1h"):
        now[row["metric"]] += int(row["value"])
    per_day = collections.Counter()
    for window in windows(viewer.server, "recharge")["windows"]:
        per_day[window["start_ms"] >= FROM_MS + day_ms] += window["values"]["total"]
    everything = per_day[True] + per_day[False]
    assert now == {"now": per_day[True], "a day before": everything, "a week before": everything}


def test_what_is_missing_stands_beside_it(viewer):
    reach = viewer.ask("How far the figures reach", "recharge")
    assert {row["part"] for row in reach} == {f"kpi-board/{partition}" for partition in range(3)}
    assert all(row["newest_line"].startswith("2018-11-24") for row in reach)
    still = viewer.ask("Standing still", "funnel")
    assert 190 <= len(still) <= 193 and {row["step"] for row in still} <= set(viewer.truth["stages"])
    (malformed,) = viewer.ask("Left out", "recharge")
    assert (malformed["kpi"], malformed["reason"], malformed["lines"]) == ("", "broken", "1")
    assert '"orderId": "none"' in malformed["sample"]


def test_a_name_with_a_quote_asks_for_nothing_else(viewer):
    for title in PANELS:
        rows = viewer.ask(title, "no' OR '1'='1", part="a'b", whole="c'd")
        assert [row for row in rows if row.get("kpi") != "" and any(row.values())] == [], title
