"""The plugin in a C program with the system's librdkafka 2.0.2: exact counts, and no harm to the host."""

import collections
import subprocess
import time

import pytest


def test_acknowledged_messages_are_counted_and_covered(host, told, topic):
    printed = host("produce", 5000)
    tally = told()
    assert (printed["acked"], tally.sent(topic), tally.produced(topic)) == (5000, 5000, 5000)
    covered = tally.covered("PRODUCED", "", topic)
    assert len(covered) == 5000 and set(covered.values()) == {1}
    for partition in range(4):
        offsets = sorted(o for p, o in covered if p == partition)
        assert offsets == list(range(len(offsets)))
    assert (tally.unknown, tally.offset_unknown, tally.failed, tally.dropped) == (0, 0, {}, 0)
    tally.check_numbers()
    assert tally.all_closed()
    assert printed["all_gone"] == 1


def test_messages_handed_out_are_counted_with_their_group_and_commit(host, told, topic, unique):
    host("produce", 1000)
    group = unique("group")
    assert host("consume", 1000, HOST_GROUP=group)["read"] == 1000
    tally = told()
    assert tally.consumed(group, topic) == 1000
    assert tally.covered("CONSUMED", group, topic) == tally.covered("PRODUCED", "", topic)
    ends = collections.Counter()  # without keys all may be in one partition
    for partition, offset in tally.covered("PRODUCED", "", topic):
        ends[topic, partition] = max(ends[topic, partition], offset + 1)
    assert {place: position for place, position in tally.committed.items() if position > 0} == ends
    assert {c.group for c in tally.clients} == {"", group}
    tally.check_numbers()


def test_a_thousand_clients_come_and_go(host, told, topic):
    printed = host("churn", 1000, timeout=300)
    tally = told()
    assert tally.produced(topic) == printed["acked"] == 100
    assert tally.sent(topic) == 100
    tally.check_numbers()
    assert len({reporter for reporter, _ in tally.reporters}) <= 3, "one that lingers, not one per client"


def test_a_client_destroyed_with_messages_in_flight_leaves_no_message_without_a_verdict(host, told, topic, kafka):
    host("inflight", 100000, WAYBILL_FLUSH_MS="0")
    tally = told()
    produced, failed = tally.produced(topic), sum(tally.failed.values())
    assert tally.sent(topic) == 100000
    assert produced + failed + tally.unknown == 100000
    assert failed + tally.unknown > 0, "the client was destroyed too late for this test"
    covered = tally.covered("PRODUCED", "", topic)
    assert len(covered) == produced
    tally.check_numbers()


def test_messages_that_never_get_a_partition_are_unknown(host, told, unique):
    missing = unique("missing")
    host("no_partition", 7, target=missing)
    tally = told()
    assert tally.sent(missing) == 7
    assert tally.unknown + sum(tally.failed.values()) == 7
    assert tally.produced(missing) == 0


def test_threads_send_at_once(host, told, topic):
    printed = host("threads", 16)
    tally = told()
    assert printed["acked"] == tally.produced(topic) == tally.sent(topic) == 32000
    assert set(tally.covered("PRODUCED", "", topic).values()) == {1}


@pytest.mark.plain_build  # librdkafka's C11 threads in a forked child are more than AddressSanitizer can follow
def test_a_forked_child_reports_for_itself(host, told, topic):
    printed = host("fork", 100)
    assert (printed["child_status"], printed["child_acked"], printed["acked"]) == (0, 100, 200)
    tally = told()
    assert tally.produced(topic) == 300
    assert tally.sent(topic) == 300, "sends into the parent's client, which is dead in the child, are not counted"
    assert len({r.pid for reports in tally.reporters.values() for r in reports}) == 2
    assert len({reporter for reporter, _ in tally.reporters}) == 2
    tally.check_numbers()


def test_a_failed_rd_kafka_new_does_no_harm(host, told, topic):
    assert host("failed_new", 50)["acked"] == 10
    assert told().produced(topic) == 10


def test_a_copied_configuration_keeps_its_settings_and_counts_once(host, told, topic):
    host("conf_dup", 100)
    tally = told()
    assert tally.produced(topic) == tally.sent(topic) == 100
    assert {r.service for reports in tally.reporters.values() for r in reports} == {"copied"}


def test_without_acknowledgements_offsets_are_unknown(host, told, topic):
    host("acks_zero", 3000)
    tally = told()
    assert (tally.produced(topic), tally.offset_unknown) == (3000, 3000)
    assert tally.covered("PRODUCED", "", topic) == {}
    assert [c.flags & 2 for c in tally.clients] == [2]


def test_false_offsets_of_a_topic_without_acknowledgements_are_recognized(host, told, topic):
    """librdkafka numbers such a batch -1001 ... -1, 0, 1 ...: plausible and false."""
    host("acks_zero_topic", 5000)
    tally = told()
    assert (tally.produced(topic), tally.offset_unknown) == (5000, 5000)
    assert tally.covered("PRODUCED", "", topic) == {}


def test_a_transactional_producer_is_marked(host, told, topic):
    host("transaction", 50)
    tally = told()
    assert [(c.flags & 1, c.instance) for c in tally.clients] == [(1, topic)]
    assert tally.sent(topic) == 100
    assert tally.produced(topic) >= 50, "the committed ones for certain"
    assert tally.produced(topic) + tally.unknown + sum(tally.failed.values()) == 100


def test_a_partitioner_that_fails_inside_a_batch_is_a_failure(host, told, topic):
    """The hook then gets the application's own struct, without a topic."""
    printed = host("partitioner", 20)
    assert (printed["queued"], printed["acked"]) == (0, 0)
    tally = told()
    assert (tally.sent(topic), tally.produced(topic), tally.unknown) == (20, 0, 0)
    assert dict(tally.failed) == {-190: 20}


def test_reports_wait_for_the_audit_topic_and_do_not_create_it(host, told, kafka, unique, topic):
    late = unique("late-reports")
    started = time.monotonic()
    printed = host("produce", 10, audit=late)
    assert time.monotonic() - started < 5, "a missing audit topic must not hold the host up"
    assert "there is no topic " + late in printed["stderr"]
    assert printed["stderr"].count("waybill:") == 1
    assert late not in kafka.admin.list_topics(timeout=10).topics


def test_bad_values_are_warnings_and_errors_when_required(host, told, topic):
    printed = host("produce", 10, WAYBILL_BUCKET_MS="ten", WAYBILL_FLUSH_MS="-1")
    assert printed["acked"] == 10
    assert 'WAYBILL_BUCKET_MS: "ten" is not a whole number' in printed["stderr"]
    assert told().produced(topic) == 10
    try:
        host("produce", 10, WAYBILL_BUCKET_MS="ten", WAYBILL_REQUIRED="true")
    except AssertionError as error:
        assert "exit 3" in str(error) and "WAYBILL_BUCKET_MS" in str(error)
    else:
        raise AssertionError("the configuration was accepted")


def test_disabled_means_untouched(host, told, topic):
    assert host("produce", 10, WAYBILL_ENABLED="false")["acked"] == 10
    assert told().reporters == {}


def test_an_unreachable_cluster_holds_the_host_up_for_its_limit_only(host_program, plugin):
    started = time.monotonic()
    result = subprocess.run([host_program, "127.0.0.1:1", str(plugin), "t", "inflight", "5"], timeout=60,
                            capture_output=True, text=True, env={"WAYBILL_FLUSH_MS": "200"})
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - started < 3.5
    assert "all_gone 1" in result.stdout
