"""What the shared objects show to the process that loads them."""

import subprocess

import pytest


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_plugin_exports_conf_init_and_nothing_else(build_dir):
    names = [line.split()[-1] for line in
             output("nm", "-D", "--defined-only", build_dir / "libwaybill_rdkafka.so").splitlines()]
    assert names == ["conf_init"]


@pytest.mark.plain_build
def test_the_plugin_needs_only_the_c_library(build_dir):
    path = build_dir / "libwaybill_rdkafka.so"
    needed = [line.split("[")[1].rstrip("]") for line in output("readelf", "-d", path).splitlines() if "NEEDED" in line]
    assert needed and all(name.startswith(("libc.so", "ld-linux", "libm.so")) for name in needed), needed


def test_the_plugin_is_never_unloaded(build_dir):
    assert "NODELETE" in output("readelf", "-d", build_dir / "libwaybill_rdkafka.so")


def test_the_preload_library_replaces_one_function(build_dir):
    path = build_dir / "libwaybill_preload.so"
    names = [line.split()[-1] for line in output("nm", "-D", "--defined-only", path).splitlines()]
    assert names == ["rd_kafka_new"]
    assert "rdkafka" not in "".join(line for line in output("readelf", "-d", path).splitlines() if "NEEDED" in line)
