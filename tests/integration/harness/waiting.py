"""Waiting for conditions, never for a time. DROVER_SLOW=1 (sanitizer builds) loosens the bounds on Drover's speed."""

import os
import time

SLOW = os.environ.get("DROVER_SLOW") == "1"
# How long a test waits for what must happen, before it calls it a failure.
PATIENCE = 60.0 if SLOW else 15.0


def slack(seconds):
    """A bound on Drover's own time: as given for a release build, ten times as long under a sanitizer."""
    return seconds * 10 if SLOW else seconds


def wait_until(condition, what, timeout=PATIENCE):
    """Polls until `condition()` is true and returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(0.005)
    return result


def stable(measure, seconds=0.3, timeout=PATIENCE):
    """The value of `measure()` once it has not changed for `seconds`: how one sees that a sender is stuck."""
    deadline = time.monotonic() + timeout
    value, since = measure(), time.monotonic()
    while time.monotonic() - since < seconds:
        if time.monotonic() > deadline:
            raise AssertionError(f"still changing after {timeout:g} s: {value!r}")
        time.sleep(0.01)
        if (now := measure()) != value:
            value, since = now, time.monotonic()
    return value
