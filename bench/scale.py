"""Idle sessions by the ten thousand: several Drovers share one port, and what a session costs them is measured.

Usage: scale.py --build FOLDER [--sessions N] [--processes N] [--steps N] [--hold SECONDS] [--write FILE]
Sessions are opened in steps. Every one must then answer a ping at both its ends during the hold. --write puts the
result between the marks of that file. Exit code 1 where a session was lost."""

import argparse
import contextlib
import http.client
import json
import math
import os
import pathlib
import re
import resource
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

_IN_ONE_PROCESS = 15_000  # sessions of a load or backend process, a descriptor each
_SOURCES = 8  # addresses that the load connects from: 28,000 ports each
_LEAST_AVAILABLE = 2 << 30  # bytes of free memory at which the run stops
_PATIENCE = 60.0
_MILLION = 1_000_000
_BEGIN, _END = "<!-- scale:begin -->", "<!-- scale:end -->"


class Failure(Exception):
    """What went wrong, as a sentence."""


def meminfo(name):
    """A line of /proc/meminfo, in bytes."""
    for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise Failure(f"/proc/meminfo has no {name}")


def socket_memory():
    """What the kernel holds for sockets: its slabs (other things are in them too) and TCP's buffers, in bytes."""
    sockets = pathlib.Path("/proc/net/sockstat").read_text(encoding="ascii")
    pages = int(re.search(r"^TCP:.* mem (\d+)", sockets, re.M)[1])
    return meminfo("Slab") + pages * resource.getpagesize()


def used_memory():
    """Of the whole machine, in bytes. MemAvailable would count half of the sockets' inodes as free."""
    return meminfo("MemTotal") - sum(meminfo(name) for name in ("MemFree", "Buffers", "Cached"))


def private_memory(pid):
    """Pss_Anon: the bytes that this process alone accounts for, heap and stacks."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss_Anon:\s+(\d+) kB", rollup, re.M)[1]) * 1024


def cpu_seconds(pid):
    """On a CPU so far, all threads together."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def check_memory():
    """The machine is not ours alone."""
    if meminfo("MemAvailable") < _LEAST_AVAILABLE:
        raise Failure(f"less than {_LEAST_AVAILABLE >> 30} GiB of memory are available")


def wait_until(condition, what, timeout=_PATIENCE):
    """Polls until `condition()` is true and returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"not within {timeout:g} s: {what}")
        time.sleep(0.05)
    return result


class Program:
    """A process of the run. Leaving the context ends it with SIGTERM."""

    def __init__(self, *command, **options):
        # Drover raises the soft limit itself; the others may rely on this.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.process = subprocess.Popen(
            [str(part) for part in command], text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)), **options)
        self.pid = self.process.pid

    def line(self):
        """The next line of its stdout. Meanwhile the memory of the machine is watched."""
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            check_memory()
        return self.process.stdout.readline()

    def stop(self):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.process.args[0]} did not end on SIGTERM") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Drover(Program):
    """One of those that share the port. What it is not told here stands at its default."""

    def __init__(self, program, folder, port, backends, hold):
        self.access_log = folder / f"access-{len(list(folder.iterdir()))}.log"
        self.log = self.access_log.with_suffix(".stderr")
        # Half of the hold: each session that is silent at its start is pinged, and has answered or ended before its
        # end.
        interval, timeout = f"{int(hold * 500)}ms", f"{int(hold * 333)}ms"
        config = {
            "workers": 1,
            "listeners": [{"bind": f"127.0.0.1:{port}", "shared": True}],
            "backends": backends,
            "ping": {"clients": interval, "backends": interval, "timeout": timeout},
            "admin": {"bind": "127.0.0.1:0"},
            "shutdown": {"deadline": "10s"},
            "log": {"access": str(self.access_log)},
        }
        file = self.access_log.with_suffix(".yaml")
        file.write_text(json.dumps(config))
        with self.log.open("w", encoding="utf-8") as log:
            super().__init__(program, "-c", file, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(lambda: " ready " in self.said() or self.process.poll() is not None, "drover is ready")
            if self.process.poll() is not None:
                raise Failure(f"drover ended: {self.said()}")
        except Failure:
            self.stop()
            raise
        self.admin_port = int(re.search(r" admin_listening .*:(\d+)", self.said())[1])
        self.max_connections = self.health()["connection_pool"]["max_connections"]

    def said(self):
        """Its operational log so far."""
        return self.log.read_text(encoding="utf-8")

    def health(self):
        """The checks of /health."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=_PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/health")
            return json.load(connection.getresponse())["checks"]

    def active(self):
        """Sessions at this moment."""
        return self.health()["connection_pool"]["active_connections"]

    def sessions(self):
        """The access lines, once it has ended."""
        with self.access_log.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def start_backend(stack, program, number):
    """Its address. Each has an IP address of its own: Drover has 28,000 ports towards each."""
    backend = stack.enter_context(
        Program(program, "--listen", f"127.0.2.{number + 1}:0", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
    words = backend.line().split()
    if len(words) != 2 or words[0] != "listening":
        raise Failure(f"{program} did not say where it listens")
    return words[1]


def start_drovers(stack, arguments, folder, backends):
    """All of them, on one port that the kernel chose."""
    # Bound, not listening: it keeps the port and gets no connection.
    reservation = stack.enter_context(socket.socket())
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind(("127.0.0.1", 0))
    port = reservation.getsockname()[1]
    program = arguments.build / "drover"
    drovers = [stack.enter_context(Drover(program, folder, port, backends, arguments.hold))
               for _ in range(arguments.processes)]
    share = arguments.sessions / arguments.processes * 1.1  # the kernel spreads by hash, not evenly
    if share > drovers[0].max_connections:
        raise Failure(f"{arguments.sessions} sessions are too many for {arguments.processes} processes of "
                      f"{drovers[0].max_connections} each; use more")
    return drovers, port


def open_sessions(stack, program, port, count):
    """Opens them with one echo each; they stay until the stack ends the program."""
    while count > 0:
        some = min(count, _IN_ONE_PROCESS)
        load = stack.enter_context(
            Program(program, "--target", f"127.0.0.1:{port}", "--case", "idle", "--sessions", some, "--size", 64,
                    "--sources", _SOURCES, "--hold", stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        stack.callback(load.process.stdin.close)  # which is what it waits for
        line = load.line()
        if not line:
            raise Failure(f"{program} ended with {load.process.wait()}")
        result = json.loads(line)
        if result["errors"]:
            raise Failure(f"{result['errors']} of {some} sessions failed: {result['first_error']}")
        count -= some


def sample(drovers, sessions):
    """What there is with that many sessions open."""
    wait_until(lambda: sum(drover.active() for drover in drovers) == sessions, f"{sessions} sessions are open")
    return {"sessions": sessions, "user": sum(private_memory(drover.pid) for drover in drovers),
            "kernel": socket_memory(), "used": used_memory()}


def hold(drovers, seconds):
    """Seconds of CPU that the pings took, of all drovers, a second."""
    before = sum(cpu_seconds(drover.pid) for drover in drovers)
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        check_memory()
        time.sleep(min(1.0, seconds / 4))
    return (sum(cpu_seconds(drover.pid) for drover in drovers) - before) / (time.monotonic() - began)


def end_and_count(drovers, clients):
    """How many sessions there were in all, and how many had answered a ping at both ends."""
    clients.close()
    wait_until(lambda: not any(drover.active() for drover in drovers), "all sessions have ended")
    total = answered = 0
    for drover in drovers:
        if code := drover.stop():
            raise Failure(f"drover ended with {code}: {drover.said()}")
        for session in drover.sessions():
            total += 1
            answered += session["rtt_client_ms"] is not None and session["rtt_backend_ms"] is not None
    return total, answered


def measure(arguments, folder):
    """The whole run."""
    with contextlib.ExitStack() as stack:
        bench = arguments.build / "bench"
        backend_count = max(2, math.ceil(arguments.sessions / _IN_ONE_PROCESS))
        backends = [start_backend(stack, bench / "drover-bench-backend", n) for n in range(backend_count)]
        drovers, port = start_drovers(stack, arguments, folder, backends)
        clients = stack.enter_context(contextlib.ExitStack())
        steps = [sample(drovers, 0)]
        for step in range(1, arguments.steps + 1):
            target = arguments.sessions * step // arguments.steps
            open_sessions(clients, bench / "drover-bench-load", port, target - steps[-1]["sessions"])
            steps.append(sample(drovers, target))
            print(row(steps[0], steps[-1]), flush=True)
        spread = [drover.active() for drover in drovers]
        cpu = hold(drovers, arguments.hold)
        held = sum(drover.active() for drover in drovers)
        after = sample(drovers, held)
        total, answered = end_and_count(drovers, clients)
        return {"steps": steps, "after": after, "spread": spread, "cpu": cpu, "held": held, "total": total,
                "answered": answered, "max_connections": drovers[0].max_connections, "backends": backend_count}


def slope(steps, what):
    """Bytes that one more session takes: the least-squares line through the steps that have sessions."""
    used = steps[1:] if len(steps) > 2 else steps
    return statistics.linear_regression([step["sessions"] for step in used], [step[what] for step in used]).slope


def row(empty, step):
    """A step as a line of the table; a session's bytes are those above the empty processes."""
    grown = {what: step[what] - empty[what] for what in ("user", "kernel", "used")}
    mebibytes = [step["user"] / 2**20, grown["kernel"] / 2**20, grown["used"] / 2**20]
    return (f"| {step['sessions']:,} | {mebibytes[0]:,.1f} | {grown['user'] / step['sessions']:,.0f} | "
            f"{mebibytes[1]:,.0f} | {grown['kernel'] / step['sessions']:,.0f} | {mebibytes[2]:,.0f} |")


def for_a_million(result, processes):
    """The same arithmetic, spelled out."""
    steps, limit = result["steps"], result["max_connections"]
    user, kernel = slope(steps, "user"), slope(steps, "kernel") / 2  # two of four sockets are Drover's
    first, last = (int(word) for word in
                   pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split())
    ports = last - first + 1
    base = steps[0]["user"] / processes
    return [
        "For one million sessions, by the same figures:",
        "",
        f"- User memory: {_MILLION:,} × {user:,.0f} B = {_MILLION * user / 2**30:.2f} GiB, and "
        f"{base / 2**20:.1f} MiB for each process.",
        f"- Kernel memory: a session here has four sockets, two of them Drover's. {_MILLION:,} × {kernel:,.0f} B = "
        f"{_MILLION * kernel / 2**30:.1f} GiB for those two, while nothing is under way.",
        f"- Descriptors: 2 a session, {2 * _MILLION:,} in all. With {limit:,} sessions a process, as here, "
        f"{math.ceil(_MILLION / limit):,} processes; or one with `LimitNOFILE=` of a little above {2 * _MILLION:,} "
        "(`fs.nr_open` and `fs.file-max` must allow it).",
        f"- Ports: clients need none of Drover's. Towards backends there are {ports:,} for each pair of source and "
        f"backend address: {math.ceil(_MILLION / ports)} backend addresses, or "
        f"{math.ceil(_MILLION / 64_512)} with `net.ipv4.ip_local_port_range` from 1024 to 65535.",
    ]


def report(arguments, result):
    """Markdown."""
    steps, spread, held = result["steps"], result["spread"], result["held"]
    interval = arguments.hold / 2
    return "\n".join([
        f"{arguments.processes} Drover processes with one worker each share one port (`shared: true`), in front of "
        f"{result['backends']} backend processes on this machine. Each may have {result['max_connections']:,} "
        f"sessions; the kernel gave them {min(spread):,} to {max(spread):,}.",
        "",
        "| sessions | user memory of all Drovers, MiB | a session, B | kernel, MiB | a session, B | "
        "machine in all, MiB |",
        "|---:|---:|---:|---:|---:|---:|",
        *(row(steps[0], step) for step in steps[1:]),
        "",
        f"Slope over the steps: {slope(steps, 'user'):,.0f} B of user memory a session and "
        f"{slope(steps, 'kernel'):,.0f} B of kernel memory. User memory is Pss_Anon; \"a session\" is what was "
        "added to the empty processes. Kernel memory is slabs and TCP buffers, for all four sockets of a session: "
        "the client's, Drover's two, the backend's; what other programs do moves it too. \"Machine in all\" is what "
        "was added to the machine's used memory, the load's and the backends' own with it.",
        "",
        f"Held for {arguments.hold:g} s, with a ping to client and backend after {interval:g} s of silence: "
        f"{held:,} of {arguments.sessions:,} were open at the end, and {result['answered']:,} had answered at both "
        f"ends. User memory was {result['after']['user'] / 2**20:,.1f} MiB then. The Drovers took "
        f"{result['cpu'] * 100:.1f} % of one CPU together.",
        "",
        *for_a_million(result, arguments.processes),
    ])


def write_into(file, text):
    """Between the marks."""
    page = file.read_text(encoding="utf-8")
    if page.count(_BEGIN) != 1 or page.count(_END) != 1:
        raise Failure(f"{file} must have {_BEGIN} and {_END} once each")
    before, rest = page.split(_BEGIN)
    file.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{rest.split(_END)[1]}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build folder, with drover and bench/")
    parser.add_argument("--sessions", type=int, default=60_000)
    parser.add_argument("--processes", type=int, default=8, help="Drovers that share the port")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--hold", type=float, default=60.0, help="seconds")
    parser.add_argument("--write", type=pathlib.Path, help="a page with the marks of the result")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="drover-scale-") as folder:
            result = measure(arguments, pathlib.Path(folder))
        text = report(arguments, result)
        print("\n" + text)
        if not arguments.sessions == result["held"] == result["total"] == result["answered"]:
            raise Failure(f"{result['total']:,} sessions in all, {result['held']:,} held, {result['answered']:,} "
                          f"answered: {arguments.sessions:,} expected of each")
        if arguments.write:
            write_into(arguments.write, text)
    except (Failure, OSError) as failure:
        sys.exit(f"scale: {failure}")


if __name__ == "__main__":
    main()
