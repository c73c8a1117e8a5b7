"""`waybill ledger` over an index, without files: once, with pages, queries, zones, certificates and passwords."""

import datetime
import json
import subprocess

import pytest

from harness.waybill import run_command

from .logs import document, load

pytestmark = pytest.mark.full


def check_once(binary, server, logs):
    """Figures and lists as the truth has them."""
    done = run_command(binary, "ledger", "-c", server.config_file, "-g", "orders", "--format", "json", "-s", "500")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {key: found[key] for key in ("lines", "malformed", "ignored", "failed")} == \
        {key: logs.truth[key] for key in ("lines", "malformed", "ignored", "failed")}
    for kind, key in (("unconsumed", "lost"), ("duplicated", "dup"), ("unrecorded", "unrec")):
        listed = run_command(binary, "ledger", "-c", server.config_file, "-g", "orders", "--list", kind)
        rows = [json.loads(line) for line in listed.stdout.splitlines()]
        assert sorted(f"{row['uid']}|{row['consumer']}" for row in rows) == sorted(logs.truth[key])
    listed = run_command(binary, "ledger", "-c", server.config_file, "-g", "orders", "--list", "malformed")
    places = [json.loads(line)["place"] for line in listed.stdout.splitlines()]
    broken = [f"{index}/{key}" for index, key, source in logs.documents if is_broken(source["message"])]
    assert sorted(places) == sorted(broken) and len(broken) == logs.truth["malformed"]


def is_broken(message):
    try:
        json.loads(message)
    except ValueError:
        return message.startswith("{")
    return False


def test_elasticsearch_6_once(elasticsearch, make_server, logs, binary):
    load(elasticsearch, logs)
    check_once(binary, make_server(elasticsearch, logs), logs)


def test_documents_of_one_time_at_the_ends_of_pages(opensearch, make_server, logs, binary, tmp_path):
    """All documents have two times, in several indices, and pages are small: none is skipped, none counted twice."""
    opensearch.clear()
    made = []
    for i, (index, key, source) in enumerate(logs.documents):
        made.append((index + f"-{i % 3}", key, dict(source, addDate="2018-11-23T03:42:55.900" if i % 7 else "2018-11-23T03:42:55.901")))
    for name in {index for index, _, _ in made}:
        opensearch.make_log_index(name)
    opensearch.index(made)
    server = make_server(opensearch, logs, source={"since": "36500d"})
    found = json.loads(run_command(binary, "ledger", "-c", server.config_file, "--format", "json", "-t", "900000",
                                   "-s", "137").stdout)
    assert found["lines"] == logs.truth["lines"]
    assert sum(p["produced"] for p in found["producers"]) == len(logs.events()[0])
    unconsumed = sum(c["unconsumed"] for p in found["producers"] for c in p["consumers"])
    assert unconsumed == len(logs.truth["lost"])


def test_a_query_and_a_zone_narrow_what_is_read(opensearch, make_server, logs, binary):
    """Times that were written in Shanghai's zone: two hours back from now is eight hours further for the server."""
    opensearch.clear()
    index, key, source = logs.documents[0]
    opensearch.make_log_index(index)
    lines = []
    for i, (_, _, other) in enumerate(logs.documents[:200]):
        shifted = document(i, other["message"], ms_of(other["addDate"]) + 8 * 3_600_000, "ctime" in other["message"])
        shifted[2]["logLevel"] = "INFO" if i % 2 else "WARN"
        lines.append((index, shifted[1], shifted[2]))
    opensearch.index(lines)
    server = make_server(opensearch, logs, source={"zone": "Asia/Shanghai", "query": 'logLevel:"WARN"'})
    found = json.loads(run_command(binary, "ledger", "-c", server.config_file, "--format", "json").stdout)
    assert found["lines"] == 100
    server = make_server(opensearch, logs, name="utc", source={"query": 'logLevel:"WARN"'})
    early = json.loads(run_command(binary, "ledger", "-c", server.config_file, "--format", "json", "-t", "0.1").stdout)
    assert early["lines"] == 100, "hours ahead are not before"


def ms_of(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


def test_tls_with_its_own_authority_and_a_password(opensearch, make_server, make_proxy, logs, binary, tmp_path):
    load(opensearch, logs)
    certificate = tmp_path / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", certificate, "-out", tmp_path / "ca.pem"], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (tmp_path / "ca.pem").read_text())
    proxy = make_proxy(opensearch.url, "none", certificate=certificate, password="reader:s3cret/\"")
    secret = tmp_path / "password"
    secret.write_text("s3cret/\"\n")
    login = {"urls": [proxy.url], "user": "reader", "password_file": str(secret)}
    good = make_server(opensearch, logs, name="good", server={**login, "ca_file": str(tmp_path / "ca.pem")})
    found = run_command(binary, "ledger", "-c", good.config_file, "--format", "json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["lines"] == logs.truth["lines"]
    stranger = make_server(opensearch, logs, name="stranger", server=login)
    refused = run_command(binary, "ledger", "-c", stranger.config_file)
    assert refused.returncode == 3 and "certificate" in refused.stderr
    secret.write_text("wrong")
    refused = run_command(binary, "ledger", "-c", good.config_file)
    assert refused.returncode == 3 and "missing credentials" in refused.stderr and "wrong" not in refused.stderr
