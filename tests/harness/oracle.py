"""What must be true, computed from nothing but what the clients themselves said."""

import collections
import math

from confluent_kafka import Consumer, KafkaError, TopicPartition

MINUTE = 60_000


def acked(producers, topic):
    """{partition: sorted offsets} that the broker acknowledged."""
    result = collections.defaultdict(list)
    for producer in producers:
        for name, partition, offset, *_ in producer.acked:
            if name == topic:
                result[partition].append(offset)
    return {partition: sorted(offsets) for partition, offsets in result.items()}


def handed_out(consumers, topic):
    """{(partition, offset): times} handed out to any of the consumers."""
    return collections.Counter(
        (m[1], m[2]) for consumer in consumers for m in consumer.messages if m[0] == topic)


def distinct(consumers, topic):
    return len(handed_out(consumers, topic))


def repeated(consumers, topic):
    """The (partition, offset) pairs that were handed out more than once."""
    return {place for place, times in handed_out(consumers, topic).items() if times > 1}


def skipped(producers, consumers, topic):
    """Acknowledged, below the highest offset handed out in their partition, and never handed out."""
    seen = handed_out(consumers, topic)
    high = collections.defaultdict(lambda: -1)
    for partition, offset in seen:
        high[partition] = max(high[partition], offset)
    return {(p, o) for p, offsets in acked(producers, topic).items() for o in offsets
            if o < high[p] and (p, o) not in seen}


def ahead(producers, consumers, topic):
    """Acknowledged and above everything handed out in their partition."""
    seen = handed_out(consumers, topic)
    high = collections.defaultdict(lambda: -1)
    for partition, offset in seen:
        high[partition] = max(high[partition], offset)
    return {(p, o) for p, offsets in acked(producers, topic).items() for o in offsets if o > high[p]}


def produced_by_bucket(producers, topic, width=MINUTE):
    return collections.Counter(m[3] - m[3] % width for p in producers for m in p.acked if m[0] == topic)


def consumed_by_bucket(consumers, topic, width=MINUTE):
    """Distinct offsets handed out, by bucket."""
    seen = {(m[1], m[2]): m[3] for c in consumers for m in c.messages if m[0] == topic}
    return collections.Counter(time - time % width for time in seen.values())


def latencies_by_bucket(consumers, topic, width=MINUTE):
    """{bucket: sorted latencies in ms of every hand-out}."""
    result = collections.defaultdict(list)
    for consumer in consumers:
        for name, _, _, time, latency, *_ in consumer.messages:
            if name == topic:
                result[time - time % width].append(latency)
    return {bucket: sorted(values) for bucket, values in result.items()}


def quantile(ordered, q):
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def places(findings):
    """{(partition, offset)} of a list of findings, whose counts must fit their ranges and which must not overlap."""
    result = set()
    for finding in findings:
        first, last = finding["first_offset"], finding["last_offset"]
        assert finding["count"] == last - first + 1, finding
        covered = {(finding["partition"], offset) for offset in range(first, last + 1)}
        assert not covered & result, f"reported twice: {finding}"
        result |= covered
    return result


def check_sorted_and_joined(findings):
    """Sorted by partition and offset; adjacent offsets of one kind are one finding."""
    order = [(f["partition"], f["first_offset"]) for f in findings]
    assert order == sorted(order)
    kind = ("group", "partition", "state", "reason", "bucket_start")
    for one, two in zip(findings, findings[1:]):
        if all(one[k] == two[k] for k in kind):
            assert one["last_offset"] + 1 < two["first_offset"], f"not joined: {one} {two}"


class Told:
    """What killed processes had told of themselves: their own reports, read from the audit topic by an independent
    decoder. Nothing else of them is known to anybody."""

    def __init__(self, raw_reports, runs):
        self._seen = collections.defaultdict(collections.Counter)   # (pid, tier, group, topic) -> {(partition, offset): n}
        self._next = collections.defaultdict(int)                   # (pid, topic, partition) -> next offset
        numbers = set()
        for raw in raw_reports:
            report = raw.report
            number = (raw.partition, report.reporter, report.number)
            if number in numbers:  # the same bytes again
                continue
            numbers.add(number)
            for chunk in report.coverage:
                places = self._seen[report.pid, chunk.tier, chunk.tier_name, report.topics[chunk.topic]]
                for first, last in runs(chunk.seen):
                    places.update((chunk.partition, offset) for offset in range(first, last + 1))
                for begin, length, times in _triples(chunk.again):
                    for offset in range(begin, begin + length):
                        places[chunk.partition, offset] += times
            for position in report.positions:
                if position.next:
                    key = (report.pid, report.topics[position.topic], position.partition)
                    self._next[key] = max(self._next[key], position.next - 1)

    def acked(self, pid, topic):
        return set(self._seen[pid, 2, "", topic])

    def handed_out(self, pid, group, topic):
        return self._seen[pid, 3, group, topic]

    def next(self, pid, topic, partition):
        """Where its reports end: it has told of everything below."""
        return self._next[pid, topic, partition]


def _triples(packed):
    end = 0
    for gap, length, times in zip(packed[::3], packed[1::3], packed[2::3]):
        yield end + gap, length, times
        end += gap + length


def expected(topic, group, producers, consumers, told=None, killed=(), unheard=frozenset(), aborted=frozenset(),
             late=frozenset()):
    """{state: places} for one group, of redelivered with how often more than once: what follows from what the clients said, and of killed ones from their reports.
    `unheard` is what a killed reader may have seen without telling."""
    claimed, seen = set(), collections.Counter()
    for producer in producers:
        dead = producer in killed
        claimed |= told.acked(producer.process.pid, topic) if dead else {
            (m[1], m[2]) for m in producer.acked if m[0] == topic and m[2] is not None}
    for consumer in consumers:
        dead = consumer in killed
        seen += told.handed_out(consumer.process.pid, group, topic) if dead else handed_out([consumer], topic)
    high = collections.defaultdict(lambda: -1)
    for partition, offset in seen:
        high[partition] = max(high[partition], offset)
    missing = claimed - seen.keys()
    below = {place for place in missing if place[1] < high[place[0]]}
    excused = below & aborted
    unconfirmed = (below - excused) & unheard
    again = collections.Counter({place: times - 1 for place, times in seen.items() if times > 1})
    return {"pending": missing - below, "suspected": set(), "redelivered": again, "lost": below - excused - unconfirmed,
            "late": set(late), "unconfirmed": unconfirmed, "excused": excused}


def log_content(bootstrap, topic, partitions, isolation="read_uncommitted"):
    """The places at which a plain reader, which has nothing to do with the program under test, finds messages."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "oracle-look", "enable.auto.commit": False,
                       "enable.partition.eof": True, "auto.offset.reset": "earliest", "isolation.level": isolation})
    try:
        reader.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        found, ends = set(), set()
        while len(ends) < partitions:
            message = reader.poll(20)
            assert message is not None, f"{topic} cannot be read"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ends.add(message.partition())
            else:
                found.add((message.partition(), message.offset()))
        return found
    finally:
        reader.close()


def aborted(bootstrap, topic, partitions):
    """What transactions that were aborted left in the log. A producer that is told "committed" while the broker falls may be
    told wrong; the log decides."""
    return log_content(bootstrap, topic, partitions) - log_content(bootstrap, topic, partitions, "read_committed")


def conserved(topic, producers, consumers, judged, killed=()):
    """Every obligation (an acknowledged id) was handed out at its place, or stands in a finding. Returns how many there were.
    A repeated send that the broker had already is acknowledged without its place, and not looked for."""
    promised = {(m[1], m[2]): m[5] for p in producers for m in p.acked if m[0] == topic and m[2] is not None}
    assert len(set(promised.values())) == len(promised), "an id was acknowledged at two places"
    got = {}
    for consumer in consumers:
        for name, partition, offset, _, _, identity in consumer.messages:
            if name == topic:
                assert got.setdefault((partition, offset), identity) == identity, "one place, two messages"
    wrong = {place: (promised[place], got[place]) for place in promised.keys() & got.keys() if promised[place] != got[place]}
    assert not wrong, f"another message than the acknowledged one: {list(wrong.items())[:5]}"
    nowhere = promised.keys() - got.keys() - judged
    assert not nowhere, f"{len(nowhere)} acknowledged messages in no account: {sorted(nowhere)[:5]}"
    return len(promised)


def same_findings(waybill, topic, group, expect):
    """Whether the API's findings of the group are these places, by state, and its counts so many hand-outs; an
    AssertionError says what differs."""
    findings = waybill.findings(topic, group=group)
    check_sorted_and_joined(findings)
    counts = waybill.group(topic, group)
    wrong = []
    for state, wanted in expect.items():
        found = places([f for f in findings if f["state"] == state])
        count = wanted.total() if isinstance(wanted, collections.Counter) else len(wanted)
        if found != set(wanted) or counts[state] != count:
            wrong.append(f"{state}: {count} wanted, {counts[state]} counted, missing {sorted(set(wanted) - found)[:5]}, "
                         f"too much {sorted(found - set(wanted))[:5]}")
    assert not wrong, "\n".join(wrong)
    return True
