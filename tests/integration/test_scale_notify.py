"""A rolling restart: 200 clients that never stop talking, on four backends that are drained one after the other. Each
request is answered once, each push arrives once, nobody is closed, and who comes back does so at the pace."""

import json
import subprocess
import threading

from harness import PATIENCE, SLOW, wait_until
from harness.crowd import most_in_a_second
from harness.peers import NODE

_CLIENTS = 200
_DRAINS = 5 if SLOW else 20
_PACE = 20
_NAMES = "abcd"


class _Process:
    """One of Node.js that prints a JSON object a line and is told things line by line."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen(["node", str(NODE / script), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self._lines = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines |= json.loads(line)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def get(self, member):
        """What it says of that, once it does."""
        wait_until(lambda: member in self._lines or self.process.poll() is not None, member, 2 * PATIENCE)
        return self._lines[member]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()


def _ask(drover, path, method="POST", body=None):
    status, answer = drover.admin(f"/api/v1/{path}", method, body)
    assert status in (200, 202), answer
    return answer


def _drain(drover, name):
    """All of one backend, which may have sessions again when this returns. How many there were."""
    plan = _ask(drover, f"backends/default/{name}/drain", body={"pace": f"{_PACE}/s"})
    # By the log: to be asked all the time would keep Drover and this machine from what is measured.
    wait_until(lambda: any(ended["id"] == plan["id"] for ended in drover.events("drain_ended")), f"{name} is empty",
               4 * PATIENCE)
    done = _ask(drover, f"drains/{plan['id']}", "GET")
    _ask(drover, f"backends/default/{name}/ready")
    assert (done["state"], done["left"], done["warnings"]) == ("done", 0, []), done
    # All that were there when it began; nobody has come since.
    everybody = {"handoff": 0, "notify": plan["total"], "close": 0, "forced": 0, "failed": 0}
    assert done["moved"] == everybody, (plan, done)
    assert (done["total"], done["ended"]) == (plan["total"], 0), (plan, done)
    return plan["total"]


def _finish(server, clients):
    """What both know, once nothing is on its way any more; and for how long they did not run, at most, in seconds."""
    clients.tell("stop")
    server.tell("stop")
    try:
        clients.get("complete")
    except AssertionError:
        pass  # the report says what is missing
    clients.tell("report")
    stalls = (server.get("stalled") + clients.get("stall")) / 1000
    return server.get("sessions"), server.get("arrivals"), clients.get("clients"), stalls


def test_a_rolling_restart_loses_nothing_and_repeats_nothing(start):
    with _Process("numbering_server.mjs") as server:
        drover = start({"workers": 2, "backends": [
            {"name": name, "address": f"127.0.0.1:{port}"} for name, port in zip(_NAMES, server.get("ports"))]})
        with _Process("numbering_clients.mjs", f"ws://127.0.0.1:{drover.port}", str(_CLIENTS)) as clients:
            clients.get("open")
            moved = [_drain(drover, _NAMES[number % len(_NAMES)]) for number in range(_DRAINS)]
            spread = {name: backend["active"] for name, backend in drover.backends().items()}
            sessions, arrivals, reports, stalls = _finish(server, clients)
    print(f"moved {moved}, in the end {spread}")
    _assert_everything_came_once(reports)
    _assert_sessions_stayed_the_same(sessions, reports, moved)
    arrivals = [milliseconds / 1000 for milliseconds in arrivals]
    fullest = most_in_a_second(arrivals)
    print(f"{len(arrivals)} arrivals, {fullest} in the fullest second, stalls {stalls:.3f} s; "
          f"{sum(report['sent'] for report in reports)} requests, {sum(report['pushed'] for report in reports)} pushes,"
          f" {sum(report['dropped'] for report in reports)} repeats dropped")
    assert len(arrivals) == sum(moved)
    # Those of as long as one of the two was kept from running by this machine may come on top.
    assert fullest <= (1.2 + stalls) * _PACE
    _assert_spread(spread, moved)


def _assert_everything_came_once(reports):
    assert len(reports) == _CLIENTS
    nothing = {"answers": [], "pushes": []}
    for report in reports:
        assert (report["missing"], report["repeated"], report["events"]) == (nothing, nothing, []), report
        assert report["sent"] > 0 and report["pushed"] > 0
    # Those who are pushed to on both connections would have had repeats; the others were not in need of a hook.
    assert all((report["dropped"] > 0) == report["path"].startswith("/both/")
               for report in reports if report["moves"] > 0)


def _assert_sessions_stayed_the_same(sessions, reports, moved):
    assert len(sessions) == _CLIENTS
    by_path = {report["path"]: report for report in reports}
    for session in sessions:
        (path,) = {path.split("?")[0] for path in session["paths"]}
        report = by_path.pop(path)
        assert (session["plain"], session["resumed"], session["repeated"]) == (1, report["moves"], []), session
        assert session["requests"] == report["sent"]
    assert sum(report["moves"] for report in reports) == sum(moved)


def _assert_spread(spread, moved):
    """Over all but the one that was drained last, which is empty. The one before it was empty a moment ago and is the
    better of two choices at random in two cases of three: so it has less, and no backend has nothing."""
    last = _NAMES[(len(moved) - 1) % len(_NAMES)]
    assert spread.pop(last) == 0
    assert sum(spread.values()) == _CLIENTS
    mean = _CLIENTS / len(spread)
    assert all(mean / 2 <= active <= 1.5 * mean for active in spread.values()), spread
