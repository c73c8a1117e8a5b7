"""Waiting for a condition with a deadline; the only way these tests wait."""

import time


def wait_until(condition, timeout=30.0, what="condition", interval=0.05):
    """Calls `condition` until it returns something true, and returns that. Fails after `timeout` seconds with its last
    answer. An AssertionError inside counts as "not yet", so that a whole comparison can be the condition."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() >= deadline:
            if isinstance(last, AssertionError):
                raise AssertionError(f"not within {timeout} s: {what}\n{last}") from last
            raise AssertionError(f"not within {timeout} s: {what}; last answer: {last!r}")
        time.sleep(interval)
        interval = min(interval * 1.5, 0.5)
