"""Hosts for the plugin: a C program linked with the system's librdkafka, and kcat."""

import os
import pathlib
import subprocess
import sys
import time

import pytest
from confluent_kafka import KafkaError, KafkaException

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from tally import Tally  # noqa: E402


def sanitizer_flags(plugin):
    """A program that loads a sanitized plugin must carry the same sanitizer."""
    needed = subprocess.run(["readelf", "-d", f"{plugin}.so"], check=True, capture_output=True, text=True).stdout
    if "libasan" in needed:
        return ["-fsanitize=address,undefined"]
    return ["-fsanitize=thread"] if "libtsan" in needed else []


@pytest.fixture(scope="session")
def host_program(tmp_path_factory, plugin):
    """tests/plugin/host.c, compiled."""
    program = tmp_path_factory.mktemp("host") / "host"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "rdkafka"], check=True, capture_output=True,
                           text=True).stdout.split()
    subprocess.run(["cc", "-O1", "-Wall", "-o", program, HERE / "host.c", *flags, "-lpthread",
                    *sanitizer_flags(plugin)], check=True)
    return program


@pytest.fixture
def host(host_program, kafka, plugin, topic, audit_topic):
    """Runs a command of host.c with the plugin; returns what it printed as a dictionary, plus `stderr`."""

    def run(command, number=1, target=None, audit=None, use_plugin=True, timeout=120, **environment):
        env = {**os.environ, "WAYBILL_REPORT_TOPIC": audit or audit_topic, **environment}
        path = str(plugin) if use_plugin else ""
        result = subprocess.run([host_program, kafka.bootstrap, path, target or topic, command, str(number)],
                                capture_output=True, text=True, timeout=timeout, env=env)
        assert result.returncode == 0, f"exit {result.returncode}\n{result.stdout}{result.stderr}"
        printed = dict(line.split() for line in result.stdout.splitlines())
        return {**{name: int(value) for name, value in printed.items()}, "stderr": result.stderr}

    return run


@pytest.fixture
def told(kafka, reports, audit_topic):
    """told() adds up what is in the audit topic now."""

    def read(name=None):
        for _ in range(20):
            try:
                return Tally(reports.read_all(kafka.bootstrap, name or audit_topic))
            except KafkaException as error:  # the leaders of a fresh topic move once more
                if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                time.sleep(0.2)
        raise AssertionError("the audit topic has no steady leaders")

    return read
