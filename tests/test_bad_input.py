"""What a collector meets in the wild: foreign bytes, future formats, absurd times, a store it cannot use, a full disk."""

import os
import random
import subprocess
import time

import pytest

from harness import process
from harness.kafka import LocalBroker
from harness.wait import wait_until
from harness.waybill import Waybill, run_command

NOW = int(time.time() * 1000)
MINUTE = 60_000


def make_report(reports, topic, number=1, start_ms=NOW // MINUTE * MINUTE, count=10, reporter=b"\x01" * 16, first=0, **fields):
    """A hand-made report of one producer: `count` messages at offsets from `first` of partition 0."""
    pb = reports.pb()
    report = pb.Report(version=1, reporter=reporter, number=number, from_ms=NOW - 1000, complete_up_to_ms=NOW,
                       cluster_id="", host="h", bucket_ms=MINUTE, audit_partitions=16, topics=[topic], **fields)
    report.clients.add(ref=1, client_id="c", kind=pb.PRODUCED)
    report.entries.add(client=1, tier=pb.PRODUCED, topic=0, start_ms=start_ms, time_types=1, count=count, bytes=count * 10)
    report.coverage.add(client=1, tier=pb.PRODUCED, topic=0, partition=0, start_ms=start_ms, seen=[first, count])
    return report


def audit_partition(topic, count=16):
    """murmur2 as Kafka's Java client has it."""
    data, mask = topic.encode(), 0xFFFFFFFF
    m = 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    for i in range(0, len(data) // 4 * 4, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    rest = data[len(data) // 4 * 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % count


@pytest.fixture
def send(kafka, reports, audit_topic, topic):
    """send(value, ...) appends values to the audit partition of `topic`."""
    def write(*values):
        raw = [reports.RawReport(audit_partition(topic), -1, 0, b"", v if isinstance(v, bytes) else v.SerializeToString())
               for v in values]
        reports.write(kafka.bootstrap, audit_topic, raw)
    return write


def events(waybill, kind):
    """How often the collector met this kind of event."""
    return waybill.metric("waybill_audit_events_total", kind=kind)


def produced(waybill, topic, count):
    entry = waybill.topic(topic)
    assert entry["produced"] == count
    return True


def test_foreign_bytes_are_skipped_counted_and_logged_once(send, reports, waybill, topic):
    bytes_of = random.Random(7).randbytes
    send(*[bytes_of(n % 60) for n in range(500)], b"", b"{}", b"\xff" * 100_000, make_report(reports, topic))
    wait_until(lambda: produced(waybill, topic, 10), 30, "the one real report counts")
    assert events(waybill, "foreign_bytes") + events(waybill, "corrupt") == 503
    def lines():
        return [line for line in waybill.log_text().splitlines() if "was skipped" in line]
    wait_until(lines, 75, "a line in the log")
    assert len(lines()) <= 2, "one line for each kind, whatever the number"


def test_a_report_of_a_newer_version_is_named(send, reports, waybill, topic):
    newer = make_report(reports, topic, reporter=b"\x02" * 16)
    newer.version = 2
    send(newer, make_report(reports, topic))
    wait_until(lambda: produced(waybill, topic, 10), 30, "the older report counts")
    assert events(waybill, "newer_version") == 1
    wait_until(lambda: "version 2" in waybill.log_text(), 75, "the log names it, at the latest after a minute")


@pytest.mark.parametrize("year, start_ms", [(1970, 0), (2100, 4_102_444_800_000), (1900, -2_208_988_800_000)])
def test_an_absurd_bucket_harms_nothing(year, start_ms, send, reports, waybill, topic):
    send(make_report(reports, topic, start_ms=start_ms, count=7), make_report(reports, topic, number=2, first=7))
    wait_until(lambda: produced(waybill, topic, 17), 30, f"both count, {year} too")
    answer = waybill.buckets(topic)
    counts = [bucket["produced"]["count"] for bucket in [*answer["buckets"], answer["far"]]]
    assert sum(counts) == 17
    assert waybill.status("/healthz") == 200


def test_a_bucket_width_that_cannot_be_folded_is_refused_and_named(send, reports, waybill, topic):
    odd = make_report(reports, topic, start_ms=NOW // 7_000 * 7_000)
    odd.bucket_ms = 7_000
    finer = make_report(reports, topic, reporter=b"\x03" * 16, start_ms=NOW // MINUTE * MINUTE + 30_000, first=10)
    finer.bucket_ms = 10_000
    send(odd, finer)

    def refused():
        entry = waybill.topic(topic)
        assert not entry["complete"] and "bucket_width" in str(entry["incomplete_reasons"])
        starts = [b["start"] for b in waybill.buckets(topic)["buckets"] if b["produced"]["count"]]
        assert NOW // MINUTE * MINUTE in starts and all(start % MINUTE == 0 for start in starts)
        return True
    wait_until(refused, 30, "refused, named, and the finer one folded")


def expect_refusal(waybill, *words, code=3):
    """`waybill run` ends by itself with a message that says what is wrong."""
    waybill.start(ready=False)
    wait_until(lambda: waybill.process.poll() is not None, 20, "it gives up")
    assert waybill.process.returncode == code
    assert any(word in waybill.log_text() for word in words), waybill.log_text()


def test_a_store_that_is_not_ours_is_refused(make_waybill):
    waybill = make_waybill()
    waybill.store.write_bytes(b"this is no database, but it is long enough to look at" * 100)
    expect_refusal(waybill, "is not an SQLite file")
    assert waybill.store.read_bytes().startswith(b"this is no database")


def test_a_store_in_a_folder_that_does_not_exist_is_refused(make_waybill, tmp_path):
    missing = tmp_path / "no" / "such" / "waybill.db"
    expect_refusal(make_waybill(config={"store": f"sqlite:{missing}"}), str(missing))


def test_a_store_that_another_process_holds_is_refused(make_waybill):
    first = make_waybill("first").start()
    second = make_waybill("second", config={"store": f"sqlite:{first.store}"})
    expect_refusal(second, f"process {first.process.pid} holds")
    assert first.status("/readyz") == 200


def test_a_second_store_on_the_same_group_is_refused(send, reports, make_waybill, topic, unique):
    group = unique("shared")
    first = make_waybill("first", audit={"group": group}).start()
    send(make_report(reports, topic))
    wait_until(lambda: produced(first, topic, 10), 30, "counted in the first store")
    first.stop()
    second = make_waybill("second", audit={"group": group}).start(ready=False)
    wait_until(lambda: "store" in second.log_text() and (second.process.poll() is not None or
               second.status("/readyz") == 503), 30, "it stops instead of counting into a second database")


def tmpfs_command(mount, size):
    """A command prefix that mounts a tmpfs of `size` at `mount`, seen by the program only; None where that is not allowed."""
    script = f'mount -t tmpfs -o size={size} tmpfs "{mount}" && exec "$@"'
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        prefix = [*unshare, "sh", "-c", script, "sh"]
        if subprocess.run([*prefix, "true"], capture_output=True, timeout=20).returncode == 0:
            return prefix
    return None


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(send, reports, make_waybill, topic, tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    prefix = tmpfs_command(mount, "8m")
    if prefix is None:  # no right to mount: the same error comes from a bound on the store's own size
        waybill = make_waybill(config={"store": f"sqlite:{tmp_path / 'bounded.db'}"}).start(WAYBILL_STORE_MAX_PAGES=200)
    else:
        waybill = make_waybill(config={"store": f"sqlite:{mount / 'waybill.db'}"}, command=prefix).start()
    send(make_report(reports, topic))
    wait_until(lambda: produced(waybill, topic, 10), 30, "the first report is stored")

    inside = f"/proc/{waybill.process.pid}/root{mount}"
    if prefix is not None:
        with open(f"{inside}/ballast", "wb", buffering=0) as ballast:
            fill(ballast)
    values = [make_report(reports, topic, number=n, first=10 * (n - 1), start_ms=(NOW // MINUTE - n % 60) * MINUTE,
                          data_center="x" * 2000) for n in range(2, 2002)]
    send(*values)
    wait_until(lambda: ": the disk is full" in waybill.log_text(), 30, "a clear error")
    wait_until(lambda: waybill.metric("waybill_runner_commit_failures_total") > 0, 30, "a count of it")
    assert waybill.process.poll() is None
    # Whole commits or nothing: the total of the topic and the sum over its buckets never part.
    total = waybill.topic(topic)["produced"]
    buckets = waybill.buckets(topic)
    assert sum(b["produced"]["count"] for b in buckets["buckets"]) + buckets["far"]["produced"]["count"] == total
    wait_until(lambda: waybill.metric("waybill_runner_commit_failures_total") > 0, 30, "the failure in the metrics")

    if prefix is not None:
        os.unlink(f"{inside}/ballast")
    else:
        waybill.kill()
        waybill.start()
    wait_until(lambda: produced(waybill, topic, 20_010), 60, "everything is counted once")


def fill(file):
    """Writes until the disk is full."""
    size = 1 << 20
    while size:
        try:
            file.write(b"\0" * size)
        except OSError:
            size //= 2


def test_without_a_broker_it_waits_says_so_and_then_works(binary, reports, tmp_path, topic):
    broker = LocalBroker(tmp_path / "late" if (tmp_path / "late").mkdir() is None else None)
    waybill = Waybill(binary, tmp_path / "w", broker.bootstrap, "late-reports", {"group": "late"})
    try:
        waybill.start(ready=False)
        wait_until(lambda: waybill.status("/healthz") == 200, 20, "alive without a broker")
        assert waybill.status("/readyz") == 503
        wait_until(lambda: any(s["degraded"] for s in waybill.get("/api/v1/sources")["sources"]), 30, "degraded")
        broker.start()
        wait_until(lambda: waybill.status("/readyz") == 200, 60, "ready once the broker is there")
        wait_until(lambda: "late-reports" in broker.topics(), 30, "it makes its topic")
        raw = reports.RawReport(audit_partition(topic), -1, 0, b"", make_report(reports, topic).SerializeToString())
        reports.write(broker.bootstrap, "late-reports", [raw])
        wait_until(lambda: produced(waybill, topic, 10), 30, "it counts")
        waybill.stop()
    finally:
        waybill.close()
        broker.close()


def test_sigterm_ends_within_ten_seconds_with_code_0_even_without_a_broker(binary, tmp_path):
    waybill = Waybill(binary, tmp_path, f"127.0.0.1:{process.free_port()}", "reports", {"group": "nobody"})
    try:
        waybill.start(ready=False)
        wait_until(lambda: waybill.status("/healthz") == 200, 20, "alive")
        waybill.stop(timeout=10)
    finally:
        waybill.close()


def test_a_taken_port_is_named(make_waybill):
    first = make_waybill("first").start()
    second = make_waybill("second", config={"listen": f"127.0.0.1:{first.port}"})
    expect_refusal(second, str(first.port))


def test_an_open_address_without_tokens_is_refused(make_waybill, binary):
    waybill = make_waybill(config={"listen": "0.0.0.0:0"})
    result = run_command(binary, "check", waybill.config_file)
    assert result.returncode == 2 and "auth" in result.stdout + result.stderr
