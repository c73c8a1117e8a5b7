"""Each file of examples/ is run as it is written, given data, and looked at in the browser: what is there is shown, nothing else is
said on the console, nothing leaves the machine, and axe has no serious findings. Only addresses, paths and names of topics that the
broker of the tests shares are replaced; what else a cluster is reached by, as TLS and passwords, stays as the example has it."""

import datetime
import json
import pathlib
import re

import pytest
import yaml
from confluent_kafka import Producer

from browser import number, until
from harness import oracle
from harness.clients import Clients, read_and_pause, skip
from harness.fixtures import fixture
from harness.secured import Authority, SecuredBroker
from harness.wait import wait_until
from harness.waybill import Waybill
from test_page import settled

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
PLACES = {"listen", "store"}
SECRETS = {"VIEWER_TOKEN": "viewer-token-of-the-test", "OPERATOR_TOKEN": "operator-token-of-the-test", "KAFKA_PASSWORD": "of-the-collector"}


class Example:
    """A server with the configuration of one example."""

    def __init__(self, binary, folder, path, brokers, audit=None, env=None):
        """`brokers`: {cluster of the example: Broker}. `env`: variables that the example or its libraries read."""
        settings = yaml.safe_load((EXAMPLES / path).read_text())
        assert set(settings["clusters"]) == set(brokers)
        for name, broker in brokers.items():
            settings["clusters"][name]["bootstrap.servers"] = getattr(broker, "secured", broker.bootstrap)
        if audit:
            settings["audit"] = {**settings.get("audit", {}), **audit}
        self.brokers, self.made = brokers, []
        self._make_topics(settings)
        self.server = Waybill(binary, folder, config={key: value for key, value in settings.items() if key not in PLACES})
        for beside in (EXAMPLES / path).parent.glob("*.csv"):
            (folder / beside.name).write_bytes(beside.read_bytes())
        self.server.start(**(env or {}))
        self.settings = settings

    def _make_topics(self, settings):
        """Those that its engines read; they go with it, because the broker is everybody's."""
        sources = [source for watch in settings.get("watches", {}).values() for source in watch["sources"]]
        kpi = settings.get("kpis", {}).get("defaults", {}).get("source")
        for source in [*sources, *([kpi] if kpi else [])]:
            broker = self.brokers[source["cluster"]]
            for topic in source.get("topics") or [source["topic"]]:
                if (broker, topic) not in self.made:
                    self.made.append((broker, broker.create_topic(topic, partitions=1)))

    def close(self):
        self.server.close()
        for broker, topic in self.made:
            broker.admin.delete_topics([topic])[topic].result(20)


@pytest.fixture
def example(binary, tmp_path):
    made = []

    def start(path, brokers, **options):
        made.append(Example(binary, tmp_path / "server", path, brokers, **options))
        return made[-1]
    yield start
    for one in made:
        one.close()


def looked_at(one, hash_, *texts):
    """The text of a page that shows all of `texts`; it fits the screen and axe finds nothing serious."""
    page = one.open(hash_)
    settled(page)
    for text in texts:
        page.locator("main").get_by_text(text).locator("visible=true").first.wait_for()
    assert one.axe() == [], hash_
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, hash_
    return page.locator("main").inner_text()


def send(bootstrap, lines):
    """(topic, key, text) each."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 100_000})
    for topic, key, text in lines:
        producer.produce(topic, text.encode(), key=key)
    assert producer.flush(30) == 0


def test_every_example_has_its_test():
    source = pathlib.Path(__file__).read_text()
    for path in EXAMPLES.rglob("*.yaml"):
        assert f'"{path.relative_to(EXAMPLES)}"' in source, f"{path} is looked at nowhere"


# ---- recharge ----

@pytest.fixture
def recharge(example, kafka, unique):
    """The day of the fixture, moved to yesterday in China."""
    yesterday = (datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))) - datetime.timedelta(days=1)).strftime("%Y%m%d")
    running = example("recharge/waybill.yaml", {"main": kafka})
    (_, topic), = running.made
    lines = [re.sub(r'"20181124(\d{9})', rf'"{yesterday}\1', line) for line in fixture("recharge.ndjson").read_text().splitlines()]
    send(kafka.bootstrap, [(topic, json.loads(line)["orderId"], line) for line in lines])

    def totals(name):
        return running.server.get(f"/api/v1/kpis/{name}/windows", **{"from": "-50h"})["totals"]
    wait_until(lambda: totals("recharge_day").get("total") == 807, 30, "the day is counted")
    return running, json.loads(fixture("recharge.truth.json").read_text())


def table(page, name):
    """{first cell: [other cells]} of a table, by its name."""
    rows = page.get_by_role("region", name=name, exact=True).locator("tbody tr").all()
    return {cells[0]: cells[1:] for cells in (row.locator("td, th").all_inner_texts() for row in rows)}


def figure(page, label):
    """The number of a big figure."""
    labels = page.locator("dl.figures dt").all_text_contents()
    return number(page.locator("dl.figures dd").nth(labels.index(label)).inner_text())


def test_the_payment_platforms_day(recharge, tab, pictures):
    running, truth = recharge
    one = tab(running.server.url)
    page = one.page
    looked_at(one, "#/kpis?kpi=recharge&from=-50h", "success_rate")
    assert (figure(page, "total"), figure(page, "succeeded")) == (truth["total"]["n"], truth["total"]["ok"])
    assert f"{truth['total']['amount'] // 100:,}.{truth['total']['amount'] % 100:02}" in page.locator("dl.figures").inner_text()
    looked_at(one, "#/kpis?kpi=funnel&from=-50h", "createOrder")
    steps = dict(zip(page.locator(".funnel-name").all_inner_texts(), map(number, page.locator(".funnel .n").all_inner_texts())))
    assert steps == truth["stages"]
    looked_at(one, "#/kpis?kpi=recharge_failures&from=-50h", "provinceCode")
    page.screenshot(path=pictures / "example-recharge-failures.png", full_page=True)
    shown = table(page, "provinceCode")
    assert {name.split()[-1]: number(cells[0]) for name, cells in shown.items()} == truth["fail_by_province"]
    until(page, "document.querySelector('.two .canvas canvas') !== null")  # the map of provinces
    looked_at(one, "#/alerts")


@pytest.mark.full
def test_every_kpi_of_the_platform_in_both_themes(recharge, tab, pictures):
    running, _ = recharge
    names = [kpi["name"] for kpi in running.server.get("/api/v1/kpis")["kpis"]]
    assert set(names) == set(running.settings["kpis"]) - {"defaults"}
    for theme, width in (("light", 1440), ("dark", 390)):
        one = tab(running.server.url, theme=theme, width=width)
        for name in names:
            text = looked_at(one, f"#/kpis?kpi={name}&from=-50h")
            one.page.screenshot(path=pictures / f"example-{name}-{theme}-{width}.png", full_page=True)
            assert name == "refunds" or running.server.get(f"/api/v1/kpis/{name}/windows", **{"from": "-50h"})["windows"], name
            assert len(text) > 100, (name, text)


# ---- watches ----

def access(status, uri="/", seconds=0.1, agent="Mozilla/5.0", **more):
    return json.dumps({"status": str(status), "upstream_addr": f"10.0.0.{status % 3}:80", "request_uri": uri, "request_time": seconds,
                       "http_user_agent": agent, **more})


def test_watches(example, kafka, tab, pictures):
    running = example("watch.yaml", {"main": kafka})
    server = running.server
    warm = access(200)
    expected = {"http-5xx": 24, "slow-checkout": 7, "out-of-memory": 3}

    def reads():  # one rule begins at the end of its topic, wherever that is when it is assigned
        send(kafka.bootstrap, [("access-log", "k", warm)])
        return any(source["topic"] == "access-log" and source["lines"] > 0 for source in server.get("/api/v1/watches")["sources"])
    wait_until(reads, 40, "the topics are read")
    send(kafka.bootstrap, [("access-log", "k", access(500 + i % 4, password="hunter2")) for i in range(24)]
         + [("access-log", "k", access(404, "/checkout/pay", 5)), ("access-log", "k", access(200, "/checkout/pay", 1.9)),
            ("access-log", "k", access(200, "/checkout/pay", 9, "a crawling bot"))]
         + [("access-log", "k", access(200, f"/checkout/{i}", 2.5)) for i in range(6)]
         + [("app-log", "k", "<script>alert(1)</script> java.lang.OutOfMemoryError of 4111111111111111"), ("app-log", "k", "memory is fine"),
            ("kernel-log", "k", "Out of memory: Killed process 7"), ("kernel-log", "k", "oom-kill: constraint=NONE")])

    def matched():
        return {watch["name"]: watch["matched"] for watch in server.get("/api/v1/watches")["watches"]}
    wait_until(lambda: matched() == expected, 30, "every match is counted")
    one = tab(server.url)
    page = one.page
    looked_at(one, "#/watches", "http-5xx")
    assert {name: number(cells[0]) for name, cells in table(page, "Watches").items()} == expected
    page.screenshot(path=pictures / "example-watches.png", full_page=True)
    text = looked_at(one, "#/watches/http-5xx", "Samples")
    assert "hunter2" not in text and "10.0.0." in text
    text = looked_at(one, "#/watches/out-of-memory", "Samples")
    assert "<script>alert(1)</script>" in text and "4111111111111111" not in text
    assert {mark.lower() for mark in page.locator("mark").all_inner_texts()} == {"outofmemory", "out of memory", "oom-kill"}
    looked_at(one, "#/watches/slow-checkout", "/checkout/")


# ---- audited clusters ----

def audited(clients, server, topic, group, **where):
    """Traffic with a skip and a rewind; returns what is lost."""
    producer = clients.producer(linger_ms=5)
    consumer = clients.consumer(group, [topic], enable_auto_commit=True, auto_commit_interval_ms=500)
    read_and_pause(producer, consumer, topic, 100)
    skip(producer, consumer, topic, 50, ((0, 137), (2, 101)))
    lost = oracle.skipped([producer], [consumer], topic)
    assert len(lost) == 38
    seen = len(consumer.messages)
    consumer.pause()
    consumer.seek(topic, 1, 140)
    consumer.resume()
    consumer.wait_messages(seen + 10)
    wait_until(lambda: oracle.places(server.findings(topic, group=group, state="lost", **where)) == lost, 60, "the loss is proved")
    wait_until(lambda: server.findings(topic, group=group, state="redelivered", **where), 30, "the rewind is told")
    return lost


def look_at_the_audit(one, topic, group, lost, pictures, name):
    for hash_, texts in {"#/?from=-1h": (topic, group), "#/topics": (topic, group), f"#/topics/{topic}?from=-1h": (group, "Partitions"),
                         "#/findings?when=any": (topic, "lost", "redelivered"), "#/reporters": (group,),
                         "#/alerts": (topic,), "#/ledgers": (), "#/watches": (), "#/kpis": ()}.items():
        looked_at(one, hash_, *texts)
        one.page.screenshot(path=pictures / f"example-{name}-{re.sub('[^a-z]+', '-', hash_.partition('?')[0])}.png", full_page=True)
    one.open(f"#/findings?when=any&state=lost&topic={topic}")
    one.page.locator("tbody tr").first.wait_for()
    text = one.page.locator("tbody").inner_text()
    assert "100" in text and "136" in text, text


@pytest.mark.full
@pytest.mark.parametrize("path", ["minimal.yaml", "full.yaml"])
def test_an_audited_cluster(path, example, kafka, clients, audit_topic, topic, group, unique, tab, pictures):
    running = example(path, {"main": kafka}, audit={"topic": audit_topic, "group": unique("collector")})
    lost = audited(clients, running.server, topic, group)
    for theme, width in (("light", 1440), ("dark", 390)):
        look_at_the_audit(tab(running.server.url, theme=theme, width=width), topic, group, lost, pictures, f"{path[:-5]}-{theme}")


@pytest.fixture
def two_secured(tmp_path, unique, audit_topic):
    """The clusters of the example: an authority, the collector's user and an application's, each with the rights that it needs."""
    made = {}
    users = {"waybill": SECRETS["KAFKA_PASSWORD"], "shop": "of-the-shop"}
    topic, group, collector = unique("shared"), unique("readers"), unique("collector")
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority")
    try:
        for name in ("east", "west"):
            made[name] = broker = SecuredBroker(tmp_path / name, users, authority).start()
            broker.create_topic(audit_topic, partitions=16)
            broker.create_topic(topic, partitions=4)
            broker.allow("waybill", "topic", audit_topic, "read", "describe")
            broker.allow("waybill", "topic", topic, "read", "describe")
            broker.allow("waybill", "group", collector, "read")
            broker.allow("waybill", "group", group, "describe")
            broker.allow("shop", "topic", audit_topic, "write", "describe")
            broker.allow("shop", "topic", topic, "write", "read", "describe")
            broker.allow("shop", "group", group, "read", "describe")
        yield made, authority, topic, group, collector
    finally:
        for broker in made.values():
            broker.close()


class Secured(Clients):
    """Clients that connect as the application does."""

    def __init__(self, broker, *arguments):
        super().__init__(broker.secured, *arguments)
        self.login = broker.login("shop", "SCRAM-SHA-512")

    def config(self, plugin=True, **properties):
        return {**self.login, **super().config(plugin, **properties)}


@pytest.mark.full
def test_two_clusters_behind_tls_passwords_and_tokens(example, two_secured, plugin, audit_topic, tab, pictures, tmp_path):
    brokers, authority, topic, group, collector = two_secured
    made = []
    try:
        running = example("secured.yaml", brokers, audit={"topic": audit_topic, "group": collector},
                          env={**SECRETS, "SSL_CERT_FILE": str(authority.certificate)})
        server = running.server
        assert server.status("/api/v1/topics") == 401
        server._http.headers["Authorization"] = "Bearer " + SECRETS["VIEWER_TOKEN"]
        for name in ("east", "west"):
            (tmp_path / f"clients-{name}").mkdir()
            made.append(Secured(brokers[name], plugin, audit_topic, tmp_path / f"clients-{name}"))
        east, west = made
        west.producer(linger_ms=5).send(topic, 25, partition=0)
        lost = audited(east, server, topic, group, cluster="east")
        one = tab(server.url)
        page = one.open()
        page.get_by_label("Token").fill(SECRETS["VIEWER_TOKEN"])
        page.get_by_role("button", name="Log in").click()
        page.locator("a.node").first.wait_for()
        one.errors[:] = [error for error in one.errors if "401" not in error]  # before the token was known
        text = looked_at(one, "#/topics", "east", "west")
        assert text.count(topic) >= 2
        counts = {entry["cluster"]: entry["produced"] for entry in server.get("/api/v1/topics")["topics"]}
        assert counts == {"east": 600, "west": 25}
        rows = [[cell.strip() for cell in row.split("\t")]
                for row in page.get_by_role("region", name="Topics").locator("tbody tr").all_inner_texts()]
        assert rows == [[topic, "lost", "east", "38", "600", group], [topic, "complete", "west", "0", "25", ""]]
        looked_at(one, f"#/topics/{topic}?from=-1h&cluster=east", group)
        looked_at(one, f"#/topics/{topic}?from=-1h&cluster=west")
        assert str(25) in page.locator("main").inner_text()
        looked_at(one, "#/findings?when=any", "lost")
        page.screenshot(path=pictures / "example-secured-findings.png", full_page=True)
        assert len(lost) == 38
    finally:
        for clients in made:
            clients.close()
