"""Alerts: from what is committed to every kind of receiver, through outages and kill -9, none lost and none twice."""

import base64
import collections
import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.parse

import pytest
import yaml
from confluent_kafka import Producer

from harness import databases, oracle, process
from harness.clients import read_and_pause, skip
from harness.receivers import Alertmanager, HttpReceiver, MailReceiver
from harness.wait import wait_until
from harness.waybill import Waybill


@pytest.fixture
def closing():
    """closing(thing) closes it with the test."""
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def receiver(closing):
    return closing(HttpReceiver())


@pytest.fixture
def watching(binary, kafka, unique, tmp_path, closing):
    """watching(topic, config) is a `waybill run` with the watch `errors` by host over the topic, threshold 3."""

    def make(topic, notify=("ops",), watch=None, name="server", **config):
        rule = {"sources": [{"cluster": "main", "topics": [topic], "start": "begin"}], "where": {"level": "ERROR"},
                "by": ["host"], "threshold": 3, "notify": list(notify), **(watch or {})}
        settings = {"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}},
                    "watch": {"group": unique("watchers")}, "watches": {"errors": rule}, **config}
        return closing(Waybill(binary, tmp_path / name, config=settings))

    return make


def send(kafka, topic, lines):
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 1})
    for i, line in enumerate(lines):
        producer.produce(topic, json.dumps(line).encode(), partition=i % 4)
    assert producer.flush(30) == 0


def errors(host, count=4):
    return [{"level": "ERROR", "host": host, "text": f"{i}"} for i in range(count)]


def webhook(receiver, **more):
    return {"webhook": receiver.url, "allow_private": True, **more}


def alert_of(server, **labels):
    """The one alert with these labels, or None."""
    found = [a for a in server.get("/api/v1/alerts")["alerts"] if all(a["labels"].get(k) == v for k, v in labels.items())]
    assert len(found) <= 1
    return found[0] if found else None


def fingerprint(labels):
    """As Prometheus and Alertmanager compute it."""
    value = 14695981039346656037
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"


def test_a_watch_over_its_threshold_reaches_a_webhook_and_is_resolved(kafka, topic, watching, receiver):
    server = watching(topic, watch={"window": "1s"}, redact={"fields": ["card"]},
                      notifiers={"ops": webhook(receiver, secret="key of the webhook", token="bearer-1")}).start()
    send(kafka, topic, errors("a", 2) + [{"level": "ERROR", "host": "b", "card": "4111"}] * 5)
    wait_until(lambda: [a["status"] for a in receiver.alerts()] == ["firing", "resolved"], 20, "both messages")
    seconds, path, headers, body = receiver.requests[0]
    shape = json.loads(body)
    assert path == "/hook" and headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer bearer-1"
    signed = headers["X-Waybill-Timestamp"].encode() + b"." + body
    assert headers["X-Waybill-Signature"] == "sha256=" + hmac.new(b"key of the webhook", signed, hashlib.sha256).hexdigest()
    labels = {"alertname": "errors", "host": "b", "severity": "warning"}
    assert shape["version"] == "4" and shape["status"] == "firing" and shape["receiver"] == "ops"
    assert shape["groupLabels"] == {"alertname": "errors"} and shape["commonLabels"] == labels
    assert shape["groupKey"] and shape["truncatedAlerts"] == 0 and shape["externalURL"] == server.url + "/"
    (alert,) = shape["alerts"]
    assert alert["labels"] == labels and alert["fingerprint"] == fingerprint(labels)
    assert alert["endsAt"] == "0001-01-01T00:00:00Z" and alert["generatorURL"].startswith(server.url + "/#/watches/")
    evidence = json.loads(alert["annotations"]["evidence"])
    assert evidence["count"] >= 3 and evidence["threshold"] == 3 and evidence["by"] == {"host": "b"}
    assert all(s["topic"] == topic and '"card":"***"' in s["text"].replace(" ", "") for s in evidence["samples"])
    assert "4111" not in body.decode()
    shown = alert_of(server, host="b")
    assert shown["id"] == alert["fingerprint"] and shown["state"] == "resolved" and shown["rule"] == "errors"
    assert [event["state"] for event in shown["history"]] == ["firing", "resolved"]
    ended = receiver.alerts()[1]
    assert ended["endsAt"] > ended["startsAt"] == alert["startsAt"]
    assert "key of the webhook" not in server.log_text() + json.dumps(server.get("/api/v1/alerts"))


def test_after_an_outage_and_kills_every_alert_arrives_once(kafka, topic, watching, closing):
    port = process.free_port()
    server = watching(topic, notifiers={"ops": {"webhook": f"http://127.0.0.1:{port}/hook", "allow_private": True}}).start()
    hosts = [f"host-{i}" for i in range(40)]
    for part in range(2):
        send(kafka, topic, [line for host in hosts[part * 20:part * 20 + 20] for line in errors(host)])
        wait_until(lambda: len(server.get("/api/v1/alerts", state="firing")["alerts"]) == 20 * part + 20, 20, "they fire")
        server.kill()
        server.start()
    wait_until(lambda: server.metric("waybill_alert_request_failures_total") > 0, 15, "the receiver is missed")
    wait_until(lambda: server.metric("waybill_alert_notices_waiting") == 40, 15, "all of them wait")
    receiver = closing(HttpReceiver(port))
    wait_until(lambda: len(receiver.alerts()) >= 40, 45, "all of them arrive")
    wait_until(lambda: server.metric("waybill_alert_notices_waiting") == 0, 15, "nothing waits")
    send(kafka, topic, [line for host in hosts for line in errors(host)])  # the same alerts fire on
    time.sleep(1)
    told = collections.Counter((a["labels"]["host"], a["status"]) for a in receiver.alerts())
    assert told == {(host, "firing"): 1 for host in hosts}
    assert all(len({a["labels"]["alertname"] for a in body["alerts"]}) == 1 for body in receiver.bodies())


def test_each_protocol_gets_its_own_body_in_chinese(kafka, topic, watching, closing, tmp_path):
    code = closing(HttpReceiver(answer=(200, b'{"errcode":0,"errmsg":"ok"}', {})))
    feishu = closing(HttpReceiver(answer=(200, b'{"code":0}', {})))
    slack = closing(HttpReceiver(answer=(200, b"ok", {})))
    mail = closing(MailReceiver())
    told = tmp_path / "told.json"
    script = tmp_path / "page.py"
    script.write_text(f"import os, sys\nopen({str(told)!r}, 'a').write(sys.stdin.read())\nassert 'SECRET' not in os.environ\n")
    local = {"allow_private": True}
    at = f"http://127.0.0.1:{code.port}"
    notifiers = {"ding": {"dingtalk": at + "/robot/send?access_token=t", "secret": "SECd", **local},
                 "wecom": {"wecom": at + "/cgi-bin/webhook/send?key=k", **local},
                 "feishu": {"feishu": feishu.url, "secret": "SECf", **local},
                 "slack": {"slack": slack.url, **local},
                 "mail": {"email": {"smtp": f"smtp://127.0.0.1:{mail.port}", "from": "waybill@example.com",
                                    "to": ["a@example.com", "b@example.com"]}, **local},
                 "page": {"command": [sys.executable, str(script)]}}
    server = watching(topic, notify=notifiers, notifiers=notifiers, locale="zh").start(SECRET="1")
    send(kafka, topic, errors("<!channel> \u673a\u5668&1"))
    everything = [code.requests, feishu.requests, slack.requests, mail.mails]
    wait_until(lambda: len(code.requests) == 2 and all(everything) and told.exists() and told.read_text().endswith("\n"), 20,
               "every receiver is told")
    by_path = {urllib.parse.urlparse(path).path: (path, json.loads(body)) for _, path, _, body in code.requests}
    path, ding = by_path["/robot/send"]
    query = urllib.parse.parse_qs(urllib.parse.urlparse(path).query)
    stamp = query["timestamp"][0]
    sign = hmac.new(b"SECd", f"{stamp}\nSECd".encode(), hashlib.sha256).digest()
    assert query["access_token"] == ["t"] and base64.b64decode(query["sign"][0]) == sign
    assert abs(int(stamp) / 1000 - time.time()) < 60
    assert ding["msgtype"] == "markdown" and ding["markdown"]["title"].startswith("[\u544a\u8b66] errors\uff1aerrors\uff08host=&lt;!channel&gt;")
    assert "1 \u5206\u949f \u5185\u5339\u914d" in ding["markdown"]["text"] and "\u8b66\u544a" in ding["markdown"]["text"]
    wecom = by_path["/cgi-bin/webhook/send"][1]
    assert wecom["msgtype"] == "markdown" and len(wecom["markdown"]["content"].encode()) <= 4096
    (_, _, _, body), = feishu.requests
    lark = json.loads(body)
    sign = hmac.new(f"{lark['timestamp']}\nSECf".encode(), b"", hashlib.sha256).digest()
    assert lark["msg_type"] == "text" and base64.b64decode(lark["sign"]) == sign and "\u544a\u8b66" in lark["content"]["text"]
    (_, _, _, body), = slack.requests
    assert "&lt;!channel&gt; \u673a\u5668&amp;1" in json.loads(body)["text"] and "<!channel>" not in body.decode()
    (sender, to, message), = mail.mails
    assert sender == "waybill@example.com" and to == ["a@example.com", "b@example.com"]
    assert message["Subject"].startswith("[\u544a\u8b66] errors\uff1aerrors\uff08host=<!channel> \u673a\u5668&1\uff09")
    assert message["Auto-Submitted"] == "auto-generated" and message["Date"] and message["Message-ID"]
    text = message.get_body().get_content() if not message.is_multipart() else next(message.iter_parts()).get_content()
    assert "\u8bc1\u636e\uff1a" in text and server.url + "/#/watches/errors" in text
    assert json.loads(told.read_text())["receiver"] == "page"


def test_alertmanager_holds_the_same_alerts_and_forgets_the_resolved(kafka, topic, watching, closing, tmp_path):
    manager = closing(Alertmanager(tmp_path / "am"))
    server = watching(topic, watch={"window": "4s"}, notifiers={"ops": {"alertmanager": manager.url, "allow_private": True}}).start()
    send(kafka, topic, errors("a") + errors("b"))
    wait_until(lambda: server.metric("waybill_alert_request_failures_total") > 0, 15, "Alertmanager is not there yet")
    manager.start()
    found = wait_until(lambda: len(manager.alerts()) == 2 and manager.alerts(), 20, "both are held")
    assert {a["labels"]["host"] for a in found} == {"a", "b"}
    shown = {a["id"]: a for a in server.get("/api/v1/alerts")["alerts"]}
    for alert in found:
        assert shown[alert["fingerprint"]]["labels"] == alert["labels"]
        assert alert["annotations"]["summary"].startswith("errors (host=")
    wait_until(lambda: not manager.alerts(), 30, "they are resolved there too")


def test_loopback_link_local_redirects_and_endless_replies_are_not_followed(kafka, topic, watching, receiver, closing):
    there = closing(HttpReceiver(answer=(302, b"", {"Location": receiver.url})))
    endless = closing(HttpReceiver(answer=(200, b"x" * (2 << 20), {})))
    notifiers = {"private": {"webhook": receiver.url}, "name": {"webhook": f"http://localhost:{receiver.port}/"},
                 "mapped": {"webhook": f"http://[::ffff:127.0.0.1]:{receiver.port}/"},
                 "metadata": {"webhook": "http://169.254.169.254/latest", "allow_private": True},
                 "moved": {"webhook": there.url, "allow_private": True},
                 "endless": {"webhook": endless.url, "allow_private": True}}
    server = watching(topic, notify=notifiers, notifiers=notifiers).start()
    send(kafka, topic, errors("a"))
    for name in ("private", "name", "mapped", "metadata", "moved"):
        wait_until(lambda: server.metric("waybill_alert_request_failures_total", notifier=name) > 0, 15, name)
    wait_until(lambda: server.metric("waybill_alert_notices_delivered_total", notifier="endless") == 1, 15, "endless")
    log = server.log_text()
    assert receiver.requests == [] and len(there.requests) >= 1
    assert "127.0.0.1 is loopback, which needs allow_private: true" in log
    assert "169.254.169.254 is link-local, which is never allowed" in log
    assert "302; redirects are not followed" in log and "latest" not in log and "/hook" not in log


@pytest.mark.full
def test_refusals_end_and_hold_up_nothing_else(kafka, topic, watching, receiver):
    receiver.answer = (400, b"", {})
    server = watching(topic, notifiers={"ops": webhook(receiver)}).start()
    send(kafka, topic, errors("a"))
    wait_until(lambda: len(receiver.requests) >= 2, 20, "it is offered again")
    receiver.answer = (200, b"", {})
    wait_until(lambda: server.metric("waybill_alert_notices_delivered_total") == 1, 20, "then taken")
    assert server.metric("waybill_alert_notices_given_up_total") == 0


def test_a_mute_ends_and_only_operators_may(kafka, topic, watching, receiver):
    server = watching(topic, notifiers={"ops": webhook(receiver)}, watch={"for": "3s"},
                      auth={"tokens": [{"role": "viewer", "token": "v" * 20}, {"role": "operator", "token": "o" * 20}]})
    server.start()
    server._http.headers["Authorization"] = "Bearer " + "v" * 20
    send(kafka, topic, errors("a"))
    alert = wait_until(lambda: alert_of(server, host="a"), 20, "it is pending")
    assert alert["state"] == "pending" and alert["history"][0]["state"] == "pending"
    path = f"{server.url}/api/v1/alerts/{alert['id']}/mute"
    assert server._http.post(path, json={"for": "1h"}).status_code == 403
    server._http.headers["Authorization"] = "Bearer " + "o" * 20
    for body in ({}, {"until": 1}, {"for": "1h", "until": 0}, {"for": "1000d"}, {"other": 1}):
        assert server._http.post(path, json=body).status_code == 400, body
    assert server._http.post(path.replace(alert["id"], "0" * 16), json={"for": "1h"}).status_code == 404
    assert server._http.post(path, json={"for": "1h"}).status_code == 200
    wait_until(lambda: alert_of(server, host="a")["state"] == "firing", 20, "it fires")
    assert alert_of(server, host="a")["muted_until"] > time.time() * 1000 + 3_500_000
    time.sleep(1)
    assert receiver.requests == []
    assert server._http.post(path, json={"until": 0}).status_code == 200
    wait_until(lambda: len(receiver.alerts()) == 1, 20, "it is told once the mute is over")
    assert alert_of(server, host="a")["muted_until"] is None


def test_a_loss_is_told_with_its_offsets_and_withdrawn(make_waybill, clients, topic, group, receiver):
    server = make_waybill(config={"notifiers": {"ops": webhook(receiver)}}).start()
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic])
    read_and_pause(producer, consumer, topic, 300)
    skip(producer, consumer, topic, 100, ((0, 337), (2, 399)))
    assert len(consumer.messages) == 1200 + 63 + 1 + 200
    lost = oracle.skipped([producer], [consumer], topic)
    assert len(lost) == 37 + 99
    (alert,) = wait_until(lambda: [a for a in receiver.alerts() if a["labels"]["alertname"] == "lost"], 45, "the loss is told")
    labels = {"alertname": "lost", "severity": "critical", "cluster": "main", "topic": topic, "group": group}
    assert alert["labels"] == labels

    def evidence():
        found = alert_of(server, alertname="lost")["evidence"]
        return {(r["partition"], o) for r in found["ranges"] for o in range(r["first_offset"], r["last_offset"] + 1)}
    wait_until(lambda: evidence() == lost, 45, "the evidence names each offset")
    assert {r["reason"] for r in alert_of(server, alertname="lost")["evidence"]["ranges"]} == {"skipped"}
    consumer.pause()
    for partition, target in ((0, 300), (2, 300)):
        consumer.seek(topic, partition, target)
    consumer.resume()
    wait_until(lambda: [a for a in receiver.alerts() if a["status"] == "resolved" and a["labels"] == labels], 45,
               "what arrived after all is withdrawn")


def test_a_falling_success_rate_and_a_failing_interface_are_told(kafka, topic, watching, receiver):
    value = {"total": "count", "good": {"count": "lines", "where": {"result": "0000"}}, "rate": {"ratio": ["good", "total"]}}
    kpi = {"source": {"cluster": "main", "topic": topic}, "time": {"field": "at", "format": "rfc3339"}, "window": "1h",
           "by": ["interface"], "values": value}
    rule = {"kind": "kpi", "kpi": "pay", "value": "rate", "below": 0.9, "min_value": "total", "min_count": 20}
    server = watching(topic, notify=(), kpis={"pay": kpi}, alerts={"failing": rule}, notifiers={"ops": webhook(receiver)})
    server.start()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = {"at": now, "result": "0000"}
    send(kafka, topic, [{**line, "interface": "fine"}] * 40 + [{**line, "interface": "few", "result": "9999"}] * 5
         + [{**line, "interface": "bad", "result": "9999" if i % 4 == 0 else "0000"} for i in range(40)])
    (alert,) = wait_until(lambda: receiver.alerts(), 30, "the failing interface is told")
    assert alert["labels"] == {"alertname": "failing", "severity": "warning", "kpi": "pay", "interface": "bad"}
    wait_until(lambda: alert_of(server, alertname="failing")["value"] == 0.75, 10, "the rate")
    window = alert_of(server, alertname="failing")["evidence"]["window"]
    assert window["by"] == {"interface": "bad"} and window["values"]["total"] == 40


def test_faults_of_the_configuration_are_told_with_their_place(binary, tmp_path):
    file = tmp_path / "waybill.yaml"
    file.write_text("""clusters: {main: {bootstrap.servers: "127.0.0.1:1"}}
watches:
  a: {sources: [{cluster: main, topics: [t]}], text: x, notify: [opps]}
notifiers:
  ops: {webhook: "ftp://secret.example.com/x"}
  two: {webhook: "http://h/", slack: "http://h/"}
  mail: {email: {smtp: "smtp://h", from: "a@b.c", to: ["a@b.c\\nBcc: x@y.z"]}}
  run: {command: [echo]}
alerts:
  lost: {notify: [nobody]}
  quiet: {severity: info}
  unconfirmed: {severity: critical}
  doubled: {kind: redelivered, ratio: 2}
locale: fr
""")
    done = subprocess.run([binary, "check", "-c", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    for told in (":3:65: watches.a.notify: there is no notifier \"opps\"", ":5:18: notifiers.ops.webhook: this is no address",
                 ":6:8: notifiers.two: one of webhook", "notifiers.mail.email.to must be a list", ":8:18: notifiers.run.command",
                 ":10:18: alerts.lost.notify: there is no notifier \"nobody\"", ":11:3: alerts.quiet: the key \"kind\" is missing",
                 ":12:27: alerts.unconfirmed.severity", "alerts.doubled.ratio is needed", ":14:9: locale"):
        assert told in done.stderr, (told, done.stderr)
    assert "secret.example.com" not in done.stderr


@pytest.mark.full
@pytest.mark.parametrize("kind", [databases.Postgresql, databases.Mariadb])
def test_another_process_takes_over_and_tells_nothing_twice(kind, kafka, topic, watching, closing, binary, tmp_path):
    """The process that evaluates is killed while the receiver is down, and its successor frozen and thawed."""
    database = closing(kind())
    database.start()
    database.make("alerts")
    port = process.free_port()
    notifiers = {"ops": {"webhook": f"http://127.0.0.1:{port}/hook", "allow_private": True}}
    first = watching(topic, name="first", store=database.place("alerts"), notifiers=notifiers)
    second = closing(Waybill(binary, tmp_path / "second"))
    second.config_file.write_text(yaml.safe_dump({**yaml.safe_load(first.config_file.read_text()),
                                                  "listen": f"127.0.0.1:{second.port}"}))
    first.start()
    wait_until(lambda: first.metric("waybill_alert_evaluates") == 1, 15, "the first evaluates")
    second.start()
    hosts = [f"host-{i}" for i in range(30)]

    def firing(server, count):
        return len(server.get("/api/v1/alerts", state="firing")["alerts"]) == count
    send(kafka, topic, [line for host in hosts[:10] for line in errors(host)])
    wait_until(lambda: firing(second, 10), 30, "what the first committed is seen by the second")
    first.kill()
    send(kafka, topic, [line for host in hosts[10:20] for line in errors(host)])
    wait_until(lambda: firing(second, 20), 40, "the second goes on")
    first.start()
    receiver = closing(HttpReceiver(port))
    wait_until(lambda: len(receiver.alerts()) >= 20, 45, "what waited arrives")
    wait_until(lambda: second.metric("waybill_alert_notices_waiting") == 0, 15, "nothing waits")
    second.freeze()
    send(kafka, topic, [line for host in hosts[20:] for line in errors(host)])
    wait_until(lambda: len(receiver.alerts()) >= 30, 60, "the first has taken over again")
    second.thaw()
    time.sleep(3)
    told = collections.Counter((a["labels"]["host"], a["status"]) for a in receiver.alerts())
    assert told == {(host, "firing"): 1 for host in hosts}
