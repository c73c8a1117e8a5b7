"""What must be true, computed from nothing but what the clients themselves said."""

import collections
import math

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
