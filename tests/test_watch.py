"""`waybill watch` and `waybill rules` on files and pipes: the counts of the fixtures, exit codes, bad input."""

import gzip
import json
import subprocess
import time

import pytest

from harness import process
from harness.fixtures import fixture
from harness.wait import wait_until

WEBLOG = fixture("weblog.ndjson")
TRUTH = json.loads(fixture("weblog.truth.json").read_text())
RULES = r"""
watches:
  status5xx:
    where: {status: '5\d{2}'}
  timeout:
    where: {message: 'upstream timed out \(\d+: [A-Za-z ]+\)'}
  oom:
    where: {message: '(?i)out ?of ?memory|oom-kill'}
  scanner:
    where: {http_user_agent: '(?:sqlmap|nikto|masscan|zgrab)/\d+\.\d+'}
"""


@pytest.fixture
def watch(binary):
    def run(*arguments, stdin=b"", timeout=60):
        return subprocess.run([binary, "watch", *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout,
                              check=False)
    return run


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path



def test_counts_of_the_fixture_are_its_truth(watch, rules):
    done = watch("-c", rules, WEBLOG, "--count", "--format", "json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["lines"], summary["bytes"], summary["malformed"]) == (TRUTH["lines"], TRUTH["bytes"], 0)
    assert {rule["name"]: rule["matched"] for rule in summary["rules"]} == {
        name: TRUTH[name] for name in ("status5xx", "timeout", "oom", "scanner")}
    for rule in summary["rules"]:
        assert len(rule["samples"]) == min(3, rule["matched"])
        assert rule["first"]["offset"] <= rule["last"]["offset"]


def test_a_pipe_gives_the_matching_lines_as_they_are(watch):
    done = watch("--match", r"status=5\d{2}", stdin=WEBLOG.read_bytes())
    want = [line for line in WEBLOG.read_bytes().splitlines() if "5" == json.loads(line)["status"][0]]
    assert done.returncode == 0
    assert done.stdout.splitlines() == want and len(want) == TRUTH["status5xx"]


def test_compressed_files_and_several_matches_are_one_rule(watch, tmp_path):
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress(WEBLOG.read_bytes()))
    done = watch("--match", r"status=5\d{2}", "--match", "request_method=GET", "--count", "--format", "json", packed)
    want = sum(f["status"][0] == "5" and f["request_method"] == "GET" for f in map(json.loads, WEBLOG.read_bytes().splitlines()))
    assert [rule["matched"] for rule in json.loads(done.stdout)["rules"]] == [want]


def test_ndjson_has_one_object_a_match(watch):
    done = watch("--match", r"status=5\d{2}", "--format", "ndjson", WEBLOG)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == TRUTH["status5xx"]
    content = WEBLOG.read_bytes()
    for one in found:
        assert content[one["offset"]:].split(b"\n", 1)[0].decode() == one["text"]
        assert one["fields"] == {"status": json.loads(one["text"])["status"]}
        assert {"cluster", "topic", "partition", "offset", "time", "fields", "text"} <= set(one)


@pytest.mark.parametrize("arguments, stdin, code", [
    (["--match", "a=x"], b'{"a":"x"}\n', 0),
    (["--match", "a=x"], b'{"a":"y"}\n', 1),
    (["--match", "a=x", "--count"], b'{"a":"y"}\n', 1),
    (["--match", "a=x"], b"", 1),
    (["--text", "x$"], b"no JSON x\n", 0),
    (["--match", "a=b=x"], b'{"a":"b=x"}\n', 0),
    (["--match", "a=(x"], b"", 2),
    (["--match", "pattern"], b"", 2),
    (["--text", "x", "/nonexistent/file"], b"", 2),
    ([], b"", 2),
])
def test_exit_codes_are_those_of_grep(watch, arguments, stdin, code):
    done = watch(*arguments, stdin=stdin)
    assert done.returncode == code, done.stderr
    assert bool(done.stderr) == (code == 2)


def test_bad_input_is_counted_and_loses_nothing_else(watch):
    good = b'{"status":"503"}\n'
    bad = b'{"status":"503"\n' + b'not JSON 503\n' + b'{"status":{"code":"503"}}\n' + b'{"status":"503\xff"}\n' + b"\n"
    done = watch("--match", "status=503", "--count", "--format", "json", stdin=good + bad + good)
    summary = json.loads(done.stdout)
    assert summary["lines"] == 7
    assert summary["rules"][0]["matched"] == 2
    assert summary["malformed"] == 2  # cut off, bad UTF-8; the first stage lets neither the others nor the object through


def test_a_line_of_100_mb_is_skipped_and_said(watch, tmp_path):
    path = tmp_path / "long.log"
    with path.open("wb") as out:
        out.write(b'{"status":"503"}\n')
        for _ in range(100):
            out.write(b"x" * 1_000_000)
        out.write(b'\n{"status":"503"}\n')
    done = watch("--match", "status=503", "--count", "--format", "json", path)
    summary = json.loads(done.stdout)
    assert (summary["lines"], summary["malformed"], summary["rules"][0]["matched"]) == (3, 1, 2)
    assert b"a line of 100000000 bytes at byte 17 is too long" in done.stderr


def test_wrong_rules_are_named_with_their_place(watch, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("watches:\n  a:\n    where: {x: 'a(b', y: {gte: many}}\n  b:\n    wher: {x: y}\n")
    done = watch("-c", path, stdin=b"")
    assert done.returncode == 2
    lines = done.stderr.decode()
    assert f"{path}:3:16: watches.a.where.x: the pattern is not allowed: missing ): a(b (at character 2)" in lines
    assert f"{path}:5:5" in lines and 'unknown key "watches.b.wher"' in lines


def test_a_followed_file_gives_new_lines_also_after_rotation(binary, tmp_path):
    log = tmp_path / "app.log"
    log.write_text('{"level":"ERROR","n":1}\n{"level":"INFO","n":2}\n')
    out = tmp_path / "out"
    with out.open("wb") as stream:
        child = process.start([str(binary), "watch", "--match", "level=ERROR", "--follow", str(log)], stdout=stream)
        try:
            wait_until(lambda: out.read_text().count("\n") == 1, 30, "what was there")
            with log.open("a") as more:
                more.write('{"level":"ERROR","n":3}\n')
            wait_until(lambda: out.read_text().count("\n") == 2, 30, "what came")
            log.rename(tmp_path / "app.log.1")
            log.write_text('{"level":"ERROR","n":4}\n')
            wait_until(lambda: out.read_text().count("\n") == 3, 30, "the new file")
        finally:
            child.terminate()
        assert child.wait(10) == 0
    assert [json.loads(line)["n"] for line in out.read_text().splitlines()] == [1, 3, 4]


def test_rules_are_tested_with_a_diff_and_a_junit_report(binary, tmp_path):
    path = tmp_path / "tests.yaml"
    path.write_text(r"""
watches:
  http-5xx:
    where: {status: '5\d{2}'}
    threshold: 2
tests:
  - name: two of three
    input: ['{"status":"503"}', '{"status":"200","uri":"/503"}', '{"status":500}']
    matches: {http-5xx: [1, 3]}
    alerts: [http-5xx]
  - name: wrong on purpose
    input: ['{"status":"200"}', '{"status":"503"}']
    matches: {http-5xx: [1]}
    alerts: [http-5xx]
""")
    done = subprocess.run([binary, "rules", "test", path, "--junit", tmp_path / "out.xml"], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 1
    assert "ok     two of three\nFAILED wrong on purpose\n" in done.stdout
    assert '    - http-5xx line 1: {"status":"200"}\n    + http-5xx line 2: {"status":"503"}\n    - alert http-5xx\n' in done.stdout
    report = (tmp_path / "out.xml").read_text()
    assert 'tests="2" failures="1"' in report and '<testcase name="two of three"/>' in report


def test_explain_says_what_each_stage_did(binary):
    done = subprocess.run([binary, "rules", "explain", r"status=5\d{2}", r'{"status":"200","uri":"/?status=503"}'],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert "not found" in done.stdout and "result: no match" in done.stdout and 'status matches 5\\d{2} -> no: it is text "200"' in done.stdout


def test_thousands_of_rules_are_read_and_matched(watch, tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text("watches:\n" + "".join(f"  r{i}: {{where: {{message: 'fault-{i}(?:\\D|$)'}}}}\n" for i in range(8_000)))
    begin = time.monotonic()
    done = watch("-c", path, "--count", "--format", "json", stdin=b'{"message":"fault-4711"}\n{"message":"fault-12 fault-13"}\n')
    assert done.returncode == 0, done.stderr[:500]
    found = {rule["name"]: rule["matched"] for rule in json.loads(done.stdout)["rules"] if rule["matched"]}
    assert found == {"r4711": 1, "r12": 1, "r13": 1}
    assert time.monotonic() - begin < 60
