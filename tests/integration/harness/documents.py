"""Documents whose commands are run: their blocks, whether an answer is the documented one, and a network namespace
where the ports of the examples are free and their backends and clients are real."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLIENT_ADDRESS = "192.0.2.7"
_PEERS = ROOT / "tests/integration/peers"
_NAMESPACE = ["unshare", "--net"]
# Values of an answer that are the same in every run.
_EXACT = {"error", "reason", "status", "probe", "admin", "state", "weight", "pool", "backend", "path", "taken"}
_BY_CHANCE = re.compile(r"^\.sessions\[\d+\]\.backend$")  # which session comes first, and whom it was sent to


class Block(NamedTuple):
    """A fenced block."""
    language: str
    text: str


def sections(document):
    """The blocks under each heading of the second level, by heading; "" has what is above the first."""
    found = {}
    for part in re.split(r"^(?=## )", document, flags=re.MULTILINE):
        heading = re.match(r"## (.*)", part)
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
        found[heading[1] if heading else ""] = [Block(*block) for block in blocks]
    return found


def commands(block):
    """The command lines of a block of shell, as (command, the number behind its # or None)."""
    for line in block.text.splitlines():
        command, _, number = line.partition(" # ")
        yield command.strip(), int(number) if number else None


def check_json(shown, real):
    """Every field that a shown answer has is in the real one, with a value of the same type. Where … stands, the real
    one may have more; else it may not."""
    text = re.sub(r"…(?=\s*})", '"…":0', shown)
    _check_value(json.loads(re.sub(r"…(?=\s*])", '"…"', text)), json.loads(real), "")


def _check_value(shown, real, place):
    if isinstance(shown, dict):
        _check_object(shown, real, place)
    elif isinstance(shown, list):
        whole = shown[-1:] != ["…"]
        shown = shown if whole else shown[:-1]
        assert isinstance(real, list) and len(real) >= len(shown), f"{place}: {real}"
        assert not whole or len(real) == len(shown), f"{place} is shown as whole: {real}"
        for index, (one, other) in enumerate(zip(shown, real)):
            _check_value(one, other, f"{place}[{index}]")
    elif isinstance(shown, bool) or (place.rsplit(".", 1)[-1] in _EXACT and not _BY_CHANCE.search(place)):
        assert real == shown, place
    elif isinstance(shown, (int, float)):
        assert isinstance(real, (int, float)) and not isinstance(real, bool), f"{place}: {real}"
    else:
        assert type(real) is type(shown), f"{place}: {real}"


def _check_object(shown, real, place):
    whole = shown.pop("…", None) is None
    assert isinstance(real, dict) and shown.keys() <= real.keys(), f"{place} has not all that is shown: {real}"
    assert not whole or shown.keys() == real.keys(), f"{place} is shown as whole: {real}"
    for key, value in shown.items():
        _check_value(value, real[key], f"{place}.{key}")


def check_text(shown, real):
    """Every line that is shown is there, whatever its numbers and spaces."""
    for line in shown.splitlines():
        words = [re.sub(r"(?<![\w.-])\d+(?![\w.-])", lambda _: r"\d+", re.escape(word)) for word in line.split()]
        assert re.search(r"^\s*" + r"\s+".join(words) + r"\s*$", real, re.MULTILINE), f"no line {line!r} in:\n{real}"


class Namespace:
    """A network namespace with two backends, on ports 9001 and 9002. As a context manager it ends what runs in it."""

    def __init__(self):
        tried = subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False)
        if tried.returncode != 0 or not shutil.which("ip"):
            pytest.skip("needs root, for a network namespace")
        self._stack = contextlib.ExitStack()
        self.inside, self.backends = [], []

    def __enter__(self):
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self._stack.close)
            self._open()
            cleanup.pop_all()
        return self

    def _open(self):
        script = f"ip link set lo up && ip addr add {CLIENT_ADDRESS} dev lo && echo up && exec sleep infinity"
        holder = self._start([*_NAMESPACE, "sh", "-c", script])
        self.inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        self.backends = [self._start([*self.inside, sys.executable, str(_PEERS / "reporting_server.py"), port])
                         for port in ("9001", "9002")]

    def restart_backend(self, index):
        """The backend of self.backends, which has ended."""
        port = ("9001", "9002")[index]
        self.backends[index] = self._start([*self.inside, sys.executable, str(_PEERS / "reporting_server.py"), port])

    def _start(self, command):
        """A process that has written its first line, and is killed at the end."""
        process = self._stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        self._stack.callback(process.kill)
        assert process.stdout.readline(), command
        return process

    def open_clients(self, count, port=8080):
        """So many sessions from CLIENT_ADDRESS. They end with a Close when the stdin of what is returned is closed."""
        return self._start([*self.inside, sys.executable, str(_PEERS / "staying_clients.py"), str(port), str(count),
                            CLIENT_ADDRESS])

    def run(self, command, **options):
        """A list of words, or a line as one would type it."""
        words = ["bash", "-o", "pipefail", "-c", command] if isinstance(command, str) else command
        return subprocess.run(
            [*self.inside, *words], capture_output=True, text=True, timeout=60, check=False, **options)

    def __exit__(self, *_):
        self._stack.close()
