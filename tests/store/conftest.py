"""Fixtures of the tests that need a database server."""

import pytest

from harness.databases import Mariadb, Postgresql
from runtime.conftest import make_counting, make_load  # noqa: F401 (fixtures)


@pytest.fixture(scope="session")
def postgresql():
    server = Postgresql()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def mariadb():
    server = Mariadb()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request):
    return request.getfixturevalue(request.param)
