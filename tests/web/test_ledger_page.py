"""The page of a ledger over a real broker: its figures, lists and curves say what the generator of its lines knows."""

import json
import subprocess
import time

import pytest
from confluent_kafka import Producer

from browser import number
from harness.ledger import differences
from harness.wait import wait_until
from harness.waybill import Waybill
from test_page import settled


@pytest.fixture
def ledger(binary, kafka, unique, tmp_path):
    """(server, truth, names): what the configuration calls each producer and consumer."""
    subprocess.run([binary, "gen", "ledger", "--messages", "1500", "--seed", "5", "--producers", "4", "--spread-ms", "20000", "--lost-ppm",
                    "8000", "--duplicated-ppm", "6000", "--unrecorded-ppm", "5000", "--malformed-ppm", "2000", "--begin-ms",
                    str(int(time.time() * 1000) - 60_000), "--out", tmp_path / "app.log", "--truth", tmp_path / "truth.json"],
                   check=True, timeout=60)
    truth = json.loads((tmp_path / "truth.json").read_text())
    names = {name: f"shop {i}" for i, name in enumerate(truth["roster"])}
    names |= {consumer: "reader " + consumer[6:] for consumers in truth["roster"].values() for consumer in consumers}
    roster = [{"name": producer, "desc": names[producer], "consumers": {consumer: names[consumer] for consumer in consumers}}
              for producer, consumers in truth["roster"].items()]
    topic = kafka.create_topic(unique("ledger"), partitions=2)
    server = Waybill(binary, tmp_path / "server", config={"clusters": {"main": {"bootstrap.servers": kafka.bootstrap}}, "ledgers": {
        "orders": {"producers": roster, "deadline": "2s", "source": {"cluster": "main", "topics": [topic]}}}})
    try:
        server.start()
        sender = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})
        for i, line in enumerate((tmp_path / "app.log").read_bytes().splitlines()):
            sender.produce(topic, line, partition=i % 2)
        assert sender.flush(30) == 0
        wait_until(lambda: not differences(server, truth), 60, "the ledger says the truth")
        yield server, truth, names
    finally:
        server.close()
        kafka.delete_topic(topic)


def rows(page, name):
    """[cells of a row] of the table of that name."""
    return [row.locator("td, th").all_inner_texts() for row in page.get_by_role("region", name=name, exact=True).locator("tbody tr").all()]


def test_the_ledger_says_the_truth_by_the_names_of_its_configuration(ledger, tab, pictures):
    server, truth, names = ledger
    pairs = {(names[p], names[c]): pair for p, c, pair in ((*key.split("|"), pair) for key, pair in truth["pairs"].items())}
    lost, unrecorded = (sum(pair[key] for pair in pairs.values()) for key in ("lost", "unrec"))
    assert lost > 0 and unrecorded > 0 and truth["malformed"] > 0
    for theme, width in (("light", 1440), ("dark", 390)):
        one = tab(server.url, theme=theme, width=width)
        page = one.open("#/ledgers?from=-6h")
        settled(page)
        page.screenshot(path=pictures / f"ledger-{theme}-{width}.png", full_page=True)
        assert one.axe() == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        figures = dict(zip(page.locator("dl.figures dt").all_inner_texts(), map(number, page.locator("dl.figures dd").all_inner_texts())))
        assert [figures[name] for name in ("Unconsumed", "Unrecorded", "Malformed")] == [lost, unrecorded, truth["malformed"]], figures
        shown = {(cells[0], cells[1]): [number(cell) for cell in cells[2:7]] for cells in rows(page, "Ledger orders")}
        assert shown == {key: [pair[name] for name in ("produced", "consumed", "lost", "dup", "unrec")] for key, pair in pairs.items()}
        listed = sorted((cells[1], cells[2]) for cells in rows(page, "unconsumed"))
        assert listed == sorted((names[consumer], uid) for uid, consumer in (entry.split("|") for entry in truth["lost"]))
        assert len(rows(page, "unrecorded")) == unrecorded and len(rows(page, "Malformed")) == min(20, truth["malformed"])
        page.get_by_role("button", name="Table").nth(2).click()  # of what was not consumed, over time
        text = page.locator("main").inner_text()
        assert not [name for name in truth["roster"] if name in text.split("Malformed")[0]], "an id where there is a name"
