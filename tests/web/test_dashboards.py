"""Grafana dashboards and Prometheus rules against a real Prometheus that scrapes the demo."""

import json
import pathlib
import subprocess

import pytest
import requests
import yaml

from harness import process
from harness.wait import wait_until

DASHBOARDS = pathlib.Path(__file__).resolve().parents[2] / "dashboards"
BOARDS = sorted((DASHBOARDS / "grafana").glob("prometheus-*.json"))
# Series that a demo without trouble does not have.
MAY_BE_EMPTY = {"Failed and unknown sends", "Topics with missing audit data, now", "What the collector met", "Redelivered of consumed", "Last reload read"}


@pytest.fixture(scope="module")
def prometheus(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    port = process.free_port()
    settings = yaml.safe_load((DASHBOARDS / "prometheus" / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(DASHBOARDS / "prometheus" / "waybill.rules.yml")]
    settings["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{demo.port}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    running = process.start(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                             f"--web.listen-address=127.0.0.1:{port}"], log=folder / "prometheus.log")

    def query(expr):
        answer = requests.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": expr}, timeout=10).json()
        assert answer["status"] == "success", f"{expr}: {answer.get('error')}"
        return answer["data"]["result"]

    def scraped():
        try:
            return len(query("count_over_time(waybill_topic_complete[1m]) >= 3"))
        except (requests.RequestException, ValueError):
            return 0
    wait_until(scraped, 30, f"three scrapes\n{process.tail(folder / 'prometheus.log')}")
    yield query
    process.stop(running)


def test_rules_pass_promtool():
    for command in (["check", "rules", "waybill.rules.yml"], ["test", "rules", "waybill.rules.test.yml"],
                    ["check", "config", "prometheus.yml"]):
        result = subprocess.run(["promtool", *command], cwd=DASHBOARDS / "prometheus", capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_has_a_unit_test():
    rules = yaml.safe_load((DASHBOARDS / "prometheus" / "waybill.rules.yml").read_text())
    tests = yaml.safe_load((DASHBOARDS / "prometheus" / "waybill.rules.test.yml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    fired = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert alerts == fired


def test_the_rules_run_on_real_figures(prometheus):
    wait_until(lambda: prometheus('ALERTS{alertname="WaybillLost", alertstate="firing", group="shipping"}'), 20, "the planted loss")
    assert prometheus("waybill:consumed_messages:rate5m")


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_runs_and_finds_something(prometheus, path):
    board = json.loads(path.read_text())
    names = {variable["name"] for variable in board["templating"]["list"]}
    assert names >= {"datasource"} and board["uid"] and board["schemaVersion"] >= 36
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        grid = panel["gridPos"]
        assert 0 <= grid["x"] and grid["x"] + grid["w"] <= 24
        found = []
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", "1m")
            for name in names - {"datasource"}:
                expr = expr.replace(f"${name}", ".*")
            assert "$" not in expr, expr
            found += prometheus(expr)
        assert found or panel["title"] in MAY_BE_EMPTY, f"{path.name}: {panel['title']} shows nothing"


def test_the_provisioning_files_are_what_grafana_reads():
    sources = yaml.safe_load((DASHBOARDS / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    boards = yaml.safe_load((DASHBOARDS / "grafana/provisioning/dashboards/waybill.yaml").read_text())
    assert sources["apiVersion"] == 1 and {"name", "type", "access", "url"} <= set(sources["datasources"][0])
    assert boards["apiVersion"] == 1 and boards["providers"][0]["type"] == "file" and boards["providers"][0]["options"]["path"]
