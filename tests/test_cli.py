"""The commands as a user types them."""

import json
import pathlib
import re

import pytest

from harness.wait import wait_until
from harness.waybill import run_command

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def test_version_names_itself(binary):
    result = run_command(binary, "version")
    assert result.returncode == 0 and re.match(r"waybill \d+\.\d+\.\d+", result.stdout)


def test_help_begins_with_examples_and_goes_to_stdout(binary):
    for arguments in (["--help"], ["run", "--help"], ["demo", "--help"], ["reports", "--help"]):
        result = run_command(binary, *arguments)
        assert result.returncode == 0 and "waybill" in result.stdout and not result.stderr, arguments


@pytest.mark.parametrize("arguments", [["no-such-command"], ["run", "--no-such-option"], ["run", "-c", "no-such-file.yaml"]])
def test_wrong_usage_is_exit_code_2(binary, arguments, tmp_path):
    result = run_command(binary, *arguments, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr and not result.stdout


def test_there_are_examples():
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_each_example_is_valid(binary, example, tmp_path):
    result = run_command(binary, "check", example, cwd=tmp_path, KAFKA_PASSWORD="secret-canary",
                         VIEWER_TOKEN="secret-canary-viewer", OPERATOR_TOKEN="secret-canary-operator")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "secret-canary" not in result.stdout + result.stderr


BAD = """\
listen: 127.0.0.1:99999
stor: sqlite:waybill.db
clusters:
  main: {bootstrap.servers: "127.0.0.1:9092"}
audit:
  clusters: [main, nain]
  bucket: soon
"""


def test_check_says_where_and_what(binary, tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text(BAD)
    result = run_command(binary, "check", config)
    assert result.returncode in (1, 2)
    text = result.stdout + result.stderr
    places = {(int(line), int(column)) for line, column in re.findall(r"bad\.yaml:(\d+):(\d+): ", text)}
    assert {line for line, _ in places} == {1, 2, 6, 7}, text
    assert "store" in text, "a suggestion for the misspelt key"
    assert all(column >= 1 for _, column in places)


def test_check_finds_the_syntax_error(binary, tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text("listen: [\nclusters: }\n")
    result = run_command(binary, "check", config)
    assert result.returncode == 2 and re.search(r"bad\.yaml:\d+:\d+: ", result.stdout + result.stderr)


def test_check_shows_at_most_twenty_errors(binary, tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text("".join(f"unknown{i}: 1\n" for i in range(50)))
    result = run_command(binary, "check", config)
    assert len(re.findall(r"bad\.yaml:\d+:\d+: ", result.stdout + result.stderr)) == 20


def test_reports_prints_what_an_independent_reader_finds(binary, kafka, clients, reports, audit_topic, topic, make_waybill):
    producer = clients.producer()
    producer.send(topic, 500, size=10)
    producer.close()
    waybill = make_waybill()
    wait_until(lambda: any(r.report.closed for r in reports.read_all(kafka.bootstrap, audit_topic)), 30, "the last report")
    raw = reports.read_all(kafka.bootstrap, audit_topic)
    result = run_command(binary, "reports", "-c", waybill.config_file)
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted((line["reporter"], line["number"]) for line in lines) == sorted(
        (r.report.reporter.hex(), r.report.number) for r in raw)
    assert "\x1b" not in result.stdout


def test_the_demo_finds_what_it_planted(binary, tmp_path):
    result = run_command(binary, "demo", "--for", "15s", timeout=120, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "127.0.0.1:" in result.stdout + result.stderr, "it prints its address"
    assert "\x1b" not in result.stdout
