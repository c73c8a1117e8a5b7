"""`waybill lost` against the API of a running server."""

import json

import pytest

from harness import oracle, process
from harness.clients import read_and_pause, skip
from harness.wait import wait_until
from harness.waybill import run_command


@pytest.fixture
def skipped(clients, waybill, topic, unique):
    """A group that has skipped; its name and the places."""
    group = unique("readers")
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic])
    read_and_pause(producer, consumer, topic, 100)
    skip(producer, consumer, topic, 50, ((0, 137), (2, 101)))
    assert len(consumer.messages) == 600 - 38
    places = {(0, o) for o in range(100, 137)} | {(2, 100)}
    assert oracle.skipped([producer], [consumer], topic) == places

    def found():
        return oracle.places(waybill.findings(topic, group=group, state="lost")) == places
    wait_until(found, 60, "the losses")
    return group, places


def test_every_format_names_the_offsets(binary, waybill, topic, skipped):
    group, places = skipped
    command = ["lost", topic, "--group", group, "--url", waybill.url]
    table = run_command(binary, *command)
    assert table.returncode == 0, table.stderr
    rows = [line.split() for line in table.stdout.splitlines() if line.endswith(group)]
    assert sorted((row[0], row[1], row[2]) for row in rows) == [("0", "100-136", "37"), ("2", "100", "1")]
    assert "\x1b" not in table.stdout and "lost: 38 messages in 2 ranges" in table.stdout

    lines = run_command(binary, *command, "--format", "ndjson")
    assert oracle.places([json.loads(line) for line in lines.stdout.splitlines()]) == places
    whole = json.loads(run_command(binary, *command, "--format", "json").stdout)
    assert oracle.places(whole["findings"]) == places
    assert whole["totals"] == {"lost": {"messages": 38, "ranges": 2}}
    assert {f["reason"] for f in whole["findings"]} == {"skipped"}


def test_fail_on_lost_is_an_exit_code(binary, waybill, topic, skipped):
    group, _ = skipped
    result = run_command(binary, "lost", topic, "--group", group, "--fail-on", "lost", WAYBILL_URL=waybill.url)
    assert result.returncode == 1, result.stderr
    suspected = run_command(binary, "lost", topic, "--group", group, "--state", "suspected", "--fail-on", "lost",
                            WAYBILL_URL=waybill.url)
    assert suspected.returncode == 1, "whatever --state says"
    nobody = run_command(binary, "lost", topic, "--group", "nobody", "--fail-on", "lost", "--url", waybill.url)
    assert nobody.returncode == 0 and "nothing is lost" in nobody.stdout


def test_what_is_wrong_is_said(binary, waybill, topic):
    url = f"http://127.0.0.1:{process.free_port()}"
    nobody = run_command(binary, "lost", topic, "--url", url)
    assert nobody.returncode == 3 and url in nobody.stderr and "waybill run" in nobody.stderr and not nobody.stdout
    unknown = run_command(binary, "lost", "no-such-topic", "--url", waybill.url)
    assert unknown.returncode == 3 and "no-such-topic" in unknown.stderr
    state = run_command(binary, "lost", topic, "--url", waybill.url, "--state", "gone")
    assert state.returncode == 2 and "suspected" in state.stderr
    time = run_command(binary, "lost", topic, "--url", waybill.url, "--from", "yesterday")
    assert time.returncode in (2, 3) and "from" in time.stderr


def test_the_token_is_sent(binary, make_waybill, tmp_path):
    server = make_waybill(config={"auth": {"tokens": [{"role": "viewer", "token": "secret-viewer-canary"}]}})
    server.start()
    without = run_command(binary, "lost", "orders", "--url", server.url)
    assert without.returncode == 3 and "WAYBILL_TOKEN" in without.stderr
    token = tmp_path / "token"
    token.write_text("secret-viewer-canary\n")
    for arguments, env in (([], {"WAYBILL_TOKEN": "secret-viewer-canary"}), (["--token-file", token], {})):
        result = run_command(binary, "lost", "orders", "--url", server.url, *arguments, **env)
        assert result.returncode == 3 and '"orders" is known' in result.stderr
