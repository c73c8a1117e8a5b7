"""`waybill kpi` against the truth of the fixtures, and what bad input and bad configurations give."""

import gzip
import json
import pathlib
import signal
import subprocess

import pytest

from harness import process
from harness.fixtures import fixture
from harness.wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURE = fixture("recharge.ndjson")
TRUTH = fixture("recharge.truth.json")
EXAMPLE = ROOT / "examples" / "recharge" / "waybill.yaml"
NAMES = [word for name in ("recharge", "recharge_failures", "recharge_steps") for word in ("--name", name)]
SMALL = """
kpis:
  orders:
    time: {field: t, format: rfc3339, zone: Asia/Shanghai}
    lateness: 1m
    values: {total: count, fees: {sum: fee, range: {min: 0, max: 1000000}}}
"""


def run(binary, *arguments, stdin=None, code=0):
    result = subprocess.run([binary, "kpi", *arguments], input=stdin, capture_output=True, timeout=60)
    assert result.returncode == code, result.stderr.decode()
    return result


def answer(binary, *arguments, stdin=None, code=0):
    return json.loads(run(binary, *arguments, "--format", "json", stdin=stdin, code=code).stdout)


def check(found, truth):
    assert (found["lines"], found["malformed"], found["too_late"]) == (truth["lines"], 0, 0)
    assert found["complete"] is True and found["problems"] == []
    assert [kpi["name"] for kpi in found["kpis"]] == ["recharge", "recharge_failures", "recharge_steps"]
    recharge, failures, steps = found["kpis"]
    minutes = {}
    for window in recharge["windows"]:
        assert window["by"] == {} and window["complete"] is True
        values = window["values"]
        duration = values["duration_ms"]
        assert values["success_rate"] == values["succeeded"] / values["total"]
        minutes["".join(c for c in window["start"][:16] if c.isdigit())] = [
            values["total"], values["succeeded"], values["amount"], duration["min"], duration["max"], duration["mean"]]
    assert minutes == truth["minutes"]
    totals, expected = recharge["totals"], truth["total"]
    assert [totals["total"], totals["succeeded"], totals["amount"]] == [expected["n"], expected["ok"], expected["amount"]]
    assert totals["duration_ms"] == {"min": expected["dmin"], "max": expected["dmax"], "mean": expected["davg"]}
    assert {w["by"]["provinceCode"]: w["values"]["failed"] for w in failures["windows"]} == truth["fail_by_province"]
    assert {w["by"]["serviceName"]: w["values"]["lines"] for w in steps["windows"]} == truth["stages"]


def test_the_fixture_gives_exactly_its_truth_from_a_file_gzip_and_a_pipe(binary, tmp_path):
    truth = json.loads(TRUTH.read_text())
    check(answer(binary, FIXTURE, "-c", EXAMPLE, *NAMES), truth)
    packed = tmp_path / "day.ndjson.gz"
    packed.write_bytes(gzip.compress(FIXTURE.read_bytes(), 1))
    check(answer(binary, packed, "-c", EXAMPLE, *NAMES), truth)
    check(answer(binary, "-", "-c", EXAMPLE, *NAMES, stdin=FIXTURE.read_bytes()), truth)


def test_a_generated_day_gives_exactly_its_truth(binary, tmp_path):
    day, truth = tmp_path / "day.ndjson", tmp_path / "truth.json"
    subprocess.run([binary, "gen", "recharge", "--orders", "20000", "--seed", "7", "--out", day, "--truth", truth], check=True,
                   timeout=60)
    check(answer(binary, day, "-c", EXAMPLE, *NAMES), json.loads(truth.read_text()))


def test_the_steps_of_the_fixture_are_those_that_a_dictionary_finds(binary):
    order = ["createOrder", "sendPayReq", "payNotifyReq", "sendRechargeReq", "reChargeNotifyReq"]
    seen = {}
    for line in FIXTURE.read_text().splitlines():
        row = json.loads(line)
        seen.setdefault(row["orderId"], []).append(order.index(row["serviceName"]))
    found = answer(binary, FIXTURE, "-c", EXAMPLE, "--name", "funnel")["kpis"][0]
    reached = {step: sum(index in steps for steps in seen.values()) for index, step in enumerate(order)}
    assert {step: found["totals"][f"reached_{step}"] for step in order} == reached
    # All but the last few orders of the day had ten minutes to go on.
    standing = {order_id for order_id, steps in seen.items() if max(steps) < 4}
    assert {row["id"] for row in found["stuck"]} <= standing
    assert len(standing) - 5 <= found["stuck_ids"] <= len(standing)


def test_provinces_and_channels_add_up_and_unknown_codes_are_listed(binary, tmp_path):
    lines = FIXTURE.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "reChargeNotifyReq" in line)
    strange = json.dumps({**json.loads(lines[at]), "provinceCode": "999"}, ensure_ascii=False)
    file = tmp_path / "day.ndjson"
    file.write_text("\n".join([*lines[:at], strange, *lines[at:]]) + "\n")
    found = answer(binary, file, "-c", EXAMPLE, "--name", "recharge_map")["kpis"][0]
    assert found["unknown"] == {"provinceCode": ["999"]}
    for value in ("total", "succeeded", "amount"):
        assert sum(window["values"][value] for window in found["windows"]) == found["totals"][value]
    assert found["totals"]["total"] == 808
    names = {window["by"]["provinceCode"]: window["by"]["province"] for window in found["windows"]}
    assert names["851"] == "Guizhou" and names["999"] is None and len(names) == 32


def test_bad_lines_are_counted_with_place_and_reason_and_the_rest_is_right(binary, tmp_path):
    config = tmp_path / "waybill.yaml"
    config.write_text(SMALL)
    good = '{"t":"2018-11-24T00:01:00+08:00","fee":%s}'
    lines = [good % 1, '{"t":"2018-11', '', good % '"2"', '{"t":"2018-02-30T00:00:00Z","fee":1}', good % -7, good % '[1]',
             '{"t":"2999-01-01T00:00:00Z","fee":1}', good % 10**30, '"text"', '{"fee":1}', good % 4]
    text = ("\n".join(lines) + "\n").encode() + b'{"t":"\xff\xfe"}\n' + b"\0\0\0\n" + b'{"t":"' + b"x" * 300_000 + b'"}\n'
    result = run(binary, "-", "-c", config, "--format", "json", stdin=text)
    found = json.loads(result.stdout)
    assert found["lines"] == 14 and found["malformed"] == 5
    assert found["kpis"][0]["totals"] == {"total": 5, "fees": 7}
    problems = {(p["reason"], p.get("detail")): (p["count"], p["first_line"]) for p in found["problems"]}
    assert problems == {("broken", None): (5, 2), ("time", "no such date"): (1, 4), ("time", "no time"): (1, 10),
                        ("time", "not in the declared format"): (1, 14), ("out_of_range", None): (1, 5),
                        ("not_a_number", None): (1, 6), ("future", None): (1, 7)}
    assert b"first in line 4" in result.stderr


def test_late_lines_count_until_the_lateness_is_over(binary, tmp_path):
    config = tmp_path / "waybill.yaml"
    config.write_text(SMALL)
    times = ["00:01:10", "00:02:59", "00:01:20", "00:03:00", "00:01:30"]  # the last one is too late
    text = "".join(f'{{"t":"2018-11-24T{time}+08:00","fee":1}}\n' for time in times).encode()
    found = answer(binary, "-", "-c", config, stdin=text)
    assert found["too_late"] == 1
    assert [(w["start"], w["values"]["total"]) for w in found["kpis"][0]["windows"]] == [
        ("2018-11-24T00:01:00+08:00", 2), ("2018-11-24T00:02:00+08:00", 1), ("2018-11-24T00:03:00+08:00", 1)]


def test_a_damaged_file_gives_what_could_be_read_and_says_that_it_is_not_all(binary, tmp_path):
    packed = tmp_path / "day.ndjson.gz"
    packed.write_bytes(gzip.compress(FIXTURE.read_bytes(), 1)[:-200_000])
    found = answer(binary, packed, tmp_path / "none.ndjson", "-c", EXAMPLE, "--name", "recharge", code=3)
    assert found["complete"] is False and len(found["why"]) == 2
    assert 0 < found["lines"] < 4436


def test_nothing_else_of_the_configuration_is_opened(binary, tmp_path):
    config = tmp_path / "waybill.yaml"
    config.write_text("store: postgresql://nobody@127.0.0.1:1/none\nauth: {tokens: [{role: viewer, token_file: /no/such/file}]}\n"
                      "clusters: {main: {bootstrap.servers: '127.0.0.1:1'}}\n" + SMALL)
    text = b'{"t":"2018-11-24T00:01:00+08:00","fee":1}\n'
    assert answer(binary, "-", "-c", config, stdin=text)["kpis"][0]["totals"] == {"total": 1, "fees": 1}


@pytest.mark.parametrize("change, place, what", [
    ("format: rfc3339", "4:", "rfc3339"), ("zone: Asia/Shanghai", "4:", "time zone"), ("lateness: 1m", "5:", "lateness"),
    ("sum: fee", "6:", "exactly one of")])
def test_faults_of_the_configuration_have_their_place(binary, tmp_path, change, place, what):
    config = tmp_path / "waybill.yaml"
    key, _ = change.split(": ")
    wrong = {"format": "format: hh", "zone": "zone: Asia/Atlantis", "lateness": "lateness: soon", "sum": "total: fee"}[key]
    config.write_text(SMALL.replace(change, wrong))
    error = run(binary, FIXTURE, "-c", config, code=2).stderr.decode()
    assert f"waybill.yaml:{place}" in error and what in error
    error = run(binary, FIXTURE, "-c", EXAMPLE, "--name", "rechargee", code=2).stderr.decode()
    assert 'did you mean "recharge"' in error or "recharge" in error


def test_follow_prints_windows_as_lines_come_also_through_a_rename(binary, tmp_path):
    config, log, out = tmp_path / "waybill.yaml", tmp_path / "app.log", tmp_path / "out"
    config.write_text(SMALL)
    line = '{"t":"2018-11-24T00:01:00+08:00","fee":1}\n'
    log.write_text(line)
    with open(out, "wb") as file:
        follow = subprocess.Popen([binary, "kpi", log, "-c", config, "--follow", "--format", "ndjson"], stdout=file,
                                  stderr=subprocess.PIPE)
    try:
        def total():
            text = out.read_text().splitlines()
            return json.loads(text[-1])["values"]["total"] if text else 0
        wait_until(lambda: total() == 1, 20, "the first line")
        with open(log, "a") as file:
            file.write(line + line[:20])
            file.flush()
            wait_until(lambda: total() == 2, 20, "the second line")
            file.write(line[20:])
        wait_until(lambda: total() == 3, 20, "the third line, written in two pieces")
        log.rename(tmp_path / "app.log.1")
        log.write_text(line)
        wait_until(lambda: total() == 4, 20, "a line of the new file")
        follow.send_signal(signal.SIGTERM)
        assert follow.wait(20) == 0, process.tail(out)
    finally:
        follow.kill()
        follow.wait(10)
