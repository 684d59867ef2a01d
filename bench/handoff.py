"""What handing sessions off to another backend costs Drover, and their clients: part of drain.py.

A run has a fresh Drover alone on the first CPU; clients and both backends, one process, are on the second. All sessions
are on the first backend, which is drained in mode handoff. Idle ones are only there; busy ones send at equal distances,
whatever has come back, and check that the echoes are complete and in order."""

import contextlib
import functools
import json
import math
import os
import signal
import time
from typing import NamedTuple

import report
from compare import both_cpus
from programs import Backend, Drover, Failure, Load, cpu_seconds, private_memory, wait_until
from scrape import buckets, ended_at, lag_p99, quantile, total

CASE = "handoff"
AT_ONCE = 100_000  # sessions a second: a pace that none of these keeps
_WARM_UP_SESSIONS = 20  # before the memory is taken: start-up is not counted
_USUAL = 1.0  # seconds of traffic before the drain, and about as many in it
_AFTER = 0.3  # seconds in which the last echoes come back
_LATE = 2.0  # seconds that no client may still wait for an echo then
_PAUSE = "drover_migration_pause_seconds"
_PATIENCE = 120.0


class Way(NamedTuple):
    """What is handed off, and how fast. `pace` None: not at all, only the memory is taken."""

    title: str
    busy: bool = False
    pace: int | None = None
    takes_part: bool = True  # the backends


def ways(pace):
    """All of them, by name."""
    return {
        "plain": Way("backends that take no part", takes_part=False),
        "idle": Way("idle, all at once", pace=AT_ONCE),
        "idle-paced": Way(f"idle, {pace:,}/s", pace=pace),
        "busy": Way("busy, all at once", busy=True, pace=AT_ONCE),
        "busy-paced": Way(f"busy, {pace:,}/s", busy=True, pace=pace),
    }


class TakingPart(Backend):
    """Two backends in a process, with contract v1 where `takes_part`."""

    def __init__(self, build, cpus, takes_part):
        super().__init__(build, ["127.0.2.1", "127.0.2.2"], cpus, ["--handoffs"] if takes_part else [])

    def entered(self):
        """Ends it, and has what it says of the sessions that were handed to it."""
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.line())


def descriptors(pid):
    """How many it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def warm_up(build, drover, cpus):
    """A few sessions that come and go."""
    at_rest = descriptors(drover.pid)
    with Load(build, "--target", drover.address, "--case", "idle", "--sessions", _WARM_UP_SESSIONS, cpus=cpus) as load:
        if (result := load.result())["errors"]:
            raise Failure(result["first_error"])
    wait_until(lambda: descriptors(drover.pid) <= at_rest, "the warm-up's sessions have gone")


def pauses(before, after):
    """Of the clients, as Drover tells them between two scrapes; milliseconds, all but the mean bounds of buckets."""
    count = total(after, f"{_PAUSE}_count") - total(before, f"{_PAUSE}_count")
    if not count:
        raise Failure("no session was held")
    grown = total(after, f"{_PAUSE}_sum") - total(before, f"{_PAUSE}_sum")
    bounds = [quantile(buckets(before, _PAUSE), buckets(after, _PAUSE), share) for share in (0.5, 0.99, 1.0)]
    return {"mean": grown / count * 1e3, **dict(zip(("p50", "p99", "longest"), (bound * 1e3 for bound in bounds)))}


def spread_of(microseconds):
    """Half, 99 of a hundred and all of them are at most so much; milliseconds."""
    in_order = sorted(microseconds)
    return [in_order[max(math.ceil(share * len(in_order)) - 1, 0)] / 1e3 for share in (0.5, 0.99, 1.0)]


def objection(way, sessions, moved, entered, seen):
    """What is wrong with a run; empty: every session was moved, with its state, and no client noticed more than that."""
    if moved != sessions or entered["count"] != sessions or entered["stateless"]:
        return f"of {sessions} sessions {moved} were handed off, and {entered} came"
    if seen["ends"] or seen.get("closes") or seen.get("texts"):
        return f"clients saw {seen['ends'] or 'Closes or messages that were not theirs'}"
    if way.busy and seen["waiting_us"] > _LATE * 1e6:
        return f"an echo has not come for {seen['waiting_us']:,} µs"
    return ""


class Bench:
    """What every run needs."""

    def __init__(self, arguments, folder, _stack):
        self._arguments, self._folder = arguments, folder
        self._proxy_cpus, self._other_cpus = both_cpus()

    def sessions(self, way):
        """How many there are."""
        return self._arguments.busy if way.busy else self._arguments.sessions

    def run(self, way):
        """One fresh Drover, whose sessions are all on the first backend."""
        build = self._arguments.build
        with contextlib.ExitStack() as stack:
            backend = stack.enter_context(TakingPart(build, self._other_cpus, way.takes_part))
            drover = stack.enter_context(Drover(build, self._folder, {
                "workers": 1, "listen": "127.0.0.1:0", "log": {"access": "off"},
                "backends": [{"name": name, "address": at} for name, at in zip("ab", backend.addresses)],
            }, self._proxy_cpus))
            drover.post("/api/v1/backends/default/b/maintenance")
            warm_up(build, drover, self._other_cpus)
            empty = private_memory(drover.pid)
            load = stack.enter_context(self._load(way, drover))
            result = load.result()
            if result["errors"]:
                return result
            result["bytes"] = (private_memory(drover.pid) - empty) / self.sessions(way)
            if way.pace is None:
                load.release()
                return result
            result |= self._hand_off(way, drover, backend, load)
            result["bytes_after"] = (result.pop("memory") - empty) / self.sessions(way)
            return result

    def _load(self, way, drover):
        """Its sessions stay until they are released; busy ones have had the usual traffic by the first line."""
        sessions = self.sessions(way)
        kind = ["busy", "--rate", sessions * self._arguments.rate, "--seconds", _USUAL] if way.busy else ["drain"]
        return Load(self._arguments.build, "--target", drover.address, "--sessions", sessions, "--hold", "--case",
                    *kind, cpus=self._other_cpus)

    def _hand_off(self, way, drover, backend, load):
        """The drain, and what came of it."""
        sessions = self.sessions(way)
        drover.post("/api/v1/backends/default/b/ready")
        before, open_before = drover.metrics(), descriptors(drover.pid)
        usual = self._traffic(drover) if way.busy else 0.0
        spent = cpu_seconds(drover.pid)
        began, began_at = time.monotonic(), time.time()
        drover.post("/api/v1/backends/default/a/drain",
                    {"mode": "handoff", "pace": f"{way.pace}/s", "deadline": "60s"})
        done = wait_until(lambda: ended_at(drover.said()), "the drain has ended", _PATIENCE) - began_at
        wait_until(lambda: descriptors(drover.pid) <= open_before, "the old connections have gone")
        cpu = cpu_seconds(drover.pid) - spent
        traffic = usual * (time.monotonic() - began)
        time.sleep(_AFTER)
        after = drover.metrics()
        found = {"done": done, "cpu": cpu, "traffic": traffic, "pauses": pauses(before, after),
                 "lag": lag_p99(buckets(before), buckets(after)),
                 "memory": private_memory(drover.pid)}
        seen = load.seen()
        entered = backend.entered()
        moved = total(after, "drover_migrations_total", 'mode="handoff",result="ok"')
        if complaint := objection(way, sessions, moved, entered, seen):
            raise Failure(complaint)
        if way.busy:
            found |= {"usual": spread_of(seen["before_us"]), "meanwhile": spread_of(seen["since_us"])}
        return found | {"moved": entered["last_us"] / 1e6 - began}

    @staticmethod
    def _traffic(drover):
        """Seconds of CPU a second that the messages take."""
        before, began = cpu_seconds(drover.pid), time.monotonic()
        time.sleep(_USUAL)
        return (cpu_seconds(drover.pid) - before) / (time.monotonic() - began)


def figure(run):
    """For the eye, while it runs."""
    if run["errors"]:
        return f"{run['proxy']} ERRORS: {run['errors']:,} ({run['first_error']})"
    if "moved" not in run:
        return f"{run['proxy']} {run['bytes']:,.0f} B"
    return f"{run['proxy']} {run['moved']:.2f} s, CPU {run['cpu']:.3f} s"


def value(path, run):
    """One of its figures; `path` is a word, or two with a point between them."""
    for word in path.split("."):
        run = run[int(word) if word.isdigit() else word]
    return run


def _cell(results, way, path, form, factor=1.0):
    good = results.good(CASE, way).values()
    if not good or any(value(path, run) is None for run in good):
        return "-"
    return format(results.median(CASE, way, functools.partial(value, path)) * factor, form)


def _row(results, name, way, sessions):
    cell = functools.partial(_cell, results, name)
    return [way.title, f"{sessions:,}", cell("moved", ".2f"), cell("done", ".2f"), cell("cpu", ".3f"),
            "-" if not way.busy else cell("traffic", ".3f"), cell("cpu", ".1f", 1e6 / sessions),
            cell("pauses.mean", ".2f"),
            *(cell(f"pauses.{which}", ",g") for which in ("p50", "p99", "longest")), cell("lag", ",g", 1e3)]


def _echoes(results, name, way):
    cell = functools.partial(_cell, results, name)
    return [way.title, *(" / ".join(cell(f"{when}.{at}", ".1f") for at in range(3)) for when in ("usual", "meanwhile"))]


def page(arguments, results, about):
    """Markdown."""
    known = ways(arguments.pace)
    moving = {name: way for name, way in known.items() if way.pace is not None}
    sessions = {name: arguments.busy if way.busy else arguments.sessions for name, way in known.items()}
    complete = min(len(results.good(CASE, name)) for name in known)
    bytes_of = functools.partial(_cell, results, form=",.0f")
    return "\n".join([
        f"One worker; a busy session sends {arguments.rate:g} messages of 64 bytes a second. All ways without errors in "
        f"{complete} of {arguments.turns} turns; medians. In these every session was handed off with its state, and no "
        "echo was lost, repeated or out of turn.",
        "",
        *report.table(["", "sessions", "until the last has moved, s", "until it is done, s", "CPU of Drover, s",
                       "the traffic alone in that time, s", "CPU a session, µs", "pause: mean, ms", "half, at most",
                       "99 %, at most", "all, at most", "worker loop lag p99, ms, at most"],
                      [_row(results, name, way, sessions[name]) for name, way in moving.items()]),
        "",
        *report.table(["a session's longest echo, ms: half / 99 % / all of the sessions at most",
                       f"{_USUAL:g} s of the usual", "while they were moved"],
                      [_echoes(results, name, way) for name, way in moving.items() if way.busy]),
        "",
        *report.table(["user memory, bytes an idle session", ""],
                      [["its backend takes no part", bytes_of("plain", "bytes")],
                       ["its backend takes part: with a retained head", bytes_of("idle", "bytes")],
                       ["after it was handed off", bytes_of("idle", "bytes_after")]]),
        "",
        *(f"- {what}: {text}" for what, text in about.items()),
    ])

