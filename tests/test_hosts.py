"""Host programs as they are found in the wild: kcat with the system's librdkafka, and the Python wheel with its own."""

import subprocess

from harness import process
from harness.wait import wait_until


def kcat(clients, *arguments, input=None, timeout=60):
    """kcat with the plugin; own properties follow the plugin's path, as its documentation asks."""
    settings = [f"{k}={v}" for k, v in clients.config().items()]
    options = [part for setting in settings for part in ("-X", setting)]
    result = subprocess.run(["kcat", *arguments, *options], input=input, capture_output=True, text=True, timeout=timeout,
                            env=process.environment())
    assert result.returncode == 0, result.stderr
    return result


def test_kcat_produces_and_consumes_with_the_plugin(clients, waybill, topic, unique):
    lines = "".join(f"message {i}\n" for i in range(3000))
    kcat(clients, "-P", "-t", topic, input=lines)
    group = unique("kcat")
    result = kcat(clients, "-G", group, "-e", "-X", "auto.offset.reset=earliest", topic)
    assert sorted(result.stdout.splitlines()) == sorted(lines.splitlines())

    def counted():
        entry = waybill.topic(topic)
        assert (entry["produced"], entry["unaudited"], entry["complete"]) == (3000, 0, True)
        assert [(g["name"], g["consumed"]) for g in entry["groups"]] == [(group, 3000)]
        return True
    wait_until(counted, 30, "kcat's messages are counted")
    libraries = {client["library"] for r in waybill.reporters() for client in r["clients"]}
    assert any("2.0.2" in library for library in libraries), libraries


def test_different_librdkafka_versions_meet_in_one_topic(clients, waybill, topic, unique):
    """kcat writes, the wheel reads: one collector joins what two libraries saw."""
    kcat(clients, "-P", "-t", topic, input="".join(f"{i}\n" for i in range(1000)))
    consumer = clients.consumer(unique("wheel"), [topic])
    consumer.wait_messages(1000)
    consumer.commit()
    consumer.close()

    def counted():
        entry = waybill.topic(topic)
        assert (entry["produced"], entry["unaudited"]) == (1000, 0)
        assert [g["consumed"] for g in entry["groups"]] == [1000]
        assert waybill.findings(topic) == []
        return True
    wait_until(counted, 30, "both sides are counted")


def test_a_producer_without_the_plugin_is_unaudited_and_no_loss(clients, waybill, topic, unique):
    audited, foreign = clients.producer(), clients.producer(plugin=False)
    audited.send(topic, 300)
    foreign.send(topic, 200)
    audited.send(topic, 100)
    consumer = clients.consumer(unique("g"), [topic])
    consumer.wait_messages(600)
    consumer.commit()

    def counted():
        entry = waybill.topic(topic)
        assert (entry["produced"], entry["unaudited"]) == (400, 200)
        group = entry["groups"][0]
        assert (group["consumed"], group["suspected"], group["lost"], group["pending"]) == (600, 0, 0, 0)
        return True
    wait_until(counted, 30, "what nobody claimed is unaudited")


def test_failed_sends_are_counted_by_code_and_are_no_loss(clients, waybill, topic, kafka):
    small = kafka.create_topic(topic + "-small", partitions=1, max_message_bytes=1000)
    producer = clients.producer(batch_num_messages=1)  # the broker's limit is for a batch
    producer.send(small, 50, size=100)
    producer.send(small, 20, size=5000)
    assert sum(producer.failed.values()) == 20

    def counted():
        assert waybill.topic(small)["produced"] == 50
        answer = waybill.buckets(small)  # librdkafka gives a failed message no time
        assert sum(b["produced"]["failed"] for b in [*answer["buckets"], answer["untimed"]]) == 20
        assert waybill.findings(small) == []
        return True
    wait_until(counted, 30, "failures are counted apart")
