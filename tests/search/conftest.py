"""Fixtures of the tests with OpenSearch and Elasticsearch."""

import pytest

from harness.search import ELASTICSEARCH, OPENSEARCH, SearchServer

from .faulty import FaultyProxy
from .logs import SearchWaybill, make_logs


@pytest.fixture(scope="session")
def opensearch():
    server = SearchServer(OPENSEARCH).start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def elasticsearch():
    server = SearchServer(ELASTICSEARCH).start()
    yield server
    server.close()


@pytest.fixture
def logs(binary, tmp_path):
    """Log documents of the last minutes with known faults."""
    return make_logs(binary, tmp_path, messages=3000)


@pytest.fixture
def make_server(binary, tmp_path):
    """Makes `waybill run` processes with a ledger over a search server; all end with the test."""
    made = []

    def make(search, logs, name="ledger", **ledger):
        made.append(SearchWaybill(binary, tmp_path / name, search, logs, **ledger))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def make_proxy():
    made = []

    def make(*arguments, **options):
        made.append(FaultyProxy(*arguments, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
