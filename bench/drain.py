"""What it takes to have many idle sessions go: Drover's drain of a backend, beside what HAProxy and nginx have for it.

Usage: drain.py --build FOLDER [--part drain|handoff] [--turns N] [--sessions N] [--busy N] [--pace N] [--write FILE]
Each turn goes through all ways, every one with a fresh proxy alone on the first CPU; clients and backends are on the
second. Then the same for handing sessions off, idle ones and busy ones (handoff.py). --write puts the results between
the marks of that file. Exit code 1 where a run had errors, or where somebody was not told."""

import argparse
import contextlib
import functools
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import handoff
import report
from compare import both_cpus, machine
from programs import (
    Backend, Drover, Failure, Haproxy, Load, Nginx, cpu_seconds, wait_until)
from scrape import buckets, ended_at, lag_p99

CASE = "drain"
_AT_ONCE = "100000/s"
_GRACE = "30s"  # of those that are asked to reconnect: far beyond the run
_WINDOW = 100_000  # microseconds, which slides
_UTIME, _CUTIME = 14, 16  # fields of /proc/PID/stat, each followed by its time in the kernel
_ANSWER = 60.0  # seconds for a command
_PATIENCE = 60.0  # seconds for all to be told, besides what the pace takes


def evenness(told, window=_WINDOW):
    """The most that came in any window of that many microseconds, as a ratio to the mean of one; None where they all
    came within one."""
    told = sorted(told)
    took = told[-1] - told[0]
    if took <= window:
        return None
    most = first = 0
    for last, moment in enumerate(told):
        while told[first] <= moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most / ((len(told) - 1) * window / took)


def children(pid):
    """Its processes, those that a master has started."""
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _ticks(pid, first):
    """Two neighbours of /proc/PID/stat, in seconds; they are counted in hundredths, and rounded down."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    at = first - 3  # proc(5) counts from 1, and the first two are gone
    return sum(map(int, fields[at:at + 2])) / os.sysconf("SC_CLK_TCK")


def family_cpu_seconds(pid):
    """On a CPU so far: it, its children, and those of them that have ended. Of these there are ticks alone, so that it
    is ticks for all children: else what one had before its end would be finer than what it had at it, and a difference
    too small."""
    return cpu_seconds(pid) + _ticks(pid, _CUTIME) + sum(_ticks(child, _UTIME) for child in children(pid))


class HaproxyWithSocket(Haproxy):
    """One that can be told to end sessions."""

    runtime_api = True

    def command_of(self, text):
        """Has it carry out a command of its runtime API, to the end."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER)
            connection.connect(str(self.folder / "socket"))
            connection.sendall(f"{text}\n".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).strip()
        if answer:  # it says nothing where all is well
            raise Failure(f"haproxy, {text}: {answer.decode()}")


class NginxWithMaster(Nginx):
    """One that can be reloaded: a master and a worker, which lets go of its connections `patience` seconds after."""

    patience = 1
    processes = f"worker_shutdown_timeout {patience}s;"

    def reload(self):
        """As nginx -s reload does it."""
        self.process.send_signal(signal.SIGHUP)


class Ended:
    """Drover drains the backend: with a Close for each session, or asking each client to reconnect."""

    def __init__(self, title, mode, pace, path="/"):
        self.title, self.path = title, path
        self._order = {"mode": mode, "pace": pace, "grace": _GRACE, "deadline": "60s"}
        self._closes = mode == "close"

    def start(self, build, folder, backends, cpus):
        """All sessions will be on the first backend."""
        drover = Drover(build, folder, {
            "workers": 1, "listen": "127.0.0.1:0", "log": {"access": "off"},
            "backends": [{"name": name, "address": address} for name, address in zip("ab", backends)]}, cpus)
        with contextlib.ExitStack() as stack:
            stack.callback(drover.stop)
            drover.post("/api/v1/backends/default/b/maintenance")
            stack.pop_all()
        return drover

    def prepare(self, drover, sessions):
        """The other backend is there to take them, and would have to be for a drain to begin."""
        drover.post("/api/v1/backends/default/b/ready")
        active = {backend["name"]: backend["active"] for backend in drover.backends()}
        if active != {"a": sessions, "b": 0}:
            raise Failure(f"sessions are not where they should be: {active}")
        return buckets(drover.metrics())

    def trigger(self, drover):
        """Begins."""
        self._asked_at = time.time()
        drover.post("/api/v1/backends/default/a/drain", self._order)

    def finish(self, drover):
        """Seconds from the request until the plan was done; none for those that are only asked."""
        if not self._closes:
            return None
        return wait_until(lambda: ended_at(drover.said()), "the drain has ended") - self._asked_at

    def lag(self, drover, before):
        """Of the loop, meanwhile; seconds."""
        return lag_p99(before, buckets(drover.metrics()))

    def objection(self, seen, sessions):
        """What clients saw that they should not have; empty: all is well."""
        wanted = (sessions, 0) if self._closes else (0, sessions)
        if (seen["closes"], seen["texts"]) == wanted and not seen["ends"]:
            return ""
        return f"{seen['closes']} Closes, {seen['texts']} messages, otherwise ended {seen['ends']}"


class _Cut:
    """A peer, which has nothing like a Close."""

    path = "/"

    def lag(self, _proxy, _before):
        """Unknown."""
        return None

    def objection(self, seen, sessions):
        """Whatever they saw, all must have seen it."""
        return "" if seen["closes"] + sum(seen["ends"].values()) == sessions else f"only {seen}"


class Shutdown(_Cut):
    """HAProxy's command."""

    title = "HAProxy: `shutdown sessions server`"

    def start(self, _build, folder, backends, cpus):
        """The first backend alone."""
        return HaproxyWithSocket(folder, backends[0], cpus)

    def prepare(self, _proxy, _sessions):
        """There is nothing to do."""

    def trigger(self, proxy):
        """Begins."""
        proxy.command_of("shutdown sessions server bench/backend")

    def finish(self, _proxy):
        """It does not say."""


class Reload(_Cut):
    """nginx's reload."""

    title = f"nginx: `nginx -s reload`, `worker_shutdown_timeout {NginxWithMaster.patience}s`"

    def start(self, _build, folder, backends, cpus):
        """The first backend alone."""
        return NginxWithMaster(folder, backends[0], cpus)

    def prepare(self, proxy, _sessions):
        """Who must have gone in the end."""
        self._old = set(children(proxy.pid))

    def trigger(self, proxy):
        """Begins."""
        self._asked_at = time.monotonic()
        proxy.reload()

    def finish(self, proxy):
        """Seconds from the signal until the old worker had gone."""
        wait_until(lambda: not self._old.intersection(children(proxy.pid)), "nginx's old worker has ended")
        return time.monotonic() - self._asked_at


def ways(pace):
    """All of them, by name."""
    return {
        "close": Ended("Drover: `close`, all at once", "close", _AT_ONCE),
        "notify": Ended("Drover: `notify`, all at once", "notify", _AT_ONCE, "/?drover_migrate=1"),
        "paced": Ended(f"Drover: `close`, {pace:,}/s", "close", f"{pace}/s"),
        "haproxy": Shutdown(),
        "nginx": Reload(),
    }


class Bench:
    """What every run needs: a scratch folder, the CPUs, and two backends in one process."""

    def __init__(self, arguments, folder, stack):
        self._arguments, self._folder = arguments, folder
        self._proxy_cpus, self._other_cpus = both_cpus()
        self._backend = stack.enter_context(Backend(arguments.build, ["127.0.2.1", "127.0.2.2"], self._other_cpus))

    def run(self, way):
        """One fresh proxy, from no session to the last one's end."""
        sessions, pace = self._arguments.sessions, self._arguments.pace
        with way.start(self._arguments.build, self._folder, self._backend.addresses, self._proxy_cpus) as proxy:
            with Load(self._arguments.build, "--target", proxy.address, "--case", "drain", "--sessions", sessions,
                      "--path", way.path, "--hold", cpus=self._other_cpus) as load:
                result = load.result()
                if result["errors"]:
                    return result
                before = way.prepare(proxy, sessions)
                others = (load.pid, self._backend.pid)
                spent, spent_by_others = family_cpu_seconds(proxy.pid), sum(map(cpu_seconds, others))
                began = time.monotonic_ns() / 1000
                way.trigger(proxy)
                seen = load.result(_PATIENCE + sessions / pace)
                done = way.finish(proxy)
                result["cpu"] = family_cpu_seconds(proxy.pid) - spent
                result["others"] = sum(map(cpu_seconds, others)) - spent_by_others
                result["lag"] = way.lag(proxy, before)
                if objection := way.objection(seen, sessions):
                    raise Failure(f"not all clients were told as they should be: {objection}")
                load.release()
        told = seen.pop("told_us")
        return {**result, "told": (max(told) - began) / 1e6, "done": done, "evenness": evenness(told), "seen": seen}


def attempt(bench, way):
    """A run; what goes wrong in it is one more result."""
    try:
        return bench.run(way)
    except (Failure, OSError, ValueError, subprocess.SubprocessError) as failure:
        return {"errors": 1, "first_error": str(failure)}


def figure(run):
    """For the eye, while it runs."""
    if run["errors"]:
        return f"{run['proxy']} ERRORS: {run['errors']:,} ({run['first_error']})"
    return f"{run['proxy']} {run['told']:.2f} s, CPU {run['cpu']:.3f} s"


def all_runs(part, arguments, folder):
    """Every turn and way of this module or that of handoffs; who comes first rotates."""
    runs, known = [], part.ways(arguments.pace)
    with contextlib.ExitStack() as stack:
        bench = part.Bench(arguments, folder, stack)
        for turn in range(1, arguments.turns + 1):
            first = (turn - 1) % len(known)
            done = []
            for name in [*known][first:] + [*known][:first]:
                done.append({**attempt(bench, known[name]), "turn": turn, "case": part.CASE, "proxy": name})
            runs += done
            print(f"turn {turn}/{arguments.turns}: {', '.join(map(part.figure, done))}", file=sys.stderr, flush=True)
    return runs


def value(name, run):
    """One of its figures."""
    return run[name]


def median(results, proxy, name):
    """Of a figure that not every way has."""
    good = results.good(CASE, proxy).values()
    if not good or any(run[name] is None for run in good):
        return None
    return results.median(CASE, proxy, functools.partial(value, name))


def row(results, proxy, title, sessions):
    """A way's medians, as a line of the table."""
    def cell(name, factor=1.0, form=".2f"):
        found = median(results, proxy, name)
        return "-" if found is None else format(found * factor, form)
    return [title, cell("told"), cell("done"), cell("cpu", form=".3f"), cell("cpu", 1e6 / sessions, ".1f"),
            cell("others", form=".3f"), cell("lag", 1e3, ",g")]


def what_peers_showed(results, proxy):
    """What clients of a peer saw, of the last good turn."""
    good = results.good(CASE, proxy)
    if not good:
        return "nothing that could be measured"
    seen = good[max(good)]["seen"]
    found = {"a Close": seen["closes"], **seen["ends"]}
    return ", ".join(f'"{what}" {count:,} times' for what, count in found.items() if count)


def page(arguments, results, about):
    """Markdown."""
    known = ways(arguments.pace)
    complete = min(len(results.good(CASE, name)) for name in known)
    even = [run["evenness"] for run in results.good(CASE, "paced").values() if run["evenness"] is not None]
    cpu = functools.partial(value, "cpu")
    return "\n".join([
        f"{arguments.sessions:,} idle sessions through one worker. All ways without errors in {complete} of "
        f"{arguments.turns} turns; medians.",
        "",
        *report.table(["", "until all clients are told, s", "until it is done, s", "CPU of the proxy, s",
                       "CPU a session, µs", "CPU of clients and backends, s", "worker loop lag p99, ms, at most"],
                      [row(results, name, way.title, arguments.sessions) for name, way in known.items()]),
        "",
        f"- CPU of Drover's `close` at once, as a ratio to HAProxy: "
        f"{report.spread(results.ratios(CASE, 'close', 'haproxy', cpu))}; to nginx: "
        f"{report.spread(results.ratios(CASE, 'close', 'nginx', cpu))}.",
        f"- Evenness at {arguments.pace:,}/s, the fullest 100 ms, wherever they begin, as a ratio to the mean: "
        f"{report.spread(even)}.",
        f"- What clients saw of HAProxy: {what_peers_showed(results, 'haproxy')}; of nginx: "
        f"{what_peers_showed(results, 'nginx')}.",
        "",
        *(f"- {what}: {text}" for what, text in about.items()),
    ])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build folder, with drover and bench/")
    parser.add_argument("--part", choices=("drain", "handoff"), help="only this")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--busy", type=int, default=500, help="sessions with traffic that are handed off")
    parser.add_argument("--rate", type=float, default=10, help="messages a second of each of them")
    parser.add_argument("--pace", type=int, default=1_000, help="sessions a second, of the way that has one")
    parser.add_argument("--write", type=pathlib.Path, help="a page with the marks of the result")
    arguments = parser.parse_args()
    if min(arguments.turns, arguments.sessions, arguments.busy, arguments.pace, arguments.rate) <= 0:
        parser.error("--turns, --sessions, --busy, --pace and --rate must be positive")
    arguments.build = arguments.build.resolve()
    return arguments


def measure(part, arguments):
    """All runs of a part, told, and written where that is asked for."""
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="drover-drain-") as folder:
        results = report.Results(all_runs(part, arguments, pathlib.Path(folder)))
    text = part.page(arguments, results, {**machine(arguments.build), "load average before": f"{busy:.2f}"})
    print(text, flush=True)
    if results.failed:
        first = results.failed[0]
        raise Failure(f"{len(results.failed)} of {len(results.runs)} runs had errors; turn {first['turn']}, "
                      f"{first['proxy']}: {first['first_error']}")
    if arguments.write:
        report.write_into(arguments.write, part.CASE, text)


def main():
    arguments = parse_arguments()
    try:
        for part in (sys.modules[__name__], handoff):
            if arguments.part in (None, part.CASE):
                measure(part, arguments)
    except (Failure, OSError) as failure:
        sys.exit(f"drain: {failure}")


if __name__ == "__main__":
    main()
