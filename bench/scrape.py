"""What Drover says of itself: the figures of a scrape, and the end of a drain in its log."""

import datetime
import math
import re

from programs import Failure

LAG = "drover_loop_lag_seconds"


def buckets(text, name=LAG):
    """How many were at most so much, by that bound, of a histogram in a scrape; all its series together."""
    found = {}
    for bound, count in re.findall(rf'^{name}_bucket\{{[^}}]*le="([^"]+)"[^}}]*\}} (\d+)$', text, re.M):
        found[float(bound)] = found.get(float(bound), 0) + int(count)
    return found


def quantile(before, after, share):
    """The bucket's bound below which that share of what came between two scrapes is. None where nothing came."""
    grown = sorted((bound, after[bound] - before.get(bound, 0)) for bound in after)
    if not grown or grown[-1][1] <= 0:
        return None
    return next(bound for bound, count in grown if count >= math.ceil(share * grown[-1][1]))


def lag_p99(before, after):
    """Seconds that hold for 99 of a hundred samples of the loops' lag."""
    return quantile(before, after, 0.99)


def total(text, name, labels=""):
    """The sum of all series of that name that have these labels, which are neighbours."""
    lines = re.findall(rf"^{name}(?:\{{([^}}]*)\}})? (\S+)$", text, re.M)
    return sum(float(number) for found, number in lines if labels in found)


def ended_at(log):
    """Seconds since the epoch at which the plan was done, or none yet."""
    line = re.search(r"^(\S+) \w+ drain_ended .*$", log, re.M)
    if not line:
        return None
    if " state=done " not in line[0] + " ":
        raise Failure(f"the drain came to another end: {line[0]}")
    return datetime.datetime.fromisoformat(line[1].replace("Z", "+00:00")).timestamp()
