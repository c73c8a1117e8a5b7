"""One run in which everything happens at once, and the findings are exactly what was injected. Clients on a real broker skip,
go back, are killed and abort; the broker and two collectors on one PostgreSQL are killed; the oracle computes from what the
clients themselves said which offsets must be called what, and demands these and no other."""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field

import pytest
from confluent_kafka import TopicPartition

from harness import oracle
from harness.clients import Clients, wait_shared
from harness.databases import Postgresql
from harness.kafka import LocalBroker
from harness.reports import read_all
from harness.wait import wait_until
from harness.waybill import Waybill

ORDERS, PAYMENTS = 4, 2   # partitions
PATIENCE = 100            # seconds that a send may take while the broker is away


@dataclass
class Size:
    messages: int
    collector_kills: int
    rate: int            # messages/s of each plain producer while faults happen
    skips: int           # planned at least
    pause: tuple = (0.2, 1.0)        # seconds between planned skips
    kill_pause: tuple = (0.2, 1.0)   # ... and between kills of collectors


SMALL = Size(20_000, 3, 300, 3)
FULL = Size(200_000, 20, 400, 25, (0.5, 1.5), (2.0, 4.0))


@dataclass
class World:
    kafka: object
    audit_topic: str
    collectors: list
    clients: Clients
    orders: str
    payments: str
    size: Size
    producers: dict = field(default_factory=dict)
    readers: dict = field(default_factory=dict)      # group -> clients
    aborted: set = field(default_factory=set)        # (partition, offset) of payments
    planned: list = field(default_factory=list)      # (kind, partition, places that it is about)
    killed: list = field(default_factory=list)
    faults: list = field(default_factory=list)       # (name, acknowledged before, acknowledged after)
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list = field(default_factory=list)

    def acked(self):
        return sum(len(p.acked) for p in self.producers.values())

    def ask(self, call, timeout=30):
        """The answer of any collector that lives."""
        def first():
            failure = None
            for collector in self.collectors:
                try:
                    return (call(collector),)
                except AssertionError as error:
                    failure = error
            raise failure
        return wait_until(first, timeout, "a collector answers")[0]

    def background(self, work, *arguments):
        def run():
            try:
                work(self, *arguments)
            except Exception as error:  # noqa: BLE001 (shown by the test)
                self.errors.append(f"{work.__name__}{arguments}: {error!r}")
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def fault(self, name, act):
        """A planned fault: it must hit while data flows, and data must flow after it."""
        assert not self.errors, self.errors
        start = self.acked()
        wait_until(lambda: self.acked() > start, 60, f"data flows before: {name}")
        before = self.acked()
        act()
        wait_until(lambda: self.acked() > before + 20, 90, f"data flows after: {name}")
        self.faults.append((name, before, self.acked()))


@pytest.fixture
def world(request, tmp_path, plugin, binary, reports):
    size = request.param
    kafka = LocalBroker(tmp_path, group_min_session_timeout_ms=1000)
    database, made = Postgresql(), []
    try:
        kafka.start()
        database.start()
        database.make("oracle")
        audit_topic = kafka.create_topic("reports", partitions=16)
        for name in ("one", "two"):
            made.append(Waybill(binary, tmp_path / name, kafka.bootstrap, audit_topic, {"group": "oracle"},
                                {"store": database.place("oracle")}))
        clients = Clients(kafka.bootstrap, plugin, audit_topic, tmp_path)
        made.append(clients)
        world = World(kafka, audit_topic, made[:2], clients, kafka.create_topic("orders", ORDERS),
                      kafka.create_topic("payments", PAYMENTS), size)
        yield world
        world.stop.set()
    finally:
        for thing in (*made, database, kafka):
            thing.close()


# ---- the clients ----

def start_clients(world):
    make = world.clients
    settings = {"ids": True, "enable_auto_commit": True, "auto_commit_interval_ms": 1000}
    world.readers = {
        "shipping": [make.consumer("shipping", [world.orders], **settings, waybill_report_interval_ms=4000),
                     make.consumer("shipping", [world.orders], **settings)],
        "billing": [make.consumer("billing", [world.orders], **settings)],
        "books": [make.consumer("books", [world.payments], **settings, isolation_level="read_committed")],
        "audit": [make.consumer("audit", [world.payments], **settings, isolation_level="read_uncommitted")],
    }
    wait_shared(world.readers["shipping"], ORDERS)
    patient = {"linger_ms": 5, "message_timeout_ms": 120_000, "acks": "all"}
    world.producers = {"web": make.producer(**patient, enable_idempotence=True), "shop": make.producer(**patient),
                       "doomed": make.producer(**patient),
                       "bank": make.producer(linger_ms=5, transactional_id="bank", transaction_timeout_ms=300_000)}


def feed(world, name):
    """Sends at the rate of the run until it is stopped; the doomed one ends by SIGKILL."""
    producer = world.producers[name]
    while not world.stop.is_set():
        try:
            producer.send(world.orders, world.size.rate // 2, size=100, keys=997, rate=world.size.rate, ids=name,
                          patience=PATIENCE)
        except (RuntimeError, OSError):
            if producer not in world.killed:
                raise
            return


def transact(world):
    """Every third transaction is aborted; the tenth stays open for a while."""
    bank, number = world.producers["bank"], 0
    while not world.stop.is_set():
        bank.transaction("begin")
        before = len(bank.acked)
        bank.send(world.payments, 40, size=100, partition=[0, 1], ids="bank", patience=PATIENCE)
        if number == 10:
            waiting = {(m[1], m[2]) for m in bank.acked[before:]}
            wait_until(lambda: waiting <= pending(world), 120, "the open transaction is shown as pending")
            world.planned.append(("open", 0, waiting))
        if bank.finish(abort=number % 3 == 2) == "aborted":
            world.aborted |= {(m[1], m[2]) for m in bank.acked[before:]}
        number += 1
        time.sleep(0.05)


def pending(world):
    return oracle.places(world.ask(lambda c: c.findings(world.payments, group="books", state="pending")))


def seek_about(world, seed):
    """The reader of billing skips and repeats planned ranges, and goes back for some that were called lost."""
    reader, rng = world.readers["billing"][0], random.Random(seed)
    turn = 0
    wait_until(lambda: len(reader.last) == ORDERS, 60, "every partition is read")
    while not world.stop.is_set():
        kind = ("skip", "rewind", "skip", "late")[turn % 4]
        turn += 1
        fetched = sum(k == "late" for k, _, _ in world.planned)
        lost = lost_ranges(world) if kind == "late" and fetched <= world.size.skips // 4 else []
        if kind == "late" and not lost:
            continue
        partition = lost[0][0] if lost else rng.randrange(ORDERS)
        size = rng.randint(1, 60)
        reader.pause()
        at = reader.last[world.orders, partition] + 1
        wait_until(lambda: world.stop.is_set() or newest(world, partition) > at + size + 1, 90, "enough to skip is there")
        if world.stop.is_set():
            break
        if kind == "skip":
            jumps, about = [[at, at + size + 1]], range(at + 1, at + size + 1)
        elif kind == "rewind":
            jumps, about = [[at, max(0, at - size)]], range(max(0, at - size), at + 1)
        else:
            first, last = lost[0][1:]
            jumps, about = [[at, first], [last, at + 1]], range(first, last + 1)
        done, stayed = reader.count_events("jumped"), reader.count_events("stayed")
        reader.jump([[world.orders, partition, *jump] for jump in jumps])
        reader.resume()
        wait_until(lambda: reader.count_events("jumped") >= done + len(jumps) or reader.count_events("stayed") > stayed, 90,
                   f"{kind} at {partition}/{at}")
        if reader.count_events("jumped") == done:  # it had lost the partition for a moment
            continue
        wait_until(lambda: reader.last[world.orders, partition] > at, 90, f"it read on after {kind}")
        world.planned.append((kind, partition, {(partition, offset) for offset in about}))
        time.sleep(rng.uniform(*world.size.pause))
    reader.resume()


def newest(world, partition):
    """The highest offset of the partition that was acknowledged."""
    return max((next((m[2] for m in reversed(p.acked) if m[:2] == (world.orders, partition) and m[2] is not None), -1)
                for p in list(world.producers.values())), default=-1)


def lost_ranges(world):
    """[partition, first, last] of planned skips that are wholly called lost and were not fetched yet."""
    found = world.ask(lambda c: c.findings(world.orders, group="billing", state="lost"))
    whole = {(f["partition"], f["first_offset"], f["last_offset"]) for f in found}
    skips = {(p, min(o for _, o in about), max(o for _, o in about)) for kind, p, about in world.planned if kind == "skip"}
    return sorted(whole & skips)


# ---- the faults ----

def kill_reader(world):
    """Kills a reader right after it committed what it has not reported yet. Returns the partitions and how much the others
    of its group had read then."""
    victim, *others = world.readers["shipping"]

    def told():
        return sum(raw.report.pid == victim.process.pid for raw in read_all(world.kafka.bootstrap, world.audit_topic))

    victim.pause()
    before = told()
    wait_until(lambda: told() > before, 30, "the reader has told what it saw")  # and tells nothing more for a while
    victim.command("die", count=50)
    victim.process.wait(60)
    victim.kill()  # and what it had said is read
    world.killed.append(victim)
    world.takeover = ([p for _, p in victim.assignment()], [(c, len(c.messages)) for c in others])


def unheard(world, told):
    """What the killed reader may have seen without telling: from the end of its reports to where its successor began."""
    partitions, others = world.takeover
    result = set()
    for partition in partitions:
        began = min(m[2] for c, before in others for m in c.messages[before:] if m[1] == partition)
        result |= {(partition, offset) for offset in range(told.next(world.killed[0].process.pid, world.orders, partition), began)}
    return result


def kill_producer(world):
    world.killed.append(world.producers["doomed"])
    world.producers["doomed"].kill()


def kill_collector(world, number):
    victim = world.collectors[number % 2]
    wait_until(lambda: victim.metric("waybill_runner_tasks") > 0, 40, "the one to be killed has work")
    victim.kill()
    victim.start(ready=False)


def bounce(world, how):
    how()
    time.sleep(1)
    world.kafka.start()


def inject(world):
    size, rng = world.size, random.Random(4)
    kills = iter(range(size.collector_kills))
    sleeper = world.collectors[1]

    def next_kills(count):
        for number in itertools.islice(kills, count):
            world.fault(f"collector killed, {number + 1}", lambda: kill_collector(world, number))
            time.sleep(rng.uniform(*size.kill_pause))

    part = max(1, size.collector_kills // 4)
    next_kills(part)
    world.fault("broker stopped and started", lambda: bounce(world, world.kafka.stop))
    next_kills(part)
    wait_until(lambda: sleeper.metric("waybill_runner_tasks") > 0 and world.kafka.members("oracle") == 2, 40, "both work")
    world.fault("collector frozen", sleeper.freeze)
    world.fault("reader killed", lambda: kill_reader(world))
    world.fault("producer killed", lambda: kill_producer(world))
    wait_until(lambda: world.kafka.members("oracle") == 1, 30, "the broker has given the frozen one up")
    world.fault("collector thawed", sleeper.thaw)
    world.fault("broker killed", lambda: bounce(world, world.kafka.kill))
    next_kills(size.collector_kills)


# ---- the judgement ----

def finish(world, threads):
    """Ends the load at the size of the run, then a fresh message goes to every partition: what it follows can be judged."""
    world.stop.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a client hangs"
    assert not world.errors, world.errors
    web, bank = world.producers["web"], world.producers["bank"]
    rest = world.size.messages - world.acked() - ORDERS - PAYMENTS
    if rest > 0:
        web.send(world.orders, rest, size=100, keys=997, ids="web")
    time.sleep(2)
    fresh = len(web.acked), len(bank.acked)
    web.send(world.orders, ORDERS, size=100, partition=list(range(ORDERS)), ids="web")
    bank.transaction("begin")
    bank.send(world.payments, PAYMENTS, size=100, partition=list(range(PAYMENTS)), ids="bank")
    assert bank.finish(abort=False) == "committed"
    for topic, sent in ((world.orders, web.acked[fresh[0]:]), (world.payments, bank.acked[fresh[1]:])):
        places = {(m[1], m[2]) for m in sent}
        assert len(places) == len({p for p, _ in places}) > 0
        for group in (("shipping", "billing") if topic == world.orders else ("books", "audit")):
            living = [c for c in world.readers[group] if c not in world.killed]
            wait_until(lambda: places <= oracle.handed_out(living, topic).keys(), 60, f"a fresh message reaches {group}")


def check_faults(world, told):
    """Non-vacuity: every planned fault did hit, while data flowed, and did what it was planned for."""
    names = [name for name, before, after in world.faults if after > before]
    assert len(names) == len(world.faults) == world.size.collector_kills + 6, world.faults
    kinds = {kind: [about for k, _, about in world.planned if k == kind] for kind in ("skip", "rewind", "late", "open")}
    got = oracle.handed_out(world.readers["billing"], world.orders)
    survived = [about for about in kinds["skip"] if about - got.keys()]
    print({kind: len(found) for kind, found in kinds.items()}, "skips that nobody fetched:", len(survived))
    assert len(survived) >= world.size.skips and len(kinds["rewind"]) >= world.size.skips // 2
    assert kinds["late"] and kinds["open"] and len(world.aborted) >= 40
    doomed = world.producers["doomed"]
    assert len(told.acked(doomed.process.pid, world.orders)) > 0, "the killed producer had told something"
    assert unheard(world, told), "the killed reader had committed more than it told"


def judge(world, reports):
    told = oracle.Told(reports.read_all(world.kafka.bootstrap, world.audit_topic, timeout=60), reports.runs)
    check_faults(world, told)
    plain = [world.producers[name] for name in ("web", "shop", "doomed")]
    late = {place for kind, _, about in world.planned if kind == "late" for place in about}
    claimed = told.acked(world.producers["doomed"].process.pid, world.orders) | {
        (m[1], m[2]) for name in ("web", "shop") for m in world.producers[name].acked if m[2] is not None}
    aborted = oracle.aborted(world.kafka.bootstrap, world.payments, PAYMENTS)
    assert world.aborted <= aborted
    if world.aborted != aborted:
        print(f"aborted, though the producer was told otherwise: {sorted(aborted - world.aborted)[:5]} ...")
    wanted = {
        (world.orders, "shipping"): dict(producers=plain, told=told, killed=world.killed, unheard=unheard(world, told)),
        (world.orders, "billing"): dict(producers=plain, told=told, killed=world.killed, late=late & claimed),
        (world.payments, "books"): dict(producers=[world.producers["bank"]], aborted=aborted),
        (world.payments, "audit"): dict(producers=[world.producers["bank"]]),
    }
    for (topic, group), facts in wanted.items():
        expect = oracle.expected(topic, group, consumers=world.readers[group], **facts)
        for collector in world.collectors:
            wait_until(lambda: oracle.same_findings(collector, topic, group, expect), 60, f"{topic} {group}")
        judged = expect["lost"] | expect["excused"] | expect["unconfirmed"]
        promises = oracle.conserved(topic, [p for p in facts["producers"] if p not in world.killed],
                                    world.readers[group], judged)
        print(topic, group, {"promises": promises, **{state: len(places) for state, places in expect.items() if places}})
    reasons = {(f["state"], f["reason"]) for topic in (world.orders, world.payments)
               for f in world.ask(lambda c: c.findings(topic)) if f["state"] != "redelivered"}
    assert reasons <= {("lost", "skipped"), ("late", ""), ("excused", "aborted"), ("unconfirmed", "reporter_vanished")}
    assert world.acked() >= world.size.messages * 0.95


@pytest.mark.parametrize("world", [pytest.param(SMALL, id="20000"), pytest.param(FULL, id="200000", marks=pytest.mark.full)],
                         indirect=True)
def test_findings_are_exactly_what_was_injected(world, reports):
    began = time.monotonic()
    for collector in world.collectors:
        collector.start()
    start_clients(world)
    threads = [world.background(feed, name) for name in ("web", "shop", "doomed")]
    threads += [world.background(transact), world.background(seek_about, 7)]
    wait_until(lambda: world.errors or len(world.planned) > 0, 60, "the load runs")
    inject(world)
    wait_until(lambda: world.errors or enough(world), 300, "every kind was injected often enough")
    finish(world, threads)
    print(f"injected in {time.monotonic() - began:.0f} s; faults: {world.faults}")
    judge(world, reports)
    print(f"judged after {time.monotonic() - began:.0f} s")


def enough(world):
    """Of the planned skips so many are still skips after what was read again and fetched."""
    kinds = [kind for kind, _, _ in world.planned]
    if kinds.count("skip") < world.size.skips or "late" not in kinds or "open" not in kinds:
        return False
    got = oracle.handed_out(world.readers["billing"], world.orders).keys()
    return sum(bool(about - got) for kind, _, about in world.planned if kind == "skip") >= world.size.skips + 1
