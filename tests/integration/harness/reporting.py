"""Backends that say how they are, as processes that can be stopped and killed (peers/reporting_server.py)."""

import json
import pathlib
import signal
import subprocess
import sys

from harness.forms import forget, note_server, server_files

_SERVER = pathlib.Path(__file__).resolve().parents[1] / "peers/reporting_server.py"


class ReportingServer:
    """An echo server whose health, load, agent and answers to upgrades a test sets with tell()."""

    def __init__(self, port=0, tls=None, **state):
        """`tls`: what it shows (Issued); where none is given, the form of the tests decides."""
        files = list(tls.files.values()) if tls else server_files()
        self.process = subprocess.Popen([sys.executable, str(_SERVER), str(port), *files],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ports = json.loads(self.process.stdout.readline())
        self.port, self.agent_port = ports["port"], ports["agent"]
        self.address = f"127.0.0.1:{self.port}"
        note_server(self.port)
        self.tell(**state)

    def tell(self, **state):
        """Changes what it says from now on: status, body, orca, upgrade, agent. Returns what it has seen so far:
        probes, upgrades, queries (counts), hosts (of the probes)."""
        self.process.stdin.write(json.dumps(state) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def hang(self):
        """SIGSTOP: its kernel goes on accepting connections."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL, and gone when this returns."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        forget(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
