"""What reports say, added up: the plain counterpart of what the plugin counts."""

import collections

from harness import reports as wire


class Tally:
    """Sums over all reports of an audit topic. Keys of `count` and `offsets` are (tier kind, tier name, topic)."""

    def __init__(self, raw_reports):
        self.count = collections.Counter()
        self.bytes = collections.Counter()
        self.failed = collections.Counter()
        self.unknown = 0
        self.offset_unknown = 0
        self.offsets = collections.Counter()
        self.committed = {}
        self.reporters = collections.defaultdict(list)
        self.clients = []
        self.dropped = 0
        for raw in raw_reports:
            self._add(raw)

    def _add(self, raw):
        report = raw.report
        pb = wire.pb()
        self.reporters[report.reporter, raw.partition].append(report)
        self.clients.extend(c for c in report.clients if c not in self.clients)
        self.dropped += report.dropped.messages + report.dropped.coverage + report.dropped.topics
        for entry in report.entries:
            key = (pb.TierKind.Name(entry.tier), entry.tier_name, report.topics[entry.topic])
            self.count[key] += entry.count
            self.bytes[key] += entry.bytes
            self.unknown += entry.unknown
            self.offset_unknown += entry.offset_unknown
            for failed in entry.failed:
                self.failed[failed.code] += failed.count
        for chunk in report.coverage:
            key = (pb.TierKind.Name(chunk.tier), chunk.tier_name, report.topics[chunk.topic])
            for first, last in wire.runs(chunk.seen):
                for offset in range(first, last + 1):
                    self.offsets[key, chunk.partition, offset] += 1
            end = 0
            for gap, length, times in zip(chunk.again[::3], chunk.again[1::3], chunk.again[2::3]):
                begin, end = end + gap, end + gap + length
                for offset in range(begin, end):
                    self.offsets[key, chunk.partition, offset] += times
        for position in report.positions:
            if position.committed:
                self.committed[report.topics[position.topic], position.partition] = position.committed - 1

    def sent(self, topic):
        return self.count["SENT", "", topic]

    def produced(self, topic):
        return self.count["PRODUCED", "", topic]

    def consumed(self, group, topic):
        return self.count["CONSUMED", group, topic]

    def covered(self, kind, name, topic):
        """{(partition, offset): how often} of one tier."""
        return {(p, o): n for (key, p, o), n in self.offsets.items() if key == (kind, name, topic)}

    def check_numbers(self):
        """Numbers without gaps, times that tile, and `closed` on the last one or nowhere."""
        for reports in self.reporters.values():
            assert [r.number for r in reports] == list(range(1, len(reports) + 1))
            for earlier, later in zip(reports, reports[1:]):
                assert later.from_ms == earlier.complete_up_to_ms
                assert not earlier.closed

    def all_closed(self):
        return all(reports[-1].closed for reports in self.reporters.values())
