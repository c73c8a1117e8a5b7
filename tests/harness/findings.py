"""The findings of a group, compared offset by offset."""

import time

from . import oracle
from .wait import wait_until


def expect(waybill, topic, group, timeout=45, **expected):
    """Waits until the findings of the group are exactly the expected places by state, and the counts agree."""
    def same():
        findings = waybill.findings(topic, group=group)
        oracle.check_sorted_and_joined(findings)
        for state in ("pending", "suspected", "redelivered", "lost", "late", "unconfirmed", "excused"):
            found = oracle.places([f for f in findings if f["state"] == state])
            wanted = expected.get(state, set())
            assert found == wanted, f"{state}: missing {sorted(wanted - found)[:5]}, too much {sorted(found - wanted)[:5]}"
            assert waybill.group(topic, group)[state] == len(wanted)
        return True
    wait_until(same, timeout, f"findings of {group}")
    return waybill.findings(topic, group=group)


def never(waybill, topic, group, seconds, *wrong):
    """For so long no finding has one of these states."""
    wait_until(lambda: waybill.group(topic, group), 30, "the group is known")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = [f for f in waybill.findings(topic, group=group) if f["state"] in wrong]
        assert not found, found
        time.sleep(1)
