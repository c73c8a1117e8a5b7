"""SIGHUP: a good configuration is taken, a bad one is not."""

import signal

import requests
import yaml

from harness import process
from harness.wait import wait_until


def gauge(server, name):
    try:
        text = server.metrics()
    except requests.RequestException as error:  # it is starting anew
        raise AssertionError(str(error)) from error
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " "))


def hang_up(server):
    server.process.send_signal(signal.SIGHUP)


def test_a_bad_file_keeps_the_old_configuration_and_says_so(waybill):
    good = waybill.config_file.read_text()
    assert gauge(waybill, "waybill_config_last_reload_successful") == 1
    since = gauge(waybill, "waybill_config_last_reload_success_timestamp_seconds")
    waybill.config_file.write_text(good + "stor: 1\n")
    hang_up(waybill)
    wait_until(lambda: gauge(waybill, "waybill_config_last_reload_successful") == 0, 20, "the gauge")
    assert "old one stays" in waybill.log_text() and "stor" in waybill.log_text()
    assert gauge(waybill, "waybill_config_last_reload_success_timestamp_seconds") == since
    assert waybill.status("/readyz") == 200

    waybill.config_file.write_text(good)
    hang_up(waybill)
    wait_until(lambda: gauge(waybill, "waybill_config_last_reload_successful") == 1, 20, "the gauge")
    assert gauge(waybill, "waybill_config_last_reload_success_timestamp_seconds") > since
    waybill.stop()


def test_a_good_file_is_taken_and_counts_go_on(waybill, clients, topic):
    producer = clients.producer()
    producer.send(topic, 300, size=10)
    wait_until(lambda: waybill.topic(topic)["produced"] == 300, 30, "the counts")
    settings = yaml.safe_load(waybill.config_file.read_text())
    waybill.port = process.free_port()
    settings["listen"] = f"127.0.0.1:{waybill.port}"
    waybill.config_file.write_text(yaml.safe_dump(settings))
    hang_up(waybill)
    waybill.url = f"http://127.0.0.1:{waybill.port}"
    waybill.wait_ready()
    producer.send(topic, 200, size=10)
    wait_until(lambda: waybill.topic(topic)["produced"] == 500, 30, "the counts go on")
    waybill.stop()


def test_a_port_that_is_taken_brings_the_old_one_back(waybill, kafka):
    old, host_port = waybill.config_file.read_text(), kafka.bootstrap.split(",")[0]
    settings = yaml.safe_load(old)
    settings["listen"] = host_port
    waybill.config_file.write_text(yaml.safe_dump(settings))
    hang_up(waybill)
    wait_until(lambda: "old one stays" in waybill.log_text(), 20, "the log")
    waybill.wait_ready()
    assert gauge(waybill, "waybill_config_last_reload_successful") == 0
    waybill.stop()
