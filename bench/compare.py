"""Drover beside the bare relay, HAProxy and nginx: what a message costs each of them.

Usage: compare.py --build FOLDER [--turns N] [--seconds S] [--proxies NAME,…] [--json FILE] [--write FILE]
                  [--profile FOLDER] [CASE…]
Each turn goes through all cases, and in each case through all proxies, every one a fresh process alone on the first
CPU; load and backend are on the second. --write puts the result between the marks of that file. --profile has perf
look on, which costs something itself. Exit code 1 where a run had errors."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import report
from programs import (
    HAPROXY, NGINX, Backend, Certificate, Drover, Failure, Haproxy, Load, Nginx, Profile, Relay, private_memory,
    sockets, wait_until)

_WORKERS = {report.ONE_WORKER: 1, report.TWO_WORKERS: 2}
_RATE = 10_000  # messages a second that every proxy carries with ease
_IDLE_SESSIONS = 2_000
_WARM_UP_SESSIONS = 20  # before the memory of an idle proxy is taken: start-up is not counted
_WARM_UP = 0.3  # of the measuring window
_LONGER = {"rate": 3}  # times the window of the others: a tail needs many messages
_PATIENCE = 60.0  # seconds for a load, besides what it measures


def closed(size, in_flight=1):
    """50 sessions that always have so many messages under way."""
    return {"case": "closed", "sessions": 50, "size": size, "in-flight": in_flight}


CHURN = {"case": "churn", "sessions": 50, "size": 64}
IDLE = {"case": "idle", "sessions": _IDLE_SESSIONS, "size": 64}
CASES = {
    "64": closed(64),
    "64x16": closed(64, 16),
    "1k": closed(1024),
    "16k": closed(16 * 1024),
    "64k": closed(64 * 1024),
    "rate": {"case": "rate", "sessions": 1_000, "size": 64, "rate": _RATE},
    "fanout": {"case": "fanout", "sessions": 1_000, "size": 64},
    "churn": CHURN,
    "idle": IDLE,
    "workers": closed(64),
    "tls-64": {**closed(64), "tls": "full"},
    "tls-64k": {**closed(64 * 1024), "tls": "full"},
    "tls-full": {**CHURN, "tls": "full"},
    "tls-resumed": {**CHURN, "tls": "resumed"},
    "tls-idle": {**IDLE, "tls": "full"},
}


def start_drover(build, folder, backend, cpus, certificate=None, workers=1):
    """As anybody would have it, but for the access log."""
    listener = {"bind": "127.0.0.1:0"}
    if certificate:
        listener["tls"] = {"certificates": [{"cert": str(certificate.cert), "key": str(certificate.key)}]}
    return Drover(build, folder, {"workers": workers, "listeners": [listener], "backends": [backend],
                                  "log": {"access": "off"}}, cpus)


def foreign(proxy, tuned=False):
    """How to start HAProxy or nginx."""
    return lambda _, folder, backend, cpus, certificate: proxy(folder, backend, cpus, tuned, certificate)


# With a certificate: TLS from the client.
PROXIES = {
    report.RELAY: lambda build, _folder, backend, cpus, _certificate: Relay(build, backend, cpus),
    "drover": start_drover,
    "haproxy": foreign(Haproxy),
    "haproxy-tuned": foreign(Haproxy, tuned=True),
    "nginx": foreign(Nginx),
    "nginx-tuned": foreign(Nginx, tuned=True),
}


def both_cpus():
    """The first two that this process may use, one set each."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Failure("it takes two CPUs, one for the proxy and one for load and backend; this process may use one")
    return {cpus[0]}, {cpus[1]}


def options(settings):
    """As the load generator takes them."""
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def measure_idle(case, proxy, load):
    """What each of many sessions adds to the proxy, which has had some before."""
    at_rest = len(sockets(proxy.pid))
    with load(*options({**CASES[case], "sessions": _WARM_UP_SESSIONS})) as warm_up:
        result = warm_up.result()
    if result["errors"]:
        return result
    wait_until(lambda: len(sockets(proxy.pid)) <= at_rest, "the proxy has closed what the warm-up opened")
    before = private_memory(proxy.pid)
    with load(*options(CASES[case]), "--hold") as held:
        result = held.result()
        result["bytes_a_session"] = (private_memory(proxy.pid) - before) / _IDLE_SESSIONS
        held.release()
    return result


def measure(case, proxy, load, seconds):
    """The load's line, with the memory of an idle session in it where that is the case."""
    idle = case in report.IDLE_CASES
    if idle:
        result = measure_idle(case, proxy, load)
    else:
        window = seconds * _LONGER.get(case, 1)
        timing = ["--seconds", window, "--warmup", seconds * _WARM_UP, "--watch", proxy.pid]
        with load(*options(CASES[case]), *timing) as running:
            result = running.result(_PATIENCE + window)
    if not result["errors"]:
        if result["operations"] <= 0:
            raise Failure("nothing came back")
        if not idle and not (result.get("cpu_us") and result["latency_us"]):
            raise Failure(f"the load did not say all: {json.dumps(result)}")
    return result


class Bench:
    """What every run needs: a scratch folder, the CPUs, and a backend for each way to use the CPUs."""

    def __init__(self, arguments, folder, stack):
        self._build, self._folder, self._seconds = arguments.build, folder, arguments.seconds
        self._profiles = arguments.profile
        self._proxies = [name for name in PROXIES if name in arguments.proxies]
        self._proxy_cpus, self._other_cpus = both_cpus()
        # An address a proxy: the ports that one has used up towards it are no matter for the next.
        hosts = [f"127.0.2.{number + 1}" for number in range(len(self._proxies))]
        backend = stack.enter_context(Backend(self._build, hosts, self._other_cpus))
        self._backends = dict(zip(self._proxies, backend.addresses))
        self._certificate = None
        if set(arguments.cases).intersection(report.TLS_CASES):
            self._certificate = Certificate(folder)
        if "workers" in arguments.cases:
            self._free_backend = stack.enter_context(Backend(self._build, ["127.0.2.1"])).addresses[0]

    def contenders(self, case):
        """Who takes part in that case."""
        if case == "workers":
            return list(_WORKERS)
        return [name for name in self._proxies if not (case in report.TLS_CASES and name == report.RELAY)]

    def _profile(self, proxy, case, name, turn):
        """What looks at it meanwhile, if anything."""
        if self._profiles is None:
            return contextlib.nullcontext()
        return Profile(proxy, self._profiles / f"{case}-{name.replace(' ', '-')}-{turn}.data", self._other_cpus)

    def run(self, case, name, turn):
        """One of them in that case."""
        if case == "workers":  # nobody is tied to a CPU
            cpus = None
            proxy = start_drover(self._build, self._folder, self._free_backend, cpus, workers=_WORKERS[name])
        else:
            cpus = self._other_cpus
            certificate = self._certificate if case in report.TLS_CASES else None
            proxy = PROXIES[name](self._build, self._folder, self._backends[name], self._proxy_cpus, certificate)
        with proxy, self._profile(proxy, case, name, turn):
            return measure(case, proxy, lambda *words: Load(self._build, "--target", proxy.address, *words, cpus=cpus),
                           self._seconds)


def attempt(bench, case, name, turn):
    """A run; what goes wrong in it is one more result."""
    try:
        return bench.run(case, name, turn)
    except (Failure, OSError, ValueError, subprocess.SubprocessError) as failure:
        return {"errors": 1, "first_error": str(failure)}


def figure(run):
    """For the eye, while it runs."""
    if run["errors"]:
        return f"{run['proxy']} ERRORS: {run['errors']:,} ({run['first_error']})"
    value = f"{run['bytes_a_session']:,.0f} B" if run["case"] in report.IDLE_CASES else f"{run['cpu_us']:.2f} µs"
    return f"{run['proxy']} {value}"


def all_runs(arguments, folder):
    """Every turn, case and proxy; who comes first changes from turn to turn."""
    runs = []
    with contextlib.ExitStack() as stack:
        bench = Bench(arguments, folder, stack)
        for turn in range(1, arguments.turns + 1):
            for case in arguments.cases:
                names = bench.contenders(case)
                first = (turn - 1) % max(len(names), 1)
                done = []
                for name in names[first:] + names[:first]:
                    done.append({"turn": turn, "proxy": name, **attempt(bench, case, name, turn), "case": case})
                runs += done
                print(f"turn {turn}/{arguments.turns}, {case}: {', '.join(map(figure, done))}", file=sys.stderr)
    return runs


def said(*command):
    """What a program prints about itself, on either stream, as one line."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=_PATIENCE, check=False)
    except OSError:
        return "not installed"
    return ", ".join(line.strip() for line in done.stdout.splitlines())


def machine(build):
    """What the figures belong to."""
    model = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    cache = build / "CMakeCache.txt"
    compiler = cache.exists() and re.search(r"^CMAKE_CXX_COMPILER:\w+=(.+)$", cache.read_text(encoding="utf-8"), re.M)
    kernel = os.uname()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "CPUs": f"{len(os.sched_getaffinity(0))} × {model[1] if model else kernel.machine}",
        "kernel": f"{kernel.sysname} {kernel.release}",
        "Drover": said(build / "drover", "-V"),
        "compiler": said(compiler[1], "--version").split(", ")[0] if compiler else "unknown",
        "HAProxy": said(HAPROXY, "-v").split(", ")[0],
        "nginx": said(NGINX, "-v"),
    }


def names_of(known):
    """A type for argparse: such names, with commas."""
    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"no such proxy: {name}; there are {', '.join(known)}")
        return names
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build folder, with drover and bench/")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="that are measured in each run")
    parser.add_argument("--proxies", type=names_of(PROXIES), default=PROXIES, help=",".join(PROXIES))
    parser.add_argument("--json", type=pathlib.Path, help="a file for everything, each single run too")
    parser.add_argument("--write", type=pathlib.Path, help="a page with the marks of the result")
    parser.add_argument("--profile", type=pathlib.Path, help="a folder for perf's account of each run's proxy")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"no such case: {case}; there are {', '.join(CASES)}")
    if arguments.turns < 1 or arguments.seconds <= 0:
        parser.error("--turns and --seconds must be positive")
    arguments.cases = arguments.cases or list(CASES)
    arguments.build = arguments.build.resolve()
    return arguments


def main():
    arguments = parse_arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="drover-compare-") as folder:
            results = report.Results(all_runs(arguments, pathlib.Path(folder)))
        about = machine(arguments.build)
        if arguments.json:
            settings = {"turns": arguments.turns, "seconds": arguments.seconds, "warm_up": _WARM_UP * arguments.seconds,
                        "cases": {case: CASES[case] for case in arguments.cases}}
            everything = {"machine": about, "settings": settings, "summary": report.summary(results),
                          "targets": report.targets(results), "runs": results.runs}
            arguments.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        text = report.comparison(results, about)
        print(text)
        if results.failed:
            raise Failure(f"{len(results.failed)} of {len(results.runs)} runs had errors")
        if arguments.write:
            report.write_into(arguments.write, "compare", text)
    except (Failure, OSError) as failure:
        sys.exit(f"compare: {failure}")


if __name__ == "__main__":
    main()
