"""The C++ suite of the stores, over SQLite and both servers."""

import os
import pathlib
import subprocess

import pytest

from harness import process

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def dev_build():
    """The build with sanitizers and unit tests."""
    return pathlib.Path(os.environ.get("WAYBILL_DEV_BUILD", ROOT / "build" / "dev")).resolve()


@pytest.mark.parametrize("program", ["store_test", "store_prop_test"])
def test_every_store_passes_the_same_suite(program, dev_build, postgresql, mariadb):
    path = dev_build / "src" / "store" / program
    assert path.exists(), f"{path} does not exist; build it with: ./dev build dev (or set WAYBILL_DEV_BUILD)"
    env = process.environment(WAYBILL_TEST_POSTGRESQL=postgresql.url(postgresql.main_database),
                              WAYBILL_TEST_MYSQL=mariadb.url(mariadb.main_database),
                              RC_PARAMS="max_success=30")
    done = subprocess.run([str(path)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=600)
    assert done.returncode == 0, "\n".join(done.stdout.splitlines()[-80:])
    for name in ("sqlite", "postgresql", "mysql"):
        assert f"/{name} (" in done.stdout, f"nothing ran for {name}"
