"""Fixtures of the integration tests. WAYBILL_BUILD names the build folder, WAYBILL_TEST_BOOTSTRAP a broker that runs."""

import itertools
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness import reports as reports_module  # noqa: E402
from harness.clients import Clients  # noqa: E402
from harness.databases import Mariadb, Postgresql  # noqa: E402
from harness.kafka import Broker, LocalBroker  # noqa: E402
from harness.waybill import Waybill  # noqa: E402

_names = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the slow tests too")
    parser.addoption("--platform-seconds", type=int, default=600, help="how long the slow test of the platform kills parts")


def build_folder():
    return pathlib.Path(os.environ.get("WAYBILL_BUILD", ROOT / "build" / "release")).resolve()


def sanitized():
    """Whether the plugin under test was built with a sanitizer, whose runtime a host must carry."""
    result = subprocess.run(["readelf", "-d", build_folder() / "libwaybill_rdkafka.so"], capture_output=True, text=True)
    return "libasan" in result.stdout or "libtsan" in result.stdout


def pytest_collection_modifyitems(config, items):
    left_out = [] if config.getoption("--full") else ["full"]
    if sanitized():
        left_out.append("plain_build")
    gone = [item for item in items if any(item.get_closest_marker(mark) for mark in left_out)]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in gone]


@pytest.fixture(scope="session")
def build_dir():
    """The build under test."""
    assert build_folder().is_dir(), f"{build_folder()} does not exist; run: ./dev build"
    return build_folder()


@pytest.fixture(scope="session")
def plugin(build_dir):
    """The plugin's path without its extension, as a user would write it."""
    assert (build_dir / "libwaybill_rdkafka.so").exists()
    return build_dir / "libwaybill_rdkafka"


@pytest.fixture(scope="session")
def binary(build_dir):
    assert (build_dir / "waybill").exists()
    return build_dir / "waybill"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A broker for the whole session; tests keep apart by topic and group names."""
    running = os.environ.get("WAYBILL_TEST_BOOTSTRAP")
    if running:
        broker = Broker(running)
    else:
        broker = LocalBroker(tmp_path_factory.mktemp("kafka")).start()
    yield broker
    broker.close()


def started(server):
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgresql():
    yield from started(Postgresql())


@pytest.fixture(scope="session")
def mariadb():
    yield from started(Mariadb())


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """Reading and writing reports, with the generated protobuf classes ready."""
    reports_module.generate(tmp_path_factory.mktemp("pb"))
    return reports_module


@pytest.fixture
def unique():
    """unique("name") gives a name that no other test uses."""
    return lambda stem: f"{stem}-{os.getpid()}-{next(_names)}"


@pytest.fixture
def group(unique):
    return unique("readers")


@pytest.fixture
def topic(kafka, unique):
    """A fresh topic with four partitions."""
    return kafka.create_topic(unique("orders"), partitions=4)


@pytest.fixture
def audit_topic(kafka, unique):
    """An audit topic of this test alone, so that collectors of other tests see none of its reports."""
    return kafka.create_topic(unique("reports"), partitions=16)


@pytest.fixture
def clients(kafka, plugin, audit_topic, tmp_path):
    """Makes producers and consumers with the plugin; all end with the test."""
    maker = Clients(kafka.bootstrap, plugin, audit_topic, tmp_path)
    yield maker
    maker.close()


@pytest.fixture
def make_waybill(kafka, binary, audit_topic, tmp_path, unique):
    """Makes configured, not yet started `waybill run` processes; all end with the test."""
    made = []

    def make(name="waybill", bootstrap=None, topic=None, audit=None, **options):
        settings = {"group": unique("collector"), **(audit or {})}
        made.append(Waybill(binary, tmp_path / name, bootstrap or kafka.bootstrap, topic or audit_topic, settings,
                            **options))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def make_server(binary, tmp_path):
    """Makes configured, not yet started `waybill run` processes that audit nothing; all end with the test."""
    made = []

    def make(config, name="server"):
        made.append(Waybill(binary, tmp_path / name, config=config))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def waybill(make_waybill):
    """A `waybill run` that is ready."""
    return make_waybill().start()
