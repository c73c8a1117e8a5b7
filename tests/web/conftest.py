"""One demo with planted faults and one browser for all tests of the page."""

import os
import pathlib
import sys

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from browser import Tab, launched  # noqa: E402
from harness import process  # noqa: E402
from harness.wait import wait_until  # noqa: E402


class Demo:
    """`waybill demo`, running."""

    def __init__(self, binary, folder):
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "demo.log"
        self.process = process.start([str(binary), "demo", "--port", str(self.port)], log=self.log,
                                     env=process.environment(TMPDIR=str(folder)))
        wait_until(self._has_findings, 60, f"a loss and a repeat in the demo\n{process.tail(self.log)}")

    def get(self, path, **params):
        answer = requests.get(self.url + path, params=params, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def _has_findings(self):
        try:
            states = {finding["state"] for finding in self.get("/api/v1/findings", topic="orders")["findings"]}
        except requests.RequestException:
            return False
        return {"lost", "redelivered"} <= states

    def close(self):
        process.stop(self.process, timeout=10)


@pytest.fixture(scope="session")
def demo(binary, tmp_path_factory):
    running = Demo(binary, tmp_path_factory.mktemp("demo"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def tab(browser):
    """tab(url, width=..., theme=...) opens a fresh page; at the end each must have been clean."""
    made = []

    def make(url, **options):
        made.append(Tab(browser, url, **options))
        return made[-1]
    yield make
    for one in made:
        one.close()
    for one in made:
        one.assert_clean()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Where screenshots go: WAYBILL_PICTURES, else a folder of the run."""
    folder = os.environ.get("WAYBILL_PICTURES")
    path = pathlib.Path(folder) if folder else tmp_path_factory.mktemp("pictures")
    path.mkdir(parents=True, exist_ok=True)
    return path
