"""`waybill doctor` against a real broker, without one, and with a client's own configuration."""

import json

import pytest

from harness import process
from harness.waybill import run_command


def lines(result):
    """(level, text) of every line; advice is left out."""
    assert result.returncode in (0, 1), result.stderr
    return [(line[:4].strip(), line[6:]) for line in result.stdout.splitlines() if not line.startswith(" ")]


def levels(result, about):
    return [level for level, text in lines(result) if about in text]


def config(folder, bootstrap, audit_topic, partitions=16):
    path = folder / "waybill.yaml"
    path.write_text(json.dumps({"clusters": {"main": {"bootstrap.servers": bootstrap}},
                                "audit": {"clusters": ["main"], "topic": audit_topic, "partitions": partitions}}))
    return path


def test_a_good_set_up_has_no_fault(binary, kafka, audit_topic, topic, plugin, tmp_path):
    result = run_command(binary, "doctor", "-c", config(tmp_path, kafka.bootstrap, audit_topic), "--topic", topic,
                         "--plugin", plugin)
    assert result.returncode == 0, result.stdout
    for about in ("configuration", "plugin", "brokers", "describe " + audit_topic, "read " + audit_topic, "write to",
                  "read " + topic, "use group"):
        assert levels(result, about) == ["ok"], result.stdout
    assert "fail" not in [level for level, _ in lines(result)]


def test_every_fault_says_what_to_do(binary, kafka, audit_topic, tmp_path):
    result = run_command(binary, "doctor", "-c", config(tmp_path, kafka.bootstrap, audit_topic, partitions=4),
                         "--topic", "no-such-topic", "--plugin", tmp_path / "libnothing.so")
    assert result.returncode == 1
    assert levels(result, "libnothing.so") == ["fail"]
    assert levels(result, "has 16 partitions") == ["fail"] and "audit.partitions: 16" in result.stdout
    assert levels(result, "no-such-topic") == ["fail"]
    assert "kafka-acls" in result.stdout and "--topic 'no-such-topic'" in result.stdout


def test_a_missing_audit_topic_is_not_made(binary, kafka, unique, tmp_path):
    name = unique("absent")
    for _ in range(2):
        result = run_command(binary, "doctor", "-c", config(tmp_path, kafka.bootstrap, name))
        assert levels(result, name) == ["warn"] and "kafka-topics" in result.stdout


def test_no_broker_is_a_fault_with_its_reason(binary, tmp_path):
    address = f"127.0.0.1:{process.free_port()}"
    result = run_command(binary, "doctor", "-c", config(tmp_path, address, "waybill-reports"))
    assert result.returncode == 1 and levels(result, "brokers") == ["fail"]
    assert "refused" in result.stdout and "bootstrap.servers" in result.stdout


@pytest.mark.parametrize("plugged", [True, False])
def test_a_clients_own_configuration(binary, kafka, audit_topic, plugin, tmp_path, plugged):
    path = tmp_path / "shop.properties"
    path.write_text(f"# a shop\nbootstrap.servers = {kafka.bootstrap}\nwaybill.report.topic={audit_topic}\nlinger.ms=5\n"
                    + (f"plugin.library.paths={plugin}\n" if plugged else ""))
    result = run_command(binary, "doctor", "--client-config", path, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert levels(result, "write to " + audit_topic) == ["ok"]
    assert levels(result, "can be loaded") == (["ok"] if plugged else [])
    assert levels(result, "is not counted") == ([] if plugged else ["warn"])


def test_a_client_configuration_that_is_wrong(binary, kafka, tmp_path):
    path = tmp_path / "shop.properties"
    path.write_text(f"bootstrap.servers={kafka.bootstrap}\nnothing\n")
    result = run_command(binary, "doctor", "--client-config", path, cwd=tmp_path)
    assert result.returncode == 2 and "line 2" in result.stderr
    path.write_text(f"bootstrap.servers={kafka.bootstrap}\nlinger.mss=5\n")
    result = run_command(binary, "doctor", "--client-config", path, cwd=tmp_path)
    assert result.returncode == 1 and "linger.mss" in result.stdout
