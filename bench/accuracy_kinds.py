"""The kinds of defects that accuracy.py injects. Each is a function of the bench that injects and gives Cases."""

import os
import random
import signal
import time
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from cut_log import cut_partitions
from harness import oracle, reports
from harness.clients import wait_shared
from harness.wait import wait_until

WIDE = 10   # partitions of topics on which several groups suffer the same


@dataclass
class Case:
    """One group over one topic, and what must be said of it. `settle` runs before judging and may fill `expected`. `kind`
    names what was injected; a dictionary by (state, reason) when there are several kinds at once."""
    kind: object
    topic: str
    group: str
    expected: dict = field(default_factory=dict)   # (state, reason) -> places
    defects: int = 0                               # when it is not the number of expected ranges
    settle: object = lambda: None


def places(partition, begin, end):
    return {(partition, offset) for offset in range(begin, end)}


def caught_up(consumers, topic, ends, timeout=300):
    """Waits until the newest offset of every partition was handed out."""
    def done():
        return all(any(c.last.get((topic, p)) == end - 1 for c in consumers) for p, end in enumerate(ends))
    wait_until(done, timeout, f"{topic} is read to its end")


def caught_up_all(consumers, topic, ends, timeout=300):
    for consumer in consumers:
        caught_up([consumer], topic, ends, timeout)


# ---- one long topic: readers that skip, go back, fetch what was lost, and one that does nothing wrong ----

def planned_jumps(bench, topic, per_partition, forward, seed):
    """[topic, partition, at, to] for K jumps over four partitions, evenly spread, of 1 to 50 messages."""
    rng, each = random.Random(seed), -(-bench.defects // 4)
    stride = per_partition // (each + 1)
    result = []
    for number in range(bench.defects):
        at, size = (number // 4 + 1) * stride + rng.randrange(stride // 4), rng.randint(1, min(50, stride // 4))
        result.append([topic, number % 4, at, at + size + 1 if forward else at - size])
    return result


def long_topic(bench):
    topic, count = bench.kafka.create_topic("orders", partitions=4), bench.messages // 4 * 4
    producer = bench.clients.producer(linger_ms=5, queue_buffering_max_messages=200_000)
    for sent in range(0, count, 100_000):
        producer.send(topic, min(100_000, count - sent), size=60, partition=[0, 1, 2, 3])
    each = count // 4
    skips, rewinds = planned_jumps(bench, topic, each, True, 1), planned_jumps(bench, topic, each, False, 2)
    fetched = planned_jumps(bench, topic, each, True, 3)
    readers = {}
    for group, jumps in (("skips", skips), ("rewinds", rewinds), ("fetches", fetched), ("sound", [])):
        readers[group] = bench.clients.consumer(group, [topic], enable_auto_commit=True, paused=True, runs=True)
        readers[group].jump(jumps)
        readers[group].resume()
    skipped = lambda jumps: set().union(*(places(p, at + 1, to) for _, p, at, to in jumps))  # noqa: E731
    back = set().union(*(places(p, to, at + 1) for _, p, at, to in rewinds))

    def fetch():
        """The reader gets what it had skipped, once all of it is called lost: each range and nothing else."""
        caught_up_all(readers.values(), topic, [each] * 4, 900)
        lost = skipped(fetched)
        wait_until(lambda: oracle.places(bench.waybill.findings(topic, group="fetches", state="lost")) == lost, 120,
                   "all is lost before it is fetched")
        for partition in range(4):
            mine = [(at + 1, to - 1) for _, p, at, to in fetched if p == partition]
            onward = [*(first for first, _ in mine[1:]), each]
            readers["fetches"].jump([[topic, partition, last, to] for (_, last), to in zip(mine, onward)])
            readers["fetches"].seek(topic, partition, mine[0][0])
        wait_until(lambda: readers["fetches"].count_events("jumped") == 2 * len(fetched), 120, "all was fetched")

    def as_planned():
        """What the readers were handed agrees with the plan: else it was not injected."""
        caught_up_all(readers.values(), topic, [each] * 4, 900)
        for group, gone, twice in (("skips", skipped(skips), set()), ("rewinds", set(), back), ("sound", set(), set())):
            assert runs_of(readers[group], topic, each) == (gone, twice), f"{group} did not read as planned"

    yield Case("skipped by a reader", topic, "skips", {("lost", "skipped"): skipped(skips)},
               settle=as_planned)
    yield Case("read again by the same reader", topic, "rewinds", {("redelivered", "rewind"): back})
    yield Case("skipped, fetched after all", topic, "fetches", {("late", ""): skipped(fetched)}, settle=fetch)
    yield Case("nothing", topic, "sound")


def runs_of(reader, topic, each):
    """(places that were not handed out, places that were more than once)."""
    seen = {partition: bytearray(each) for partition in range(4)}
    twice = set()
    for _, partition, first, last in reader.runs:
        row = seen[partition]
        if any(row[first:last + 1]):
            twice |= {(partition, o) for o in range(first, last + 1) if row[o]}
        row[first:last + 1] = b"\1" * (last + 1 - first)
    return {(p, o) for p in range(4) for o in range(each) if not seen[p][o]}, twice


# ---- readers that end before they commit ----

def uncommitted_ends(bench):
    """A reader ends with messages that it has not committed; the next one gets them again. K/4 times in four partitions."""
    topic = bench.kafka.create_topic("restarts", partitions=4)
    producer, rng = bench.clients.producer(linger_ms=0), random.Random(5)
    expected = {"restart": set(), "handover": set()}
    position = 0
    producer.send(topic, 40, partition=[0, 1, 2, 3])
    for number in range(-(-bench.defects // 4) + 1):
        current = {"restart": bench.clients.consumer("restart", [topic], client_id="shop"),
                   "handover": bench.clients.consumer("handover", [topic], client_id=f"shop-{number}")}
        position += 10
        caught_up([current["restart"]], topic, [position] * 4, 60)
        caught_up([current["handover"]], topic, [position] * 4, 60)
        for consumer in current.values():
            consumer.commit()
        if number * 4 >= bench.defects:
            break
        more = rng.randint(1, 20)
        producer.send(topic, 4 * more, partition=[0, 1, 2, 3])
        for reason, consumer in current.items():
            caught_up([consumer], topic, [position + more] * 4, 60)
            expected[reason] |= set().union(*(places(p, position, position + more) for p in range(4)))
            consumer.close()
        position += more
        producer.send(topic, 40, partition=[0, 1, 2, 3])
    yield Case("uncommitted, same program again", topic, "restart",
               {("redelivered", "restart"): expected["restart"]})
    yield Case("uncommitted, another reader", topic, "handover",
               {("redelivered", "handover"): expected["handover"]})


# ---- what the log does not hold any more ----

def cut_off(bench):
    """Acknowledged messages are cut off the end of the log, as an unclean election does: the files are shortened."""
    topic = bench.kafka.create_topic("cut", partitions=bench.defects)
    rng, sent = random.Random(6), [8] * bench.defects
    producer = bench.clients.producer(linger_ms=0, batch_num_messages=1)
    producer.send(topic, 8 * bench.defects, partition=list(range(bench.defects)))
    reader = bench.clients.consumer("cutters", [topic])
    caught_up([reader], topic, sent, 120)
    reader.commit()
    reader.pause()
    producer.send(topic, 8 * bench.defects, partition=list(range(bench.defects)))
    wait_until(lambda: bench.waybill.group(topic, "cutters")["pending"] == 8 * bench.defects, 60, "all is known")
    keep = {partition: 16 - rng.randint(1, 7) for partition in range(bench.defects)}
    bench.kafka.stop()
    cut_partitions(bench.kafka.folder / "data", topic, keep)
    bench.kafka.start()
    yield Case({("lost", "truncated"): "cut off the log", ("pending", ""): "not read yet"}, topic, "cutters",
               {("lost", "truncated"): set().union(*(places(p, kept, 16) for p, kept in keep.items())),
                ("pending", ""): set().union(*(places(p, 8, kept) for p, kept in keep.items()))})


def expired(bench):
    topic = bench.kafka.create_topic("short", partitions=bench.defects)
    producer, rng = bench.clients.producer(linger_ms=5), random.Random(7)
    producer.send(topic, 10 * bench.defects, partition=list(range(bench.defects)))
    reader = bench.clients.consumer("slow", [topic])
    caught_up([reader], topic, [10] * bench.defects, 120)
    reader.commit()
    reader.pause()
    producer.send(topic, 20 * bench.defects, partition=list(range(bench.defects)))
    wait_until(lambda: bench.waybill.group(topic, "slow")["pending"] == 20 * bench.defects, 60, "all is known")
    starts = {partition: 10 + rng.randint(1, 19) for partition in range(bench.defects)}
    done = bench.kafka.admin.delete_records([TopicPartition(topic, p, start) for p, start in starts.items()])
    for future in done.values():
        future.result(30)
    yield Case({("lost", "expired"): "deleted before it was read", ("pending", ""): "not read yet"}, topic, "slow",
               {("lost", "expired"): set().union(*(places(p, 10, start) for p, start in starts.items())),
                ("pending", ""): set().union(*(places(p, start, 30) for p, start in starts.items()))})


def compacted(bench):
    """Every third key is written again, so that compaction removes single messages between others."""
    topic = bench.kafka.create_topic("compacted", partitions=1, cleanup_policy="compact", segment_ms=1000,
                                     min_cleanable_dirty_ratio=0.001, max_compaction_lag_ms=1000)
    count = bench.defects * 3 + 30
    first = bench.clients.consumer("compact", [topic])
    producers = [bench.clients.producer(linger_ms=5) for _ in range(3)]
    producers[0].send(topic, 5, keys=5)
    caught_up([first], topic, [5], 60)
    first.commit()
    first.close()
    producers[1].send(topic, count, keys=count)
    producers[2].send(topic, count // 3, keys=count, key_step=3)
    for _ in range(4):
        time.sleep(1.2)  # a message after segment.ms begins another segment
        producers[0].send(topic, 5, keys=5)
    content = wait_until(lambda: compaction_settled(bench, topic), 90, "compaction is over")
    second = bench.clients.consumer("compact", [topic], enable_auto_commit=True)
    last = max(oracle.acked(producers, topic)[0])
    wait_until(lambda: second.offsets(topic, 0)[-1:] == [last], 60, "the end is read")
    gone = {(0, o) for o in range(5, last) if (0, o) not in content}
    assert gone == oracle.skipped(producers, [first, second], topic)
    yield Case("compacted", topic, "compact", {("excused", "compacted"): gone})


def compaction_settled(bench, topic):
    before = oracle.log_content(bench.kafka.bootstrap, topic, 1)
    time.sleep(4)
    after = oracle.log_content(bench.kafka.bootstrap, topic, 1)
    return after if after == before and max(after)[1] + 1 - len(after) >= bench.defects else None


# ---- transactions ----

def transactions(bench):
    """Every third transaction is aborted; at the end one stays open over many partitions."""
    topic = bench.kafka.create_topic("payments", partitions=4)
    bank = bench.clients.producer(transactional_id="bank", linger_ms=1)
    readers = {group: bench.clients.consumer(group, [topic], enable_auto_commit=True, isolation_level=level)
               for group, level in (("books", "read_committed"), ("raw", "read_uncommitted"))}
    aborted, rng = set(), random.Random(9)
    bank.transaction("begin")
    bank.send(topic, 4, partition=[0, 1, 2, 3])  # a group owes from where it first stood
    bank.finish(abort=False)
    for reader in readers.values():
        reader.wait_messages(4, 60)
    for number in range(3 * bench.defects):
        before = len(bank.acked)
        bank.transaction("begin")
        bank.send(topic, rng.randint(1, 10), partition=number % 4)
        if bank.finish(abort=number % 3 == 2) == "aborted":
            aborted |= {(m[1], m[2]) for m in bank.acked[before:]}
    bank.transaction("begin")
    bank.send(topic, 4, partition=[0, 1, 2, 3])
    bank.finish(abort=False)
    in_log = oracle.aborted(bench.kafka.bootstrap, topic, 4)
    assert aborted <= in_log and ranges_of(in_log) >= bench.defects
    yield Case("aborted transaction", topic, "books", {("excused", "aborted"): in_log})
    yield Case("aborted transaction, read uncommitted", topic, "raw", defects=bench.defects)
    yield from open_transaction(bench)


def open_transaction(bench):
    topic = bench.kafka.create_topic("open", partitions=bench.defects)
    everywhere = list(range(bench.defects))
    bank = bench.clients.producer(transactional_id="slow-bank", linger_ms=1, transaction_timeout_ms=800_000)
    bench.clients.consumer("waiting", [topic], enable_auto_commit=True)
    bank.transaction("begin")
    bank.send(topic, 2 * bench.defects, partition=everywhere)
    bank.finish(abort=False)
    before = len(bank.acked)
    bank.transaction("begin")
    bank.send(topic, 3 * bench.defects, partition=everywhere)
    yield Case("transaction that is still open", topic, "waiting",
               {("pending", ""): {(m[1], m[2]) for m in bank.acked[before:]}})


def ranges_of(found):
    return sum((partition, offset - 1) not in found for partition, offset in found)


# ---- readers that nobody hears of, or late ----

def read_and_wait(bench, topic, groups, **properties):
    """One reader a group that has read 20 messages in each partition, has told of it, and is paused."""
    short = {"session_timeout_ms": 1500, "waybill_report_interval_ms": 2000}
    with_settings = {**short, **properties}
    readers = [bench.clients.consumer(group, [topic], **with_settings) for group in groups]
    producer = bench.clients.producer(linger_ms=5)
    producer.send(topic, 20 * WIDE, partition=list(range(WIDE)))
    for reader in readers:
        caught_up([reader], topic, [20] * WIDE, 120)
        reader.commit()
        reader.pause()
    time.sleep(5)
    producer.send(topic, 10 * WIDE, partition=list(range(WIDE)))
    return producer, readers


def killed_readers(bench):
    """A reader is killed after it committed what it had not told. Ranges by group: from its last report to its successor."""
    topic = bench.kafka.create_topic("killed", partitions=WIDE)
    groups = [f"killed-{number}" for number in range(-(-bench.defects // WIDE) + 2)]
    producer, readers = read_and_wait(bench, topic, groups)
    for reader in readers:
        reader.resume()
        reader.wait_messages(30 * WIDE, 60)
        reader.commit()
        reader.kill()
    successors = [bench.clients.consumer(group, [topic], enable_auto_commit=True) for group in groups]
    producer.send(topic, 10 * WIDE, partition=list(range(WIDE)))
    cases = []
    for group, reader, successor in zip(groups, readers, successors):
        caught_up([successor], topic, [40] * WIDE, 60)
        began = {p: successor.offsets(topic, p)[0] for p in range(WIDE)}
        assert set(began.values()) == {30}, began
        cases.append(Case("seen by a killed reader only", topic, group))
        cases[-1].reader = reader

    def settle():
        told = bench.told()
        for case in cases:
            unheard = set().union(*(places(p, told.next(case.reader.process.pid, topic, p), 30) for p in range(WIDE)))
            case.expected = {("unconfirmed", "reporter_vanished"): unheard}
        assert sum(ranges_of(u) for c in cases for u in c.expected.values()) >= bench.defects, "the readers told too much"
    cases[0].settle = settle
    yield from cases


def late_reports(bench):
    """A reader is stopped before it tells what it read; the next one goes on and tells first. Nothing is lost, ever."""
    topic = bench.kafka.create_topic("frozen", partitions=WIDE)
    groups = [f"frozen-{number}" for number in range(-(-bench.defects // WIDE))]
    producer, readers = read_and_wait(bench, topic, groups)
    for reader in readers:
        reader.resume()
        reader.wait_messages(30 * WIDE, 60)
        reader.pause()  # or it takes what was on its way to it when it goes on
        reader.commit()
        os.kill(reader.process.pid, signal.SIGSTOP)
    successors = [bench.clients.consumer(group, [topic], enable_auto_commit=True) for group in groups]
    producer.send(topic, 10 * WIDE, partition=list(range(WIDE)))
    for reader, successor in zip(readers, successors):
        caught_up([successor], topic, [40] * WIDE, 60)
        reader.command("close")  # it says its last word and reads no more
    time.sleep(2)
    for reader in readers:
        os.kill(reader.process.pid, signal.SIGCONT)
    for group, reader, successor in zip(groups, readers, successors):
        reader.process.wait(60)
        again = oracle.repeated([reader, successor], topic)
        assert not again, "the successor began where the first had committed"
        yield Case("told late by the reader before", topic, group, defects=WIDE)


def withheld_reports(bench):
    """Readers report to a topic of their own; all but the reports about offsets 20 to 29 are passed on to the collector."""
    topic = bench.kafka.create_topic("holes", partitions=WIDE)
    side = bench.kafka.create_topic("side-reports", partitions=16)
    groups = [f"holes-{number}" for number in range(-(-bench.defects // WIDE))]
    producer, readers = read_and_wait(bench, topic, groups, waybill_report_topic=side)
    for end in (30, 40):
        if end == 40:
            producer.send(topic, 10 * WIDE, partition=list(range(WIDE)))
        for reader in readers:
            reader.resume()
            caught_up([reader], topic, [end] * WIDE, 60)
            reader.commit()
            reader.pause()
        time.sleep(5)  # reports of their own for each step
    for reader in readers:
        reader.close()
    hidden, passed = {group: set() for group in groups}, []
    for raw in reports.read_all(bench.kafka.bootstrap, side):
        told = {(c.tier_name, c.partition, o) for c in raw.report.coverage for first, last in reports.runs(c.seen)
                for o in range(first, last + 1)}
        if told and all(20 <= offset < 30 for _, _, offset in told):
            for group, partition, offset in told:
                hidden[group].add((partition, offset))
        else:
            passed.append(raw)
    assert sum(map(ranges_of, hidden.values())) >= bench.defects, "the steps share reports"
    reports.write(bench.kafka.bootstrap, bench.audit_topic, passed)
    for group in groups:
        yield Case("a report that never came", topic, group, {("unconfirmed", "report_missing"): hidden[group]})


def unaudited_member(bench):
    """A member without the plugin reads in half of the partitions for a while."""
    count = 2 * bench.defects
    topic = bench.kafka.create_topic("rollout", partitions=count)
    everywhere = list(range(count))
    producer = bench.clients.producer(linger_ms=5)
    audited = bench.clients.consumer("rollout", [topic], enable_auto_commit=True)
    producer.send(topic, 5 * count, partition=everywhere)
    caught_up([audited], topic, [5] * count, 120)
    stranger = bench.clients.consumer("rollout", [topic], plugin=False, enable_auto_commit=True)
    wait_shared([audited, stranger], count)
    producer.send(topic, 5 * count, partition=everywhere)
    caught_up([audited, stranger], topic, [10] * count, 120)
    time.sleep(20)  # the barrier is long over: nothing may be called lost meanwhile
    stranger.close()
    wait_until(lambda: len(audited.assignment()) == count, 60, "the first has all again")
    producer.send(topic, 5 * count, partition=everywhere)
    caught_up([audited], topic, [15] * count, 120)
    got = oracle.handed_out([audited], topic)
    yield Case("read by a member without the plugin", topic, "rollout",
               {("unconfirmed", "unaudited_member"): oracle.handed_out([stranger], topic).keys() - got.keys(),
                **by_reason(oracle.repeated([audited], topic))})


def by_reason(again):
    assert not again, "a reader that leaves commits what it was handed"
    return {}


KINDS = [cut_off, long_topic, uncommitted_ends, expired, compacted, transactions, killed_readers, late_reports, withheld_reports,
         unaudited_member]
