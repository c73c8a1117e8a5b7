"""The findings of a group, compared offset by offset."""

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
