"""Programs that nobody changes: kcat with -X, and LD_PRELOAD where there is no way to configure at all."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.plain_build


@pytest.fixture
def kcat(kafka, audit_topic):
    def run(*arguments, input=None, preload=None, **environment):
        env = {**os.environ, "WAYBILL_REPORT_TOPIC": audit_topic, **environment}
        if preload:
            env["LD_PRELOAD"] = str(preload)
        result = subprocess.run(["kcat", "-b", kafka.bootstrap, *arguments], input=input, capture_output=True,
                                text=True, timeout=60, env=env)
        assert result.returncode == 0, result.stderr
        return result

    return run


LINES = "".join(f"message {i}\n" for i in range(500))


def test_kcat_with_own_properties_after_the_plugin(kcat, plugin, told, topic, unique):
    kcat("-P", "-t", topic, "-X", f"plugin.library.paths={plugin}", "-X", "waybill.service=kcat", input=LINES)
    group = unique("group")
    kcat("-G", group, "-e", "-X", f"plugin.library.paths={plugin}", "-X", "auto.offset.reset=earliest", topic)
    tally = told()
    assert (tally.produced(topic), tally.consumed(group, topic)) == (500, 500)
    assert tally.covered("PRODUCED", "", topic) == tally.covered("CONSUMED", group, topic)
    assert {c.flags & 4 for c in tally.clients if c.group} == {4}, "2.0.2 is an old batch client"


def test_a_reader_without_a_group_is_counted_under_the_empty_name(kcat, plugin, told, topic):
    kcat("-P", "-t", topic, input=LINES)
    kcat("-C", "-e", "-t", topic, "-X", f"plugin.library.paths={plugin}")
    assert told().consumed("", topic) == 500


def test_preload_audits_kcat_without_any_property(kcat, build_dir, told, topic):
    kcat("-P", "-t", topic, input=LINES, preload=build_dir / "libwaybill_preload.so")
    assert told().produced(topic) == 500


def test_preload_appends_to_a_list_and_never_loads_twice(kcat, build_dir, plugin, told, topic):
    kcat("-P", "-t", topic, "-X", f"plugin.library.paths={plugin}", input=LINES,
         preload=build_dir / "libwaybill_preload.so")
    tally = told()
    assert tally.produced(topic) == tally.sent(topic) == 500


def test_preload_without_a_plugin_or_disabled_does_nothing(kcat, build_dir, told, topic):
    shim = build_dir / "libwaybill_preload.so"
    kcat("-P", "-t", topic, input=LINES, preload=shim, WAYBILL_PLUGIN="/nowhere/libwaybill_rdkafka.so")
    kcat("-P", "-t", topic, input=LINES, preload=shim, WAYBILL_ENABLED="false")
    assert told().reporters == {}


def test_preload_audits_the_wheel(kafka, build_dir, told, topic, audit_topic):
    code = ("from confluent_kafka import Producer; import sys\n"
            "p = Producer({'bootstrap.servers': sys.argv[1]})\n"
            "[p.produce(sys.argv[2], b'x') for _ in range(300)]\n"
            "assert p.flush(30) == 0\n")
    result = subprocess.run([sys.executable, "-c", code, kafka.bootstrap, topic], capture_output=True, text=True,
                            timeout=60, env={**os.environ, "WAYBILL_REPORT_TOPIC": audit_topic,
                                             "LD_PRELOAD": str(build_dir / "libwaybill_preload.so")})
    assert result.returncode == 0, result.stderr
    assert told().produced(topic) == 300
