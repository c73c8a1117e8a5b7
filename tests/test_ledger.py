"""waybill ledger over files: exactly the known truth, whatever the form of the input."""

import gzip
import json
import pathlib
import subprocess

import pytest

from harness.ledger import LISTS

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"


def run(binary, *arguments, stdin=None, code=0):
    result = subprocess.run([str(binary), *map(str, arguments)], input=stdin, capture_output=True)
    assert result.returncode == code, result.stderr.decode()
    return result.stdout


def ledger(binary, *arguments, **options):
    return run(binary, "ledger", *arguments, **options)


def summary(binary, *arguments, **options):
    return json.loads(ledger(binary, *arguments, "--format", "json", **options))


def names(binary, *arguments, **options):
    """uid|consumer of a list, sorted."""
    rows = [json.loads(line) for line in ledger(binary, *arguments, **options).splitlines()]
    return sorted(f"{row['uid']}|{row['consumer']}" for row in rows)


def check_summary(found, truth, idle_pairs=False):
    assert found["lines"] == truth["lines"]
    assert found["malformed"] == truth["malformed"]
    pairs = {f"{producer['name']}|{consumer['name']}": (producer, consumer)
             for producer in found["producers"] for consumer in producer["consumers"]}
    expected = {name: pair for name, pair in truth["pairs"].items() if idle_pairs or pair["produced"] or pair["consumed"]}
    assert set(pairs) == set(expected)
    for name, pair in expected.items():
        producer, consumer = pairs[name]
        assert (producer["produced"], consumer["consumed"], consumer["unconsumed"], consumer["duplicated"],
                consumer["unrecorded"]) == (pair["produced"], pair["consumed"], pair["lost"], pair["dup"], pair["unrec"]), name
        latency = consumer["latency_ms"]
        assert latency["max"] == pair.get("lat_max")
        if latency["max"] is None:
            continue
        assert latency["mean"] == pytest.approx(pair["lat_mean"], abs=1e-6)
        for rank in ("p50", "p95", "p99"):
            if f"lat_{rank}" in pair:
                assert latency[rank] == pytest.approx(pair[f"lat_{rank}"], rel=0.016, abs=0.5), (name, rank)


def check_all(binary, path, truth, *options, idle_pairs=False):
    check_summary(summary(binary, path, *options), truth, idle_pairs)
    for which, key in LISTS.items():
        assert names(binary, path, "--list", which, *options) == sorted(truth[key]), which


def truth_of(name):
    return json.loads((FIXTURES / f"{name}.truth.json").read_text())


def roster_config(folder, truth):
    """The roster as the Python dictionary that people have, pasted below `ledgers:`."""
    groups = {"orders": [{"name": producer, "desc": "d", "consumers": {name: "q" for name in consumers}}
                         for producer, consumers in truth["roster"].items()]}
    path = folder / "audit.yaml"
    path.write_text(f"ledgers:\n  {groups!r}\n")
    return path


@pytest.mark.parametrize("name", ["tmm", "tmm_es"])
@pytest.mark.parametrize("options", [[], ["--plain"], ["-s", "2"], ["--threads", "3"]], ids=" ".join)
def test_the_fixtures_truth_comes_out_exactly(binary, name, options):
    check_all(binary, FIXTURES / f"{name}.ndjson", truth_of(name), *options)


@pytest.mark.parametrize("name", ["tmm", "tmm_es"])
def test_with_configured_producers_and_consumers(binary, tmp_path, name):
    truth = truth_of(name)
    config = roster_config(tmp_path, truth)
    check_all(binary, FIXTURES / f"{name}.ndjson", truth, "-c", config, "-g", "orders", idle_pairs=True)


def test_other_forms_of_the_same_bytes_give_the_same_answer(binary, tmp_path):
    source = FIXTURES / "tmm.ndjson"
    content = source.read_bytes()
    expected = ledger(binary, source, "--format", "json")
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(content))
    (tmp_path / "crlf.log").write_bytes(content.replace(b"\n", b"\r\n"))
    lines = content.splitlines(keepends=True)
    for i in range(3):
        (tmp_path / f"part{i}.log").write_bytes(b"".join(lines[i * 2500:(i + 1) * 2500]))
    assert ledger(binary, tmp_path / "a.log.gz", "--format", "json") == expected
    assert ledger(binary, tmp_path / "crlf.log", "--format", "json") == expected
    assert ledger(binary, tmp_path / "part*.log", "--format", "json") == expected
    assert ledger(binary, "-", "--format", "json", stdin=content) == expected
    assert ledger(binary, "-", "--format", "json", stdin=content.rstrip(b"\n")) == expected


@pytest.mark.parametrize("form", [[], ["--export"]], ids=["lines", "documents"])
def test_generated_logs_with_known_faults(binary, tmp_path, form):
    path, truth = tmp_path / "app.log", tmp_path / "truth.json"
    run(binary, "gen", "ledger", "--messages", 20000, "--seed", 7, "--lost-ppm", 5000, "--duplicated-ppm", 5000,
        "--unrecorded-ppm", 3000, "--failed-ppm", 2000, "--malformed-ppm", 1000, *form, "--out", path, "--truth", truth)
    known = json.loads(truth.read_text())
    assert min(len(known[key]) for key in LISTS.values()) > 10 and known["failed"] and known["malformed"]
    check_all(binary, path, known)
    found = summary(binary, path)
    assert (found["failed"], found["ignored"]) == (known["failed"], known["ignored"])


PRODUCE = b'{"st":1,"type":"tmmProduce","ptime":1542267888575,"producer":"p","uid":"%s"}'
CONSUME = b'{"uid":"%s","ptime":1542267888575,"type":"tmmConsume","producer":"p","consumer":"%s","ctime":%d}'
BROKEN = [
    (b'{"st":1,"type":"tmmProduce","ptime":15422', "not JSON"),
    (b'{"st":1,"type":"tmmProduce","ptime":"soon","producer":"p","uid":"1"}', "time of producing"),
    (b'{"st":1,"type":"tmmProduce","ptime":99999999999999999999999,"producer":"p","uid":"1"}', "not JSON"),
    (b'{"st":1,"type":"tmmProduce","ptime":9999999999999999,"producer":"p","uid":"1"}', "time of producing"),
    (b'{"st":1,"type":"tmmProduce","ptime":1542267888575,"producer":"p"}', "id is missing"),
    (b'{"st":1,"type":"tmmProduce","ptime":1542267888575,"producer":"p","uid":7}', "id is missing"),
    (b'{"st":1,"type":"tmmProduce","ptime":1542267888575,"producer":"p","uid":"\xff"}', "not UTF-8"),
    (b'{"st":1,"type":"tmmProduce","ptime":1542267888575,"producer":"p","uid":"a\x00b"}', "not JSON"),
    (b'{"st":"1","type":"tmmProduce","ptime":1542267888575,"producer":"p","uid":"1"}', "status"),
    (b'{"type":"tmmConsume","ptime":1,"producer":"p","uid":"1","ctime":2}', "consumer"),
    (b'{"type":"tmmConsume","ptime":1,"producer":"p","uid":"1","consumer":"c"}', "time of consuming"),
]


@pytest.mark.parametrize("options", [[], ["--plain"], ["-s", "1"]], ids=" ".join)
def test_bad_lines_are_listed_with_their_place_and_nothing_else_is_lost(binary, tmp_path, options):
    path = tmp_path / "app.log"
    lines, places = [], {}
    for i, (line, reason) in enumerate(BROKEN):
        lines += [PRODUCE % (b"u%d" % i), line, CONSUME % (b"u%d" % i, b"c", 1542267888600), b"INFO text", b'{"type":"other"}', b""]
        places[f"{path}:{len(lines) - 4}"] = reason
    path.write_bytes(b"\n".join(lines))
    found = summary(binary, path, *options)
    assert (found["lines"], found["malformed"], found["ignored"]) == (len(lines) - 1, len(BROKEN), 3 * len(BROKEN) - 1)
    assert found["producers"][0]["produced"] == len(BROKEN)
    assert found["producers"][0]["consumers"][0]["consumed"] == len(BROKEN)
    listed = [json.loads(line) for line in ledger(binary, path, "--list", "malformed", *options).splitlines()]
    assert [row["place"] for row in listed] == list(places)
    for row in listed:
        assert places[row["place"]] in row["reason"]


def test_a_line_of_a_hundred_megabytes_costs_itself_only(binary, tmp_path):
    path = tmp_path / "app.log"
    with path.open("wb") as file:
        file.write(PRODUCE % b"1" + b"\n")
        file.write(b'{"uid":"')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + PRODUCE % b"2" + b"\n")
    found = summary(binary, path)
    assert (found["lines"], found["malformed"], found["producers"][0]["produced"]) == (3, 1, 2)
    assert json.loads(ledger(binary, path, "--list", "malformed"))["place"] == f"{path}:2"


def test_orders_repeats_and_failed_sends(binary):
    lines = [CONSUME % (b"early", b"c", 1542267888700), PRODUCE % b"early", PRODUCE % b"early",
             CONSUME % (b"early", b"c", 1542267888900), CONSUME % (b"early", b"c", 1542267888950),
             PRODUCE.replace(b'"st":1', b'"st":0') % b"failed", PRODUCE % b"open", CONSUME % (b"never sent", b"c", 1542267888675)]
    found = summary(binary, "-", stdin=b"\n".join(lines))
    consumer = found["producers"][0]["consumers"][0]
    assert (found["failed"], found["producers"][0]["produced"]) == (1, 2)
    assert {key: consumer[key] for key in ("consumed", "unconsumed", "duplicated", "unrecorded")} == {
        "consumed": 2, "unconsumed": 1, "duplicated": 1, "unrecorded": 1}
    assert (consumer["latency_ms"]["max"], consumer["latency_ms"]["mean"]) == (125, 112.5)
    row = json.loads(ledger(binary, "-", "--list", "unconsumed", stdin=b"\n".join(lines)))
    assert row == {"producer": "p", "consumer": "c", "uid": "open", "produce_time": 1542267888575, "consume_time": None,
                   "latency_ms": None}


def test_a_consumer_that_appears_last_owes_the_first_messages_too(binary):
    lines = [PRODUCE % b"1", CONSUME % (b"1", b"a", 1542267888600), PRODUCE % b"2", CONSUME % (b"2", b"a", 1542267888600),
             CONSUME % (b"2", b"b", 1542267888600)]
    assert names(binary, "-", "--list", "unconsumed", stdin=b"\n".join(lines)) == ["1|b"]
    assert [c["unconsumed"] for c in summary(binary, "-", stdin=b"\n".join(lines))["producers"][0]["consumers"]] == [0, 1]


def test_many_consumers_of_one_producer(binary):
    consumers = [b"c%02d" % i for i in range(40)]
    lines = [PRODUCE % b"1"] + [CONSUME % (b"1", c, 1542267888600) for c in consumers] + [CONSUME % (b"1", b"c39", 1542267888700)]
    lines += [PRODUCE % b"2"] + [CONSUME % (b"2", c, 1542267888600) for c in consumers[:-1]]
    found = summary(binary, "-", stdin=b"\n".join(lines))["producers"][0]["consumers"]
    assert [c["name"] for c in found if c["duplicated"]] == ["c39"]
    assert [c["name"] for c in found if c["unconsumed"]] == ["c39"]


def test_field_names_are_configurable(binary, tmp_path):
    config = tmp_path / "audit.yaml"
    config.write_text("""ledgers:
  shop:
    format: {type: kind, produce: sent, consume: handled, id: key, producer: app, consumer: by, produce_time: at,
             consume_time: done, status: "", envelope: ""}
""")
    lines = [b'{"kind":"sent","key":"1","app":"a","at":100}', b'{"kind":"handled","key":"1","app":"a","at":100,"done":150,"by":"b"}']
    found = summary(binary, "-", "-c", config, stdin=b"\n".join(lines))["producers"][0]
    assert (found["name"], found["produced"], found["consumers"][0]["latency_ms"]["max"]) == ("a", 1, 50)


def test_only_listed_names_are_followed_unless_discovery_is_on(binary, tmp_path):
    config = tmp_path / "audit.yaml"
    lines = b"\n".join([PRODUCE % b"1", CONSUME % (b"1", b"other", 1542267888600)])
    config.write_text("ledgers:\n  g:\n    - {name: p, desc: the shop, consumers: {c: queue}}\n")
    found = summary(binary, "-", "-c", config, "-g", "g", stdin=lines)
    assert (found["ignored"], [c["name"] for c in found["producers"][0]["consumers"]]) == (1, ["c"])
    assert (found["producers"][0]["desc"], found["producers"][0]["consumers"][0]["desc"]) == ("the shop", "queue")
    config.write_text("ledgers:\n  g:\n    discover: true\n    producers: [{name: p, consumers: [c]}]\n")
    found = summary(binary, "-", "-c", config, "-g", "g", stdin=lines)
    assert [c["name"] for c in found["producers"][0]["consumers"]] == ["c", "other"]


def test_exit_codes_and_hours_back(binary, tmp_path):
    lines = PRODUCE % b"1" + b"\n" + CONSUME % (b"2", b"c", 1542267888600)
    ledger(binary, "-", "--fail-on", "duplicated", stdin=lines)
    ledger(binary, "-", "--fail-on", "duplicated,unconsumed", stdin=lines, code=1)
    ledger(binary, "-", "--fail-on", "malformed", stdin=b"{", code=1)
    ledger(binary, tmp_path / "missing.log", code=3)
    ledger(binary, code=2)
    ledger(binary, "-", "--list", "everything", stdin=b"", code=2)
    found = summary(binary, "-", "-t", "2", stdin=lines)
    assert (found["lines"], found["ignored"], found["producers"]) == (2, 2, [])


def test_faults_of_the_configuration_have_their_place(binary, tmp_path):
    config = tmp_path / "audit.yaml"
    config.write_text("ledgers:\n  g:\n    - {name: p, consumers: {c: x}}\n    - {name: p}\n    - {desc: nameless}\n")
    result = subprocess.run([str(binary), "ledger", "-", "-c", str(config), "-g", "g"], input=b"", capture_output=True)
    assert result.returncode == 2
    assert f"{config}:4:" in result.stderr.decode() and f"{config}:5:" in result.stderr.decode()
