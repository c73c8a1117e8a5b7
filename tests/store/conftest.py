"""Fixtures of the tests that need a database server."""

import pytest

from runtime.conftest import make_counting, make_load  # noqa: F401 (fixtures)


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request):
    return request.getfixturevalue(request.param)
