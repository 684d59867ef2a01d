"""1,000 sessions between foreign peers, pinged every 100 ms on both sides: nobody who answers is given up, everybody
who does not is, in time, and no session is forgotten. DROVER_PING_SECONDS is how long it lasts."""

import json
import os
import subprocess
import threading
import time

from harness import PATIENCE, SLOW, slack, wait_until
from harness.peers import NODE, ServerProcess

_SECONDS = float(os.environ.get("DROVER_PING_SECONDS", "10"))
_ANSWERING = 200 if SLOW else 1000
_MUTE = 50
_INTERVAL = 0.1
# Long enough that a peer which misses it is gone: node itself stops for its garbage, and a thousand peers share it.
_TIMEOUT = 5.0
# From ping to ping: the interval, two turns of the timer wheel at most (50 ms each), and the way there and back through
# a busy node, which is the rest.
_MOST_BETWEEN_PINGS = slack(0.4)


class _Clients:
    """The process of all clients; `reports` by path, of those that ended."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            ["node", str(NODE / "silent_clients.mjs"), url, str(_ANSWERING), str(_MUTE)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.reports = {}
        self.opened_at = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            report = json.loads(line)
            if "open" in report:
                self.opened_at = time.monotonic()
            else:
                self.reports[report["path"]] = report

    def close(self):
        """All that are left, in order; returns when the last one has ended."""
        self.process.stdin.write("close\n")
        self.process.stdin.flush()
        assert self.process.wait(PATIENCE) == 0
        self._reader.join()

    def of(self, kind):
        """The reports of those of a kind."""
        return [report for report in list(self.reports.values()) if report["path"].startswith(f"/{kind}/")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def test_nobody_is_given_up_in_error_and_nobody_forgotten(start):
    with ServerProcess("ws") as server:
        drover = start({
            "workers": 2, "backends": [server.address],
            "ping": {"clients": "100ms", "backends": "100ms", "timeout": "5s"}})
        with _Clients(f"ws://127.0.0.1:{drover.port}") as clients:
            wait_until(lambda: clients.opened_at, "all are connected", 4 * PATIENCE)
            wait_until(lambda: time.monotonic() - clients.opened_at >= max(_SECONDS, _TIMEOUT + 3),
                       "the time has passed", _SECONDS + _TIMEOUT + PATIENCE)
            assert not clients.of("answering"), "a client that answers has ended"
            clients.close()
        records = {record["path"]: record for record in drover.wait_for_sessions(_ANSWERING + _MUTE)}
        wait_until(lambda: len(server.reports) == len(records), "every report of the server")
        pings = {report["path"]: report["pings"] for report in server.reports}
    _assert_mute_ones_ended_in_time(clients, records)
    _assert_the_others_were_pinged(clients, records, pings)


def _assert_mute_ones_ended_in_time(clients, records):
    mute = clients.of("mute")
    assert len(mute) == _MUTE
    expected = _INTERVAL + _TIMEOUT
    for report in mute:
        assert (report["close"], report["pings"]) == ([1001, "ping timeout"], 1), report
        assert expected - 0.1 <= report["seconds"] <= expected + slack(0.8), report
        record = records[report["path"]]
        assert (record["initiator"], record["why"]) == ("client", "ping_timeout"), record
    print(f"mute: {_MUTE} ended after {min(report['seconds'] for report in mute):.2f} to "
          f"{max(report['seconds'] for report in mute):.2f} s")


def _assert_the_others_were_pinged(clients, records, pings_of_backends):
    answering = clients.of("answering")
    assert len(answering) == _ANSWERING
    for report in answering:
        record = records[report["path"]]
        assert (report["close"][0], record["why"], record["messages_in"]) == (1000, "normal", 0), (report, record)
        assert record["rtt_client_ms"] > 0 and record["rtt_backend_ms"] > 0
        for pings in (report["pings"], pings_of_backends[report["path"]]):
            assert pings >= int(report["seconds"] / _MOST_BETWEEN_PINGS), (report, pings)
            assert pings <= report["seconds"] / _INTERVAL + 1, (report, pings)
    for side, counts in (("clients", [report["pings"] for report in answering]),
                         ("backends", [pings_of_backends[report["path"]] for report in answering])):
        print(f"{side}: {_ANSWERING} sessions, {min(counts)} to {max(counts)} pings each, {sum(counts)} in all, in "
              f"{max(report['seconds'] for report in answering):.1f} s")
