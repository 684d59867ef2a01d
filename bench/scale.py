"""Idle sessions by the ten thousand: several Drovers share one port, and what a session costs them is measured.

Usage: scale.py --build FOLDER [--sessions N] [--processes N] [--steps N] [--hold SECONDS] [--write FILE]
Sessions are opened in steps. Every one must then answer a ping at both its ends during the hold. --write puts the
result between the marks of that file. Exit code 1 where a session was lost."""

import argparse
import contextlib
import json
import math
import pathlib
import re
import resource
import socket
import statistics
import sys
import tempfile
import time

from programs import Backend, Drover, Failure, Load, cpu_seconds, private_memory, wait_until
from report import write_into

_IN_ONE_PROCESS = 15_000  # sessions of a load or backend process, a descriptor each
_SOURCES = 8  # addresses that the load connects from: 28,000 ports each
_LEAST_AVAILABLE = 2 << 30  # bytes of free memory at which the run stops
_OPENING = 600.0  # seconds in which a load process must have opened its sessions
_MILLION = 1_000_000


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


def check_memory():
    """The machine is not ours alone."""
    if meminfo("MemAvailable") < _LEAST_AVAILABLE:
        raise Failure(f"less than {_LEAST_AVAILABLE >> 30} GiB of memory are available")


def start_drovers(stack, arguments, folder, backends):
    """All of them, on one port that the kernel chose. Their access lines go to access-N.log in `folder`."""
    # Bound, not listening: it keeps the port and gets no connection.
    reservation = stack.enter_context(socket.socket())
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind(("127.0.0.1", 0))
    port = reservation.getsockname()[1]
    # Half of the hold: each session that is silent at its start is pinged, and has answered or ended before its end.
    interval, timeout = f"{int(arguments.hold * 500)}ms", f"{int(arguments.hold * 333)}ms"
    drovers = []
    for number in range(arguments.processes):
        drovers.append(stack.enter_context(Drover(arguments.build, folder, {
            "workers": 1,
            "listeners": [{"bind": f"127.0.0.1:{port}", "shared": True}],
            "backends": backends,
            "ping": {"clients": interval, "backends": interval, "timeout": timeout},
            "shutdown": {"deadline": "10s"},
            "log": {"access": str(folder / f"access-{number}.log")},
        })))
    share = arguments.sessions / arguments.processes * 1.1  # the kernel spreads by hash, not evenly
    limit = max_connections(drovers[0])
    if share > limit:
        raise Failure(f"{arguments.sessions} sessions are too many for {arguments.processes} processes of "
                      f"{limit} each; use more")
    return drovers, port


def max_connections(drover):
    """Sessions that it may have at once."""
    return drover.health()["connection_pool"]["max_connections"]


def open_sessions(stack, build, port, count):
    """Opens them with one echo each; they stay until the stack ends the program."""
    while count > 0:
        some = min(count, _IN_ONE_PROCESS)
        load = stack.enter_context(
            Load(build, "--target", f"127.0.0.1:{port}", "--case", "idle", "--sessions", some, "--size", 64,
                 "--sources", _SOURCES, "--hold"))
        stack.callback(load.release)
        result = load.result(_OPENING, check_memory)
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


def end_and_count(drovers, clients, folder):
    """How many sessions there were in all, and how many had answered a ping at both ends."""
    clients.close()
    wait_until(lambda: not any(drover.active() for drover in drovers), "all sessions have ended")
    for drover in drovers:
        if code := drover.stop():
            raise Failure(f"drover ended with {code}: {drover.said()}")
    total = answered = 0
    for access_log in folder.glob("access-*.log"):
        with access_log.open(encoding="utf-8") as lines:
            for session in map(json.loads, lines):
                total += 1
                answered += session["rtt_client_ms"] is not None and session["rtt_backend_ms"] is not None
    return total, answered


def measure(arguments, folder):
    """The whole run."""
    with contextlib.ExitStack() as stack:
        backend_count = max(2, math.ceil(arguments.sessions / _IN_ONE_PROCESS))
        # Each has an IP address of its own: Drover has 28,000 ports towards each.
        backends = [stack.enter_context(Backend(arguments.build, [f"127.0.2.{n + 1}"])).addresses[0]
                    for n in range(backend_count)]
        drovers, port = start_drovers(stack, arguments, folder, backends)
        clients = stack.enter_context(contextlib.ExitStack())
        steps = [sample(drovers, 0)]
        for step in range(1, arguments.steps + 1):
            target = arguments.sessions * step // arguments.steps
            open_sessions(clients, arguments.build, port, target - steps[-1]["sessions"])
            steps.append(sample(drovers, target))
            print(row(steps[0], steps[-1]), flush=True)
        spread = [drover.active() for drover in drovers]
        cpu = hold(drovers, arguments.hold)
        held = sum(drover.active() for drover in drovers)
        after = sample(drovers, held)
        limit = max_connections(drovers[0])
        total, answered = end_and_count(drovers, clients, folder)
        return {"steps": steps, "after": after, "spread": spread, "cpu": cpu, "held": held, "total": total,
                "answered": answered, "max_connections": limit, "backends": backend_count}


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build folder, with drover and bench/")
    parser.add_argument("--sessions", type=int, default=60_000)
    parser.add_argument("--processes", type=int, default=8, help="Drovers that share the port")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--hold", type=float, default=60.0, help="seconds")
    parser.add_argument("--write", type=pathlib.Path, help="a page with the marks of the result")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    try:
        with tempfile.TemporaryDirectory(prefix="drover-scale-") as folder:
            result = measure(arguments, pathlib.Path(folder))
        text = report(arguments, result)
        print("\n" + text)
        if not arguments.sessions == result["held"] == result["total"] == result["answered"]:
            raise Failure(f"{result['total']:,} sessions in all, {result['held']:,} held, {result['answered']:,} "
                          f"answered: {arguments.sessions:,} expected of each")
        if arguments.write:
            write_into(arguments.write, "scale", text)
    except (Failure, OSError) as failure:
        sys.exit(f"scale: {failure}")


if __name__ == "__main__":
    main()
