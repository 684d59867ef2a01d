"""How late a worker's loop is beside what the rest of the process does, and without it.

Usage: lag.py SUBJECT --build FOLDER [--turns N] [--seconds S] [--backends N] [--sessions N] [--write FILE]
SUBJECT is probes (health checks of all backends) or admin (every second a scrape of /metrics and a listing of all
sessions). Each turn measures two Drovers that differ in nothing but that, one after the other; who is first alternates.
Drover is alone on the first CPU; load and backends are on the second. --write puts the result between the marks of that
file. Exit code 1 where a run had errors or lost sessions."""

import argparse
import contextlib
import functools
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import report
from compare import both_cpus, machine
from programs import Backend, Drover, Failure, Load, main_thread_cpu_seconds, wait_until

BOUND = 1.25  # of the loop lag with it to that without
INTERVAL = 5.0  # seconds between two probes of a backend: the default
_CHECK = {"type": "websocket", "path": "/", "interval": f"{INTERVAL:g}s", "timeout": "2s"}
_NO_CHECK = {**_CHECK, "interval": "0s"}
_PERIOD = 1.0  # seconds between two looks through the admin port
_PAGE = 1_000  # sessions a page: the most that there is
_RATE = 2_000  # messages a second
_SIZE = 64  # bytes
# Sessions opened and closed a second. The loop's lag is that of all its life with sessions, so they must come and go
# with no more work at once than the messages are.
_PACE = 500
_WARM_UP = 1.0  # seconds
_PATIENCE = 60.0  # seconds for a load, besides what it opens and measures
_MACHINE = ("date", "CPUs", "kernel", "Drover", "compiler")


def lag(quantile, run):
    """Microseconds that a worker's loop was late; an upper bound, a 32nd above it at most."""
    return run["lag_us"][quantile]


def last_words(log):
    """The loop's lag, as the worker tells it at its end: finer than the buckets of the metric."""
    line = re.search(r" worker_stopped worker=0 loop_lag_p50_us=(\d+) loop_lag_p99_us=(\d+) loop_lag_max_us=(\d+) "
                     r"samples=(\d+)$", log, re.M)
    if not line:
        raise Failure(f"the worker did not say how late its loop was: {log}")
    return {"lag_us": dict(zip(("p50", "p99", "max"), map(int, line.groups()))), "samples": int(line[4])}


class Onlooker:
    """Looks through the admin port every period, on the given CPUs, until its context ends: scrapes, and lists every
    session."""

    def __init__(self, drover, cpus):
        self.scrapes, self.listings, self.sessions = [], [], []  # seconds, seconds, how many were listed
        self._drover, self._cpus = drover, cpus
        self._end, self._failure = threading.Event(), None
        self._thread = threading.Thread(target=self._look_on)

    def _look_on(self):
        os.sched_setaffinity(0, self._cpus)
        try:
            due = time.monotonic()
            while not self._end.wait(max(0.0, due - time.monotonic())):
                due += _PERIOD
                self.scrapes.append(_seconds(self._drover.metrics))
                self.listings.append(_seconds(lambda: self.sessions.append(len(self._drover.sessions(_PAGE)))))
        except (OSError, ValueError, Failure) as failure:
            self._failure = failure

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        if self._failure:
            raise Failure(f"a look through the admin port failed: {self._failure}")


def _seconds(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


class Probes:
    """Health checks of every backend, or none."""

    name, without = "probes", "probes"

    def config(self, switch):
        """What the two Drovers differ in."""
        return {"health_check": _CHECK if switch == "on" else _NO_CHECK}

    @contextlib.contextmanager
    def beside(self, _drover, _switch, _cpus):
        """Nothing is done from outside."""
        yield {}

    def introduction(self, arguments):
        """What was measured, for the page."""
        return f"with probes, a WebSocket handshake, ping and pong with each of them every {INTERVAL:g} s"

    def rows(self, results, arguments):
        """Of the table, besides the lag."""
        cost = probe_cost(results, arguments.backends)
        return [["supervisor's CPU a probe", "-" if cost is None else f"{cost:,.0f}", "", ""]]


class Admin:
    """A scrape and a full listing every period, or none; nobody is probed."""

    name, without = "admin", "them"

    def config(self, _switch):
        """The two differ in what is asked of them alone."""
        return {"health_check": _NO_CHECK}

    @contextlib.contextmanager
    def beside(self, drover, switch, cpus):
        """Looks on; yields what it will have measured."""
        measured = {}
        if switch == "off":
            yield measured
            return
        with Onlooker(drover, cpus) as onlooker:
            yield measured
        measured.update(scrape=statistics.median(onlooker.scrapes), listing=statistics.median(onlooker.listings),
                        listed=max(onlooker.sessions))

    def introduction(self, arguments):
        """What was measured, for the page."""
        return (f"with looks, a scrape of /metrics and a listing of all sessions, {_PAGE:,} a page, every "
                f"{_PERIOD:g} s")

    def rows(self, results, _arguments):
        """Of the table, besides the lag; in microseconds, as the others are."""
        def cell(name):
            median = results.median(self.name, "on", lambda run: run[name])
            return "-" if median is None else f"{median * 1e6:,.0f}"
        return [["a scrape, until it is read", cell("scrape"), "", ""],
                ["a full listing, until it is read", cell("listing"), "", ""]]


SUBJECTS = {subject.name: subject for subject in (Probes(), Admin())}


class Bench:
    """What every run needs: a scratch folder, the CPUs, and the backends, each with an IP address of its own."""

    def __init__(self, subject, arguments, folder, stack):
        self._subject, self._arguments, self._folder = subject, arguments, folder
        self._drover_cpus, self._other_cpus = both_cpus()
        hosts = [f"127.0.2.{number + 1}" for number in range(arguments.backends)]
        self._backends = stack.enter_context(Backend(arguments.build, hosts, self._other_cpus)).addresses

    def run(self, switch):
        """One Drover, with the subject "on" or "off"."""
        config = {"workers": 1, "listen": "127.0.0.1:0", "backends": self._backends,
                  "shutdown": {"pace": f"{_PACE}/s", "deadline": "60s"}, "log": {"level": "debug", "access": "off"},
                  **self._subject.config(switch)}
        with Drover(self._arguments.build, self._folder, config, self._drover_cpus) as drover:
            wait_until(lambda: not self._not_up(drover), f"all {len(self._backends)} backends are up",
                       self._arguments.patience)
            return self._under_load(drover, switch)

    def _not_up(self, drover):
        return [backend["name"] for backend in drover.backends() if backend["probe"] != "up"]

    def _under_load(self, drover, switch):
        sessions, seconds = self._arguments.sessions, self._arguments.seconds
        before, began = main_thread_cpu_seconds(drover.pid), time.monotonic()
        with Load(self._arguments.build, "--target", drover.address, "--case", "rate", "--sessions", sessions,
                  "--opening", _PACE, "--size", _SIZE, "--rate", _RATE, "--warmup", _WARM_UP, "--seconds", seconds,
                  "--hold", cpus=self._other_cpus) as load:
            with self._subject.beside(drover, switch, self._other_cpus) as beside:
                result = load.result(_PATIENCE + sessions / _PACE + _WARM_UP + seconds)
            if result["errors"]:
                return result
            supervisor = (main_thread_cpu_seconds(drover.pid) - before) / (time.monotonic() - began)
            if (active := drover.active()) != sessions:
                raise Failure(f"{sessions - active} of {sessions} sessions were lost")
            if (listed := beside.pop("listed", sessions)) != sessions:
                raise Failure(f"{listed} of {sessions} sessions were listed")
            if lost := self._not_up(drover):
                raise Failure(f"{len(lost)} backends went down, {lost[0]} among them")
            # Before the load lets go of them: all at once would be a burst that is none of the traffic.
            if code := drover.stop():
                raise Failure(f"drover ended with {code}: {drover.said()}")
        return {**result, **beside, "supervisor": supervisor, **last_words(drover.said())}


def attempt(bench, switch):
    """A run; what goes wrong in it is one more result."""
    try:
        return bench.run(switch)
    except (Failure, OSError, ValueError, subprocess.SubprocessError) as failure:
        return {"errors": 1, "first_error": str(failure)}


def figure(run):
    """For the eye, while it runs."""
    if run["errors"]:
        return f"{run['proxy']} ERRORS: {run['errors']:,} ({run['first_error']})"
    return (f"{run['proxy']} lag p99 {run['lag_us']['p99']:,} µs of {run['samples']:,}, "
            f"message {report.typical_p99(run):,.0f} µs")


def all_runs(subject, arguments, folder):
    """Every turn, with and without; who comes first alternates."""
    runs = []
    with contextlib.ExitStack() as stack:
        bench = Bench(subject, arguments, folder, stack)
        for turn in range(1, arguments.turns + 1):
            done = []
            for switch in ("on", "off") if turn % 2 else ("off", "on"):
                done.append({**attempt(bench, switch), "turn": turn, "case": subject.name, "proxy": switch})
            runs += done
            print(f"turn {turn}/{arguments.turns}: {', '.join(map(figure, done))}", file=sys.stderr, flush=True)
    return runs


def row(subject, results, name, value):
    """The medians with and without, and the ratios of the same turn."""
    medians = [results.median(subject.name, switch, value) for switch in ("on", "off")]
    cells = ["-" if median is None else f"{median:,.0f}" for median in medians]
    return [name, *cells, report.spread(results.ratios(subject.name, "on", "off", value))]


def target(subject, results):
    """What is promised, with its figure: the median of the ratios."""
    ratios = results.ratios(subject.name, "on", "off", functools.partial(lag, "p99"))
    return report.target(f"worker loop lag p99 ≤ {BOUND:.2f} × that without {subject.without}", BOUND,
                         {"lag": statistics.median(ratios) if ratios else None})


def probe_cost(results, backends):
    """Microseconds of the supervisor's CPU that a probe takes; none where no run was good."""
    share = results.median("probes", "on", lambda run: run["supervisor"])
    return None if share is None else share * 1e6 / (backends / INTERVAL)


def page(subject, arguments, results, about):
    """Markdown."""
    ticks = results.median(subject.name, "on", lambda run: run["samples"])
    good = len(results.ratios(subject.name, "on", "off", functools.partial(lag, "p99")))
    return "\n".join([
        f"{arguments.sessions:,} sessions over {arguments.backends:,} backends, {_RATE:,} messages of {_SIZE} bytes a "
        f"second; {subject.introduction(arguments)}. "
        f"Both without errors in {good} of {arguments.turns} turns of {arguments.seconds:g} s.",
        "",
        *report.table(["", f"{subject.name} on, µs", f"{subject.name} off, µs", "on / off: median (least–most)"], [
            row(subject, results, "worker loop lag, p99", functools.partial(lag, "p99")),
            row(subject, results, "worker loop lag, p50", functools.partial(lag, "p50")),
            row(subject, results, "message latency, typical p99", report.typical_p99),
            *subject.rows(results, arguments)]),
        "",
        *report.verdicts([target(subject, results)]),
        "",
        f"Loop lag is how late a worker comes to the ticks of its timer wheel, 20 a second ("
        f"{'-' if ticks is None else format(ticks, ',.0f')} a run), over all the time that it has sessions. They come "
        f"and go at {_PACE} a second, which is less work than the messages are.",
        "",
        *(f"- {what}: {text}" for what, text in about.items()),
    ])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build folder, with drover and bench/")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0, help="of messages in each run")
    parser.add_argument("--backends", type=int, default=200, help="1 to 254")
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--patience", type=float, default=30.0, help="seconds for all backends to be up")
    parser.add_argument("--write", type=pathlib.Path, help="a page with the marks of the result")
    arguments = parser.parse_args()
    if arguments.turns < 1 or arguments.seconds <= 0 or arguments.sessions < 1:
        parser.error("--turns, --seconds and --sessions must be positive")
    if not 1 <= arguments.backends <= 254:
        parser.error("--backends must be 1 to 254")
    arguments.build = arguments.build.resolve()
    return arguments


def main():
    arguments = parse_arguments()
    subject = SUBJECTS[arguments.subject]
    busy = os.getloadavg()[0]
    try:
        with tempfile.TemporaryDirectory(prefix="drover-lag-") as folder:
            results = report.Results(all_runs(subject, arguments, pathlib.Path(folder)))
        about = {name: text for name, text in machine(arguments.build).items() if name in _MACHINE}
        text = page(subject, arguments, results, {**about, "load average before": f"{busy:.2f}"})
        print(text)
        if results.failed:
            raise Failure(f"{len(results.failed)} of {len(results.runs)} runs had errors; turn "
                          f"{results.failed[0]['turn']}, {subject.name} {results.failed[0]['proxy']}: "
                          f"{results.failed[0]['first_error']}")
        if arguments.write:
            report.write_into(arguments.write, subject.name, text)
    except (Failure, OSError) as failure:
        sys.exit(f"lag: {failure}")


if __name__ == "__main__":
    main()
