"""Grafana dashboards and Prometheus rules against a real Prometheus that scrapes the demo."""

import json
import pathlib
import shutil
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


def type_errors(folder, boards):
    """What TypeScript says of dashboards ({name: JSON text}) as Grafana's own types: `name(line,column): error ...` each."""
    web = DASHBOARDS.parent / "web"
    (folder / "node_modules").symlink_to(web / "node_modules")
    shutil.copy(pathlib.Path(__file__).with_name("board_schema.ts"), folder)
    for name, text in boards.items():
        (folder / f"{name}.ts").write_text(f"import type {{ Board }} from './board_schema';\nexport const board: Board =\n{text};\n")
    result = subprocess.run([str(web / "node_modules/.bin/tsc"), "--noEmit", "--strict", "--skipLibCheck", "--target", "ES2022", "--module", "ESNext",
                             "--moduleResolution", "Bundler", *(f"{name}.ts" for name in boards)],
                            cwd=folder, capture_output=True, text=True, timeout=120)
    assert result.returncode in (0, 2), result.stdout + result.stderr
    return [line for line in result.stdout.splitlines() if "error TS" in line]


def test_every_dashboard_has_the_types_of_grafanas_schema(tmp_path):
    boards = {path.stem: path.read_text() for path in sorted((DASHBOARDS / "grafana").glob("*.json"))}
    assert len(boards) >= 9
    good = boards["postgresql-kpi"]
    wrong = {"a member": ('"schemaVersion"', '"schemeVersion"'), "a choice": ('"drawStyle": "line"', '"drawStyle": "lines"'),
             "a type": ('"w": 12', '"w": "12"'), "a panel's option": ('"textMode"', '"textmode"'), "a kind": ('"type": "bargauge"', '"type": "bar"')}
    for number, (this, that) in enumerate(wrong.values()):
        assert this in good
        boards[f"wrong-{number}"] = good.replace(this, that, 1)
    errors = type_errors(tmp_path, boards)
    assert {line.partition("(")[0] for line in errors} == {f"wrong-{number}.ts" for number in range(len(wrong))}, errors


def test_the_provisioning_files_are_what_grafana_reads():
    files = sorted((DASHBOARDS / "grafana/provisioning/datasources").glob("*.yaml"))
    types = set()
    for sources in (yaml.safe_load(path.read_text()) for path in files):
        assert sources["apiVersion"] == 1
        for source in sources["datasources"]:
            assert {"name", "uid", "type", "access", "url"} <= set(source)
            types.add(source["type"])
    boards = yaml.safe_load((DASHBOARDS / "grafana/provisioning/dashboards/waybill.yaml").read_text())
    wanted = {json.loads(path.read_text())["templating"]["list"][0]["query"] for path in (DASHBOARDS / "grafana").glob("*.json")}
    assert types == wanted, "a data source for every dashboard"
    assert boards["apiVersion"] == 1 and boards["providers"][0]["type"] == "file" and boards["providers"][0]["options"]["path"]
